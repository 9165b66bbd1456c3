"""Persistent tap devices, made by the node itself so that no engine decides on their lives.

Each carries an alias `cumulo:INSTANCE:SERVER` (`ip link` shows it), by which devices are known to
be ours even when the process is killed between any two lines. Constants are Linux's `if_tun.h` and
`sockios.h`.
"""

import fcntl
import os
import socket
import struct
from pathlib import Path

from cumulo.core.drivers import Permanent
from cumulo.node.commands import run

TUNSETIFF = 0x400454CA
TUNSETPERSIST = 0x400454CB
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
IFF_VNET_HDR = 0x4000
IFF_UP = 0x1
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
SIOCSIFMTU = 0x8922

DEVICES = Path("/sys/class/net")
CLONE = "/dev/net/tun"


def ensure(name: str, *, mtu: int, owner: str) -> None:
    """Have a persistent tap of this name, up, with this MTU and alias."""
    if not exists(name):
        _create(name, owner)
    elif alias(name) != owner:
        raise Permanent(f"{name} is a device of {alias(name) or 'somebody else'}")
    _configure(name, mtu)


def exists(name: str) -> bool:
    """Say whether the host has a device of this name."""
    return (DEVICES / name).exists()


def alias(name: str) -> str:
    """Return a device's alias, empty when it has none or does not exist."""
    try:
        return (DEVICES / name / "ifalias").read_text().strip()
    except OSError:
        return ""


def owned(prefix: str) -> dict[str, str]:
    """Return the devices whose alias begins with `prefix`: name → alias."""
    names = (device.name for device in DEVICES.iterdir())
    return {name: text for name in names if (text := alias(name)).startswith(prefix)}


async def remove(name: str) -> None:
    """Remove a device, whoever has it open; one that is gone is no error."""
    if exists(name):
        try:
            await run("ip", "link", "delete", "dev", name, seconds=20)
        except Permanent:
            if exists(name):
                raise


def _create(name: str, owner: str) -> None:
    """Create the device; it becomes persistent only once it carries its owner's name."""
    request = struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)
    handle = os.open(CLONE, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(handle, TUNSETIFF, request)
        (DEVICES / name / "ifalias").write_text(owner)
        fcntl.ioctl(handle, TUNSETPERSIST, 1)
    finally:
        os.close(handle)


def _configure(name: str, mtu: int) -> None:
    """Set the MTU and bring the device up; the host itself must not speak IPv6 on it."""
    quiet = Path("/proc/sys/net/ipv6/conf") / name / "disable_ipv6"
    if quiet.exists():
        quiet.write_text("1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        fcntl.ioctl(channel, SIOCSIFMTU, struct.pack("16si20x", name.encode(), mtu))
        answer = fcntl.ioctl(channel, SIOCGIFFLAGS, struct.pack("16sh22x", name.encode(), 0))
        flags = struct.unpack("16sh22x", answer)[1] | IFF_UP
        fcntl.ioctl(channel, SIOCSIFFLAGS, struct.pack("16sh22x", name.encode(), flags))
