"""The userspace datapath's one device name, which all ovs-vswitchd of a network namespace would share.

Every daemon makes a device `ovs-netdev` for its datapath and fails where another has it. Nothing looks the
device up by its name later, so each of ours is renamed as soon as it is there; a lock keeps those who are
between start and rename apart. It is an abstract socket: these, too, are the network namespace's, whoever of
it has which files.
"""

import asyncio
import contextlib
import errno
import fcntl
import socket
import struct
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

DEVICE = "ovs-netdev"
_PAUSE = 0.05  # seconds between two tries for the lock
_DEVICES = Path("/sys/class/net")
_TUN = Path("/dev/net/tun")
_TUNSETIFF = 0x400454CA  # linux/if_tun.h
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000


@contextlib.asynccontextmanager
async def sole_start() -> AsyncIterator[None]:
    """Hold the lock of those who start an ovs-vswitchd, until its device is renamed."""
    while (lock := _lock()) is None:  # noqa: ASYNC110  another process has it
        await asyncio.sleep(_PAUSE)
    with lock:
        yield


@contextlib.contextmanager
def sole_start_blocking() -> Iterator[None]:
    """Do the same where there is no loop."""
    while (lock := _lock()) is None:
        time.sleep(_PAUSE)  # there is no loop
    with lock:
        yield


def _lock() -> socket.socket | None:
    """Return what has the lock until it is closed; None while another has it."""
    lock = socket.socket(socket.AF_UNIX)
    try:
        lock.bind("\0cumulo-openvswitch")
    except OSError as error:
        lock.close()
        if error.errno != errno.EADDRINUSE:
            raise
        return None
    return lock


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
