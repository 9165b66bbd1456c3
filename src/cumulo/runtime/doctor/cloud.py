"""The running cloud: who answers at its port, who keeps its parts, and whether each does its work."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

from cumulo.runtime.doctor.findings import Finding, bad, note, well
from cumulo.runtime.engines import libvirt
from cumulo.runtime.engines.engine import CommandFailed, ovsdb_answers, run
from cumulo.runtime.engines.processes import Record
from cumulo.runtime.engines.server import NAME, answers
from cumulo.runtime.guests import libvirt_answers
from cumulo.runtime.hosts.folder import hosts_of
from cumulo.runtime.settings import port_is_free, runtime_settings
from cumulo.runtime.state import StateFolder
from cumulo.runtime.supervisor.keeping import supervisor_of
from cumulo.runtime.supervisor.parts import PartState, read_status

_FOR_GUESTS = ("libvirtd", "ovsdb-vswitch", "ovs-vswitchd", "ovsdb-sb", "ovn-controller")
_LISTENS = "0A"  # a TCP socket's state in /proc/net/tcp


def endpoint(state: StateFolder) -> Iterator[Finding]:
    """Ask who answers where clients call."""
    if not state.exists:
        yield note("cloud", f"none yet in {state.path}", "`cumulo up`")
        return
    http = runtime_settings(state).http
    if asyncio.run(answers(state, http.listen, http.port)):
        yield well("cloud", f"answers at {http.url}")
    elif Record(state.run / f"{NAME}.process").find() is not None:
        text = "its server runs and is not ready for clients"
        yield bad("cloud", text, "`cumulo logs server` says what it waits for")
    elif not port_is_free(http.port):
        mend = f"stop that, or set [http] port in {state.config} and `cumulo up`"
        yield bad("cloud", f"{_holder(http.port)} has port {http.port}", mend)
    else:
        yield note("cloud", "is stopped", "`cumulo up`")


def supervision(state: StateFolder) -> Iterator[Finding]:
    """See that parts that end are started again, and whether notes of a killed cloud lie about."""
    for one in (state, *hosts_of(state)):
        if not one.exists or supervisor_of(one) is not None:
            continue
        records = {file.stem: Record(file).find() for file in sorted(one.run.glob("*.process"))}
        if running := [name for name, process in records.items() if process and name != "supervisor"]:
            guests = libvirt.guests_running(one)
            if NAME in running or not guests:
                text = f"nobody keeps {', '.join(running)} running: the supervisor is gone"
                yield bad("supervisor", text, "`cumulo up` starts one that takes them over")
            lost = [name for name in _FOR_GUESTS if name in records and name not in running]
            if guests and lost:
                text = f"{guests} guest(s) run without {', '.join(lost)}"
                yield bad("supervisor", text, "`cumulo up` starts them again")
        if stale := [name for name, process in records.items() if process is None]:
            text = f"was not stopped in good order: {', '.join(stale)} ended without being told to"
            yield note("supervisor", text, "`cumulo up` starts anew what is gone; nothing need be removed")


def parts(state: StateFolder) -> Iterator[Finding]:
    """Pass on what the supervisor itself says."""
    for one in (state, *hosts_of(state)):
        status = read_status(one.status)
        for part in status.parts if status and supervisor_of(one) is not None else ():
            if part.state is PartState.FAILED:
                text = f"{part.name} does not stay up: {part.error}"
                yield bad("cloud", text, f"`cumulo logs {part.name}` says more")


def engines(state: StateFolder) -> Iterator[Finding]:
    """Ask each engine of a running cloud: one that hangs is running, too, for its supervisor."""
    for one in (state, *hosts_of(state)):
        if supervisor_of(one) is None or (one is state and not runtime_settings(one).engines.start):
            continue
        there = [name for name in ("vswitch", "nb", "sb") if one.socket(name).exists()]
        asked = {f"ovsdb-{name}": asyncio.run(ovsdb_answers(one.socket(name))) for name in there}
        asked |= {"ovs-vswitchd": _vswitchd(one), "libvirtd": libvirt_answers(one)}
        silent = [part for part, does in asked.items() if not does]
        for part in silent:
            process = Record(one.run / f"{part}.process").find()
            if process is None:
                yield bad("engines", f"{part} does not run", f"`cumulo logs {part}` says why")
            else:
                mend = f"kill -CONT {process.pid}, or kill -9 {process.pid}: it is started again"
                yield bad("engines", f"{part} (pid {process.pid}) runs and does not answer", mend)
        if not silent:
            yield well("engines", "libvirt, Open vSwitch and OVN's databases answer")


def _vswitchd(state: StateFolder) -> bool:
    control = f"{state.short_run}/ovs-vswitchd.ctl"
    try:
        asyncio.run(run("ovs-appctl", "--timeout=3", "-t", control, "version", seconds=5))
    except (CommandFailed, OSError):
        return False
    return True


def switches(state: StateFolder) -> Iterator[Finding]:
    """Read the files of Open vSwitch's and OVN's databases that no server has open."""
    for one in (state, *hosts_of(state)):
        for file in sorted((one.path / "ovsdb").glob("*.db")):
            if Record(one.run / f"ovsdb-{file.stem}.process").find() is not None:
                continue
            done = subprocess.run(  # noqa: S603  a list of arguments
                ["ovsdb-tool", "query", str(file), f'["{_schema(file)}"]'],  # noqa: S607
                check=False,
                capture_output=True,
                text=True,
            )
            if done.returncode:
                said = (done.stderr.strip().splitlines() or ["it cannot be read"])[-1][:200]
                mend = f"`cumulo down`, rm {file}, `cumulo up`: it is made anew from the cloud's own rows"
                yield bad("engines", f"{file} is damaged: {said}", mend)


def _schema(file: Path) -> str:
    return {"nb": "OVN_Northbound", "sb": "OVN_Southbound"}.get(file.stem, "Open_vSwitch")


def _holder(port: int) -> str:
    """Return in words who listens on a TCP port."""
    wanted = f"{port:04X}"
    inodes = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            words = line.split()
            if words[1].rpartition(":")[2] == wanted and words[3] == _LISTENS:
                inodes.add(f"socket:[{words[9]}]")
    for place in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(place.readlink()) in inodes:
                pid = place.parts[2]
                name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
                return f"{name} (pid {pid})"
        except OSError:
            continue
    return "something else"
