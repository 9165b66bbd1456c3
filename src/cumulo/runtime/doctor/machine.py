"""The machine: who we are, what is installed, what the kernel gives, room, memory and time."""

import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from cumulo.core import clock as clocks
from cumulo.node.hypervisor.libvirt.acceleration import DEVICE, MODULES, kvm
from cumulo.runtime.backup.contents import KEYS
from cumulo.runtime.doctor.findings import Finding, bad, note, well
from cumulo.runtime.settings import runtime_settings
from cumulo.runtime.state import StateFolder

# program → the Debian package that has it
PROGRAMS = {
    "libvirtd": "libvirt-daemon",
    "virtlogd": "libvirt-daemon",
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "ovs-vswitchd": "openvswitch-switch",
    "ovs-vsctl": "openvswitch-switch",
    "ovsdb-server": "openvswitch-common",
    "ovsdb-tool": "openvswitch-common",
    "ovn-northd": "ovn-central",
    "ovn-controller": "ovn-host",
    "ovn-nbctl": "ovn-common",
    "ip": "iproute2",
    "ethtool": "ethtool",
    "unshare": "util-linux",
    "genisoimage": "genisoimage",
}
QEMU_DRIVER = Path("/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so")
_GIB = 1024**3
_DISK_NEEDED = 5  # GiB; with less, new images and guests soon fail
_DISK_LEAST = 0.2  # GiB; with less, the database does not grow
_INODES_NEEDED = 0.02  # share of those that there are
_MEMORY_NEEDED = 2  # GiB
_SKEW = timedelta(minutes=5)


def missing_programs(state: StateFolder) -> list[str]:
    """Return the programs that starting this cloud needs and the machine lacks."""
    if not runtime_settings(state).engines.start:
        return []
    return [name for name in PROGRAMS if shutil.which(name, path=_search_path()) is None]


def user(state: StateFolder) -> Iterator[Finding]:
    """Ask for root, which networks and guests need."""
    del state
    if os.geteuid() == 0:
        yield well("user", "root")
    else:
        yield bad("user", "not root; networks and guests need it", "use sudo")


def system(state: StateFolder) -> Iterator[Finding]:
    """Name the system: Debian 12 is what is tried."""
    del state
    release = Path("/etc/os-release").read_text(encoding="utf-8")
    values = dict(line.split("=", 1) for line in release.splitlines() if "=" in line)
    name = values.get("PRETTY_NAME", "unknown").strip('"')
    if values.get("ID") == "debian" and values.get("VERSION_ID", "").strip('"') == "12":
        yield well("system", name)
    else:
        mend = "install the programs of requirements/debian.packages yourself"
        yield note("system", f"{name}; only Debian 12 is tried", mend)


def programs(state: StateFolder) -> Iterator[Finding]:
    """Look for the engines' programs, each in a Debian package."""
    del state
    lacking = [name for name in PROGRAMS if shutil.which(name, path=_search_path()) is None]
    for name in lacking:
        mend = f"apt-get install --no-install-recommends {PROGRAMS[name]}"
        yield bad("programs", f"{name} is missing", mend)
    if not QEMU_DRIVER.exists():
        mend = "apt-get install --no-install-recommends libvirt-daemon-driver-qemu"
        yield bad("programs", "libvirt's QEMU driver is missing", mend)
    if importlib.util.find_spec("libvirt") is None:
        mend = "apt-get install python3-libvirt; then ./cumulo again"
        yield bad("programs", "libvirt's Python binding is missing", mend)
    if not lacking:
        yield well("programs", f"all {len(PROGRAMS)} are there")


