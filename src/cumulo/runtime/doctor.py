"""What a machine must have to run Cumulo, each finding with its mend."""

import asyncio
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import sqlalchemy

from cumulo.core.errors import Error
from cumulo.node.hypervisor.libvirt.acceleration import kvm
from cumulo.runtime.database import open_database, reason_of, shown
from cumulo.runtime.engines import datapath
from cumulo.runtime.engines.processes import Record
from cumulo.runtime.engines.server import NAME, answers
from cumulo.runtime.settings import DatabaseSettings, port_is_free, runtime_settings
from cumulo.runtime.state import StateFolder, others
from cumulo.runtime.supervisor.parts import PartState, read_status

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
_DISK_NEEDED = 5  # GiB
_MEMORY_NEEDED = 2  # GiB
_FACTS = """
SELECT current_setting('server_version'),
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend')
"""
_STUCK_STATES = frozenset({PartState.FAILED})


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at. level: `ok`, `note` (works, but know it) or `bad`; mend: what to do."""

    level: str
    about: str
    text: str
    mend: str = ""


def missing_programs(state: StateFolder) -> list[str]:
    """Return the programs that starting this cloud needs and the machine lacks."""
    if not runtime_settings(state).engines.start:
        return []
    return [name for name in PROGRAMS if shutil.which(name, path=_search_path()) is None]


def examine(state: StateFolder) -> Iterator[Finding]:
    """Look at everything, cheapest first."""
    for look in LOOKS:
        yield from look(state)


def _root(state: StateFolder) -> Iterator[Finding]:
    del state
    if os.geteuid() == 0:
        yield Finding("ok", "user", "root")
    else:
        yield Finding("bad", "user", "not root; networks and guests need it", "use sudo")


def _system(state: StateFolder) -> Iterator[Finding]:
    del state
    release = Path("/etc/os-release").read_text(encoding="utf-8")
    values = dict(line.split("=", 1) for line in release.splitlines() if "=" in line)
    name = values.get("PRETTY_NAME", "unknown").strip('"')
    if values.get("ID") == "debian" and values.get("VERSION_ID", "").strip('"') == "12":
        yield Finding("ok", "system", name)
    else:
        mend = "install the programs of requirements/debian.packages yourself"
        yield Finding("note", "system", f"{name}; only Debian 12 is tried", mend)


def _programs(state: StateFolder) -> Iterator[Finding]:
    del state
    lacking = [name for name in PROGRAMS if shutil.which(name, path=_search_path()) is None]
    for name in lacking:
        mend = f"apt-get install --no-install-recommends {PROGRAMS[name]}"
        yield Finding("bad", "programs", f"{name} is missing", mend)
    if not QEMU_DRIVER.exists():
        mend = "apt-get install --no-install-recommends libvirt-daemon-driver-qemu"
        yield Finding("bad", "programs", "libvirt's QEMU driver is missing", mend)
    if importlib.util.find_spec("libvirt") is None:
        mend = "apt-get install python3-libvirt; then ./cumulo again"
        yield Finding("bad", "programs", "libvirt's Python binding is missing", mend)
    if not lacking:
        yield Finding("ok", "programs", f"all {len(PROGRAMS)} are there")


def _kernel(state: StateFolder) -> Iterator[Finding]:
    del state
    if not Path("/dev/net/tun").exists():
        yield Finding("bad", "kernel", "/dev/net/tun is missing", "modprobe tun")
    probe = subprocess.run(["/usr/bin/unshare", "--mount", "true"], check=False, capture_output=True)
    if probe.returncode:
        mend = "a container needs CAP_SYS_ADMIN (`--privileged`)"
        yield Finding("bad", "kernel", "mount namespaces are not allowed", mend)
    if Path("/sys/module/openvswitch").exists():
        yield Finding("ok", "kernel", "has the openvswitch module")
    else:
        mend = "modprobe openvswitch before the first start, if the kernel has it"
        yield Finding("note", "kernel", "no openvswitch module: networks run in userspace", mend)


def _acceleration(state: StateFolder) -> Iterator[Finding]:
    if not state.exists or os.geteuid() != 0:
        return
    found = asyncio.run(kvm(state.path / "run" / "kvm"))
    if found.usable:
        yield Finding("ok", "KVM", found.reason)
    else:
        mend = "use a machine with hardware virtualisation; guests boot in some 10 s without"
        yield Finding("note", "KVM", f"not usable, guests are emulated: {found.reason}", mend)


def _room(state: StateFolder) -> Iterator[Finding]:
    folder = next(p for p in (state.path, *state.path.parents) if p.exists())
    free = shutil.disk_usage(folder).free / _GIB
    mend = "free some, or give --state a folder on another disk"
    level = "ok" if free >= _DISK_NEEDED else "bad"
    yield Finding(level, "disk", f"{free:.0f} GiB free for {state.path}", "" if level == "ok" else mend)
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    memory = int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]) / 1024**2
    level = "ok" if memory >= _MEMORY_NEEDED else "note"
    mend = "" if level == "ok" else "few guests will fit"
    yield Finding(level, "memory", f"{memory:.1f} GiB available", mend)


def _network(state: StateFolder) -> Iterator[Finding]:
    if os.geteuid() == 0 and datapath.taken():
        mend = "stop that ovs-vswitchd; only one with this device's name can start"
        yield Finding("bad", "network", "another Open vSwitch has the device ovs-netdev", mend)
    for cloud in others(state):
        text = f"another cloud, in {cloud.path}, is {_cloud_state(cloud)}"
        yield Finding("note", "network", text, "none needed: they share nothing")


def _database(state: StateFolder) -> Iterator[Finding]:
    settings = runtime_settings(state).database
    if not settings.url:
        return  # a file of the state folder
    try:
        version, free = asyncio.run(_asked(state, settings))
    except (Error, ValueError) as error:
        mend = f"start it, or mend [database] url in {state.config}; the cloud goes on by itself"
        yield Finding("bad", "database", f"{shown(settings)} cannot be used: {reason_of(error)}", mend)
        return
    yield Finding("ok", "database", f"{shown(settings)} answers, version {version}")
    if free < settings.connections:
        mend = "raise its max_connections, or lower [database] connections"
        yield Finding("note", "database", f"only {free} more connections are allowed", mend)


async def _asked(state: StateFolder, settings: DatabaseSettings) -> tuple[str, int]:
    """Return PostgreSQL's version, and how many more connections it allows."""
    database = await open_database(state, settings)
    try:
        async with database.read() as db:
            return (await db.rows(sqlalchemy.text(_FACTS)))[0]
    finally:
        await database.close()


