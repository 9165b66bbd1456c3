"""A root file system for containers in tests, from programs of this machine: a shell that says what it is."""

import re
import tarfile
from io import BytesIO
from pathlib import Path

from cumulo.testing.launched import said_by

PROGRAMS = ("/bin/sh", "/usr/bin/sleep", "/usr/bin/id", "/usr/bin/cat")
INIT = """#!/bin/sh
PATH=/bin:/usr/bin
trap 'echo going down; exit 0' TERM
echo "container's user: $(id -u)"
echo "container's devices: $(cat /proc/net/dev | tr -s ' ' 2> /dev/null)"
while :; do sleep 0.2; done
"""
FOLDERS = ("bin", "dev", "etc", "proc", "sbin", "sys", "tmp", "usr/bin", "var/lib/cloud/seed/config_drive")


def archive(path: Path, *, script: str = INIT) -> Path:
    """Write the archive, compressed, with `script` as the first process."""
    with tarfile.open(path, "w:gz") as made:
        for folder in FOLDERS:
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            made.addfile(entry)
        for file in sorted({*PROGRAMS, *_libraries()}):
            _add(made, file, Path(file).resolve().read_bytes())
        _add(made, "/sbin/init", script.encode())
    return path


def _libraries() -> set[str]:
    said = said_by(["ldd", *PROGRAMS])
    return set(re.findall(r"(/\S+) \(0x", said))


def _add(made: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name.lstrip("/"))
    entry.size, entry.mode = len(content), 0o755
    made.addfile(entry, BytesIO(content))
