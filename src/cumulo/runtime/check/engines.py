"""What stands on a cloud's hosts: guests, their traces, volumes and exports, in engines or in fakes."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import libvirt
import msgspec

from cumulo.contracts.hypervisor import PowerState
from cumulo.node.hypervisor.fake import FakeGuest
from cumulo.node.metadata.namespaces import NAMESPACES
from cumulo.node.ports import taps
from cumulo.node.ports.wiring import OWNER
from cumulo.node.volumes.fake import FakeVolume
from cumulo.node.volumes.storage_daemon import StorageDaemon
from cumulo.runtime.engines import libvirt as daemons
from cumulo.runtime.exports import storage_daemons
from cumulo.runtime.guests import connected
from cumulo.runtime.hosts.folder import hosts_of, namespace
from cumulo.runtime.local import place
from cumulo.runtime.memory import Contents, read
from cumulo.runtime.state import StateFolder

_OTHERWISE = {  # libvirt's numbers of states in which a guest neither runs nor is paused
    libvirt.VIR_DOMAIN_SHUTOFF,
    libvirt.VIR_DOMAIN_CRASHED,
    libvirt.VIR_DOMAIN_SHUTDOWN,
}


class Guest(msgspec.Struct, frozen=True):
    """A guest: whether it runs (or is paused), and the ids of its volumes and ports where that is known."""

    runs: bool
    volumes: frozenset[str] | None = None
    ports: frozenset[str] | None = None


class Trace(msgspec.Struct, frozen=True):
    """Something on a host that is a server's (or a network's): what it is, its name, and whose."""

    kind: str
    name: str
    owner: str


class Stored(msgspec.Struct):
    """What pools hold: volumes' ids, snapshots' ids, and exports with the volume that each shows.

    served: what daemons must export, as they call it: a volume, or `volume@snapshot`.
    """

    volumes: set[str] = msgspec.field(default_factory=set)
    snapshots: set[str] = msgspec.field(default_factory=set)
    exports: dict[str, str] = msgspec.field(default_factory=dict)
    served: set[str] = msgspec.field(default_factory=set)


class Standing(msgspec.Struct):
    """What stands. guests: host → server's id → guest.

    idle: the storage daemons that export nothing that a pool's records ask for.
    """

    guests: dict[str, dict[str, Guest]] = msgspec.field(default_factory=dict)
    traces: list[Trace] = msgspec.field(default_factory=list)
    stored: Stored = msgspec.field(default_factory=Stored)
    idle: set[str] = msgspec.field(default_factory=set)


def of_fakes(state: StateFolder) -> Standing:
    """Return what remembering drivers remember, where they keep it."""
    standing = Standing()
    for name, holds in read(state.fakes).items():
        kind, _, whose = name.partition(" ")
        if kind == "hypervisor":
            guests = cast("dict[str, FakeGuest]", holds["guests_by_id"])
            standing.guests[whose] = {id_: _remembered(guest) for id_, guest in guests.items()}
            standing.traces += _remembered_traces(whose, holds)
        elif kind == "pool":
            _add_remembered(standing.stored, holds["volumes"])
    return standing


def _remembered(guest: FakeGuest) -> Guest:
    return Guest(
        runs=guest.power in (PowerState.RUNNING, PowerState.PAUSED),
        volumes=frozenset(disk.volume_id for disk in guest.spec.volumes),
        ports=frozenset(nic.port_id for nic in guest.spec.nics),
    )


def _remembered_traces(host: str, holds: Contents) -> Iterator[Trace]:
    yield from (Trace("disk set aside", f"on {host}", id_) for id_ in holds["kept"])
    yield from (Trace("guest expected", f"on {host}", id_) for id_ in holds["expected"])
    pairs = cast("Any", (*holds["snapshots"], *holds["mirrors"]))
    yield from (Trace("copy of a disk", name, id_) for id_, name in pairs)


def _add_remembered(stored: Stored, volumes: dict[str, FakeVolume]) -> None:
    for id_, volume in volumes.items():
        stored.volumes.add(id_)
        stored.snapshots |= volume.snapshots.keys()
        stored.exports |= dict.fromkeys(volume.exports, id_)


def of_engines(cloud: StateFolder) -> Standing:
    """Return what stands in the engines of the machine's own host and of the further ones on it."""
    standing = Standing()
    for host in (cloud, *hosts_of(cloud)):
        standing.guests[host.host] = _guests(host)
        standing.traces += _traces(host, host_namespaced=host is not cloud)
    for file in sorted(cloud.path.glob("*/volumes/*.json")):
        _add_record(standing.stored, file)
    standing.idle = storage_daemons(cloud).keys() - {_daemon(key) for key in standing.stored.served}
    return standing


def _guests(host: StateFolder) -> dict[str, Guest]:
    prefix = place(host).domain_prefix
    with connected(daemons.uri(host), only_reading=True) as connection:
        return {
            domain.name().removeprefix(prefix): Guest(runs=domain.state()[0] not in _OTHERWISE)
            for domain in connection.listAllDomains()
        }


def _traces(host: StateFolder, *, host_namespaced: bool) -> Iterator[Trace]:
    """Yield what is a server's in the host's folder, on its switch and among the machine's devices."""
    at = place(host)
    yield from (Trace("folder", str(path), path.name) for path in at.servers.glob("*"))
    for name, owner in _switch_ports(host).items():
        yield Trace("port of the switch", name, owner)
    if not host_namespaced:  # the devices of further hosts are in their own namespaces
        own = f"cumulo:{host.instance}:"
        for name, alias in taps.owned(own).items():
            yield Trace("tap", name, alias.removeprefix(own))
    for path in NAMESPACES.glob(f"cu{host.instance}-*"):
        if path.name != namespace(host):
            yield Trace("namespace", path.name, path.name.partition("-")[2])


def _switch_ports(host: StateFolder) -> dict[str, str]:
    database = f"--db=unix:{host.socket('vswitch')}"
    columns = ("--format=json", "--columns=name,external_ids", "list", "Interface")
    done = subprocess.run(  # noqa: S603  a list of arguments of our own
        ["ovs-vsctl", database, "--timeout=10", *columns],  # noqa: S607  Debian's
        check=True,
        capture_output=True,
        text=True,
    )
    rows = [(name, dict(ids[1])) for name, ids in json.loads(done.stdout)["data"]]
    return {name: ids[OWNER] for name, ids in rows if OWNER in ids}


def _add_record(stored: Stored, file: Path) -> None:
    """Add what a pool's record of a volume says (`node/volumes/files/records`)."""
    try:
        record = json.loads(file.read_bytes())
    except FileNotFoundError:  # deleted meanwhile
        return
    if not record.get("managed", True):
        return
    stored.volumes.add(record["volume_id"])
    stored.snapshots |= record.get("snapshots", {}).keys()
    exports = record.get("exports", {})
    stored.exports |= dict.fromkeys(exports, record["volume_id"])
    for export in exports.values():
        snapshot = export.get("snapshot")
        stored.served.add(f"{record['volume_id']}@{snapshot}" if snapshot else record["volume_id"])


def _daemon(key: str) -> str:
    """Return what the files of the daemon that serves this are called (`node/volumes/storage_daemon`)."""
    return StorageDaemon(Path(), key).socket.stem