def _cloud_state(cloud: StateFolder) -> str:
    status = read_status(cloud.status)
    return "running" if status and Path(f"/proc/{status.pid}").exists() else "stopped"


def _cloud(state: StateFolder) -> Iterator[Finding]:
    if not state.exists:
        yield Finding("note", "cloud", f"none yet in {state.path}", "./cumulo up")
        return
    http = runtime_settings(state).http
    if asyncio.run(answers(state, http.listen, http.port)):
        yield Finding("ok", "cloud", f"answers at {http.url}")
    elif Record(state.run / f"{NAME}.process").find() is not None:
        yield Finding("bad", "cloud", "its server runs and is not ready for clients", "cumulo logs server")
    elif not port_is_free(http.port):
        mend = f"set [http] port in {state.config}"
        yield Finding("bad", "cloud", f"something else has port {http.port}", mend)
    else:
        yield Finding("note", "cloud", "is stopped", "./cumulo up")
    status = read_status(state.status)
    for part in status.parts if status else ():
        if part.state in _STUCK_STATES:
            mend = f"cumulo logs {part.name}"
            yield Finding("bad", "cloud", f"{part.name}: {part.error}", mend)


def _search_path() -> str:
    return os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


LOOKS: tuple[Callable[[StateFolder], Iterator[Finding]], ...] = (
    _root,
    _system,
    _programs,
    _kernel,
    _room,
    _network,
    _database,
    _cloud,
    _acceleration,
)
