"""The userspace datapath's one device name, which all ovs-vswitchd of a network namespace would share.

Every daemon makes a device `ovs-netdev` for its datapath and fails where another has it. Nothing looks the
device up by its name later, so each of ours is renamed as soon as it is there; a lock of the machine keeps
those who are between start and rename apart.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import struct
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from cumulo.runtime.state import RUN

DEVICE = "ovs-netdev"
_DEVICES = Path("/sys/class/net")
_TUN = Path("/dev/net/tun")
_TUNSETIFF = 0x400454CA  # linux/if_tun.h
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000


@contextlib.asynccontextmanager
async def sole_start() -> AsyncIterator[None]:
    """Hold the machine's lock of those who start an ovs-vswitchd, until its device is renamed."""
    while (descriptor := _lock(fcntl.LOCK_NB)) is None:  # noqa: ASYNC110  another process has it
        await asyncio.sleep(0.05)
    try:
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def sole_start_blocking() -> Iterator[None]:
    """Do the same where there is no loop."""
    descriptor = _lock(0)
    try:
        yield
    finally:
        os.close(descriptor or -1)


def _lock(flags: int) -> int | None:
    descriptor = os.open(RUN / "cumulo-openvswitch.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | flags)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def taken() -> bool:
    """Say whether another daemon has the device. (One that a killed daemon left is nobody's.)"""
    if not (_DEVICES / DEVICE).exists():
        return False
    request = struct.pack("16sH22x", DEVICE.encode(), _IFF_TAP | _IFF_NO_PI)
    with _TUN.open("rb+", buffering=0) as tun:
        try:
            fcntl.ioctl(tun, _TUNSETIFF, request)
        except OSError as error:
            return error.errno == errno.EBUSY
    return False


def rename(name: str) -> None:
    """Give the device another name; nothing when there is none."""
    if (_DEVICES / DEVICE).exists():
        remove(name)
        subprocess.run(  # noqa: S603  a list of arguments
            ["/bin/ip", "link", "set", DEVICE, "name", name], check=True, capture_output=True
        )


def remove(name: str) -> None:
    """Remove a datapath's device, which outlives a killed daemon; nothing when there is none."""
    if (_DEVICES / name).exists():
        subprocess.run(  # noqa: S603  a list of arguments
            ["/bin/ip", "link", "delete", name], check=True, capture_output=True
        )