def kernel(state: StateFolder) -> Iterator[Finding]:
    """Ask what the kernel allows, and has."""
    del state
    if not Path("/dev/net/tun").exists():
        yield bad("kernel", "/dev/net/tun is missing", "modprobe tun")
    command = ["/usr/bin/unshare", "--mount", "true"]
    probe = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  our own
    if probe.returncode:
        mend = "a container needs CAP_SYS_ADMIN (`--privileged`); a chroot must be bound onto itself"
        yield bad("kernel", f"mount namespaces are not allowed ({probe.stderr.strip()})", mend)
    if Path("/sys/module/openvswitch").exists():
        yield well("kernel", "has the openvswitch module")
    else:
        mend = "modprobe openvswitch before the first start, if the kernel has it"
        yield note("kernel", "no openvswitch module: networks run in userspace", mend)


def room(state: StateFolder) -> Iterator[Finding]:
    """Measure disk, inodes and memory."""
    place = next(p for p in (state.path, *state.path.parents) if p.exists())
    free, facts = shutil.disk_usage(place).free / _GIB, os.statvfs(place)
    mend = "`du -xh --max-depth=2 DIR | sort -h | tail` shows what takes it; docs/operating.md: A full disk"
    mend = mend.replace("DIR", str(place))
    if free < _DISK_LEAST:
        yield bad("disk", f"full: {free * 1024:.0f} MiB free for {state.path}; writes fail", mend)
    elif free < _DISK_NEEDED:
        yield bad("disk", f"nearly full: {free:.1f} GiB free for {state.path}", mend)
    else:
        yield well("disk", f"{free:.0f} GiB free for {state.path}")
    if facts.f_files and facts.f_favail < _INODES_NEEDED * facts.f_files:
        yield bad("disk", f"only {facts.f_favail} more files fit on the disk of {state.path}", mend)
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    memory = int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]) / 1024**2
    if memory >= _MEMORY_NEEDED:
        yield well("memory", f"{memory:.1f} GiB available")
    else:
        mend = "few guests will fit: stop some, or raise [compute] reserved_memory_mib"
        yield note("memory", f"{memory:.1f} GiB available", mend)


def clock(state: StateFolder) -> Iterator[Finding]:
    """Hold the time against what this cloud has noted: tokens of the future are valid nowhere."""
    now = clocks.now()
    latest = max(_moments(state), default=now)
    if latest > now + _SKEW:
        text = f"it is {now:%Y-%m-%d %H:%M} UTC, and this cloud was at work at {latest:%Y-%m-%d %H:%M}"
        mend = "set the clock: `timedatectl set-ntp true`, or `date -s`; tokens and leases go by it"
        yield bad("clock", text, mend)
    elif state.exists:
        yield well("clock", f"{now:%Y-%m-%d %H:%M} UTC, later than all that the cloud has noted")


def acceleration(state: StateFolder) -> Iterator[Finding]:
    """Ask whether a guest really runs on KVM: the device proves nothing."""
    if not state.exists or os.geteuid() != 0:
        return
    try:
        found = asyncio.run(kvm(state.path / "run" / "kvm"))
    except OSError as error:
        yield note("KVM", f"was not tried: {error}", "mend the disk first")
        return
    if found.usable:
        yield well("KVM", found.reason)
        return
    mend = "use a machine with hardware virtualisation; guests boot in some 10 s without"
    if DEVICE.exists() and any(module.exists() for module in MODULES):
        mend = "turn nested virtualisation on in the host of this machine; guests boot in some 10 s without"
    elif any(module.exists() for module in MODULES):
        mend = "give the container /dev/kvm (`--device /dev/kvm`); guests boot in some 10 s without"
    yield note("KVM", f"not usable, guests are emulated: {found.reason}", mend)


def _moments(state: StateFolder) -> Iterator[datetime]:
    """Yield times at which this cloud surely was at work."""
    for file in (state.path / "cumulo.db", state.path / "cumulo.db-wal", state.status):
        if file.exists():
            yield datetime.fromtimestamp(file.stat().st_mtime, tz=clocks.now().tzinfo)
    for key in (file for name in KEYS for file in (state.path / name).glob("*.key")):
        try:
            yield datetime.fromisoformat(json.loads(key.read_text(encoding="ascii"))["made"])
        except (OSError, ValueError, KeyError):
            continue  # `folder.keys` says it


def _search_path() -> str:
    return os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
