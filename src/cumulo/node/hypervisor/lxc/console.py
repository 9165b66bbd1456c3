"""Keep what a container writes to its console: `python -m cumulo.node.hypervisor.lxc.console TTY LOG`.

A process of its own, so that nothing is lost and no container waits while we restart. There is one a log (it
holds a lock on it), and it ends with the container. The log keeps the newest half once it is full.
"""

import fcntl
import os
import sys
import time
from pathlib import Path

LARGEST = 2 << 20  # bytes
PIECE = 1 << 16


def keep(tty: Path, log: Path) -> None:
    """Append what comes from the terminal to the log until nobody is at its other end."""
    file = os.open(log, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # another one is at it
    terminal = os.open(tty, os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    while True:
        try:
            piece = os.read(terminal, PIECE)
        except OSError:
            return  # the container ended
        if not piece:
            return
        append(file, piece)
        time.sleep(0.02)  # a process of its own may block; a container that writes without end costs little


def append(file: int, piece: bytes, largest: int = LARGEST) -> None:
    """Append to a log that never grows beyond `largest` bytes."""
    size = os.lseek(file, 0, os.SEEK_END)
    if size + len(piece) > largest:
        kept = os.pread(file, largest // 2, max(size - largest // 2, 0))
        os.ftruncate(file, 0)
        os.pwrite(file, kept, 0)
        size = len(kept)
    os.pwrite(file, piece, size)


if __name__ == "__main__":
    keep(Path(sys.argv[1]), Path(sys.argv[2]))
