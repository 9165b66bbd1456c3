"""Root file systems for containers in tests: of this machine's programs, or busybox where more is needed."""

import re
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

from cumulo.runtime.images import packages
from cumulo.testing.launched import said_by

PROGRAMS = ("/bin/sh", "/usr/bin/sleep", "/usr/bin/id", "/usr/bin/cat")
INIT = """#!/bin/sh
PATH=/bin:/usr/bin
trap 'echo going down; exit 0' TERM
echo "container's user: $(id -u)"
echo "container's devices: $(cat /proc/net/dev | tr -s ' ' 2> /dev/null)"
while :; do sleep 0.2; done
"""
# nc, for Debian's static wget looks up a port's number and falls over where the libraries for it are missing.
NETWORKED = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
trap 'echo going down; exit 0' TERM
echo boot >> /boots
ip link set lo up
until udhcpc -i eth0 -s /etc/lease -O staticroutes -n -q -t 3 -T 1; do sleep 0.2; done
echo "address: $(ip -o -4 address show dev eth0 | tr -s ' ' | cut -d' ' -f4)"
ask() { printf 'GET /openstack/latest/meta_data.json HTTP/1.0\\r\\n\\r\\n' | nc -w 5 169.254.169.254 80; }
until told=$(ask | grep uuid); do sleep 1; done
echo "server: $told"
echo "boots: $(grep -c boot /boots)"
while :; do sleep 0.2; done
"""
LEASE = """#!/bin/sh
[ "$1" = bound ] || exit 0
ip address add "$ip/$mask" dev "$interface"
set -- $staticroutes
while [ $# -gt 1 ]; do
    ip route add "$1" via "$2" dev "$interface"
    shift 2
done
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


def networked(path: Path) -> Path:
    """Write the archive of a root of Debian's busybox that gets its address by DHCP and asks for metadata."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(path, "w:gz") as made:
        material = Path(folder) / "material"
        packages.unpack(list(packages.fetch(["busybox-static"], Path(folder)).values()), material)
        for name in FOLDERS:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            made.addfile(entry)
        _add(made, "/bin/busybox", (material / "bin/busybox").read_bytes())
        _add(made, "/sbin/init", NETWORKED.encode())
        _add(made, "/etc/lease", LEASE.encode())
    return path


def _libraries() -> set[str]:
    said = said_by(["ldd", *PROGRAMS])
    return set(re.findall(r"(/\S+) \(0x", said))


def _add(made: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name.lstrip("/"))
    entry.size, entry.mode = len(content), 0o755
    made.addfile(entry, BytesIO(content))
