"""What stands on the hosts held against the database: what is there without a reason, and what is missing."""

from collections.abc import Iterator

from cumulo.core.db import Model
from cumulo.runtime.check.books import Books
from cumulo.runtime.check.engines import Guest, Standing
from cumulo.runtime.check.finding import Finding
from cumulo.services.block_storage.model import VolumeStatus
from cumulo.services.compute.model import Server, VmState

_HAS_GUEST = {VmState.ACTIVE, VmState.PAUSED, VmState.SUSPENDED, VmState.RESCUED}
"""One that is off may have none: that is made anew when it starts."""

_RUNS = {VmState.ACTIVE, VmState.PAUSED}
_RUNS_NOT = {VmState.STOPPED, VmState.SUSPENDED}
_SETTLED = {*_HAS_GUEST, *_RUNS_NOT}
_OF_MIGRATIONS = {"disk set aside", "guest expected"}


def findings(books: Books, standing: Standing) -> Iterator[Finding]:
    """Yield what differs."""
    yield from _strangers(books, standing)
    yield from _guests(books, standing)
    yield from _traces(books, standing)
    yield from _stored(books, standing)
    yield from _exports(books, standing)


def _strangers(books: Books, standing: Standing) -> Iterator[Finding]:
    for host, guests in standing.guests.items():
        for id_ in guests:
            server = books.servers.get(id_)
            if server is None:
                yield Finding("guest", id_, f"on {host} is of no server")
            elif host not in (server.host, books.asides[id_].host):
                yield Finding("guest", id_, f"is on {host}; its server is on {server.host}")


def _guests(books: Books, standing: Standing) -> Iterator[Finding]:
    for server in books.servers.values():
        guests = standing.guests.get(server.host or "")
        guest = guests.get(server.id) if guests is not None else None
        if guest is None and guests is not None and server.vm_state in _HAS_GUEST:
            yield Finding("server", server.id, f"is {server.vm_state.value}, and {server.host} has no guest")
        elif guest is not None and server.vm_state in _SETTLED:
            yield from _guest(books, server, guest)


def _guest(books: Books, server: Server, guest: Guest) -> Iterator[Finding]:
    state = server.vm_state
    if (state in _RUNS and not guest.runs) or (state in _RUNS_NOT and guest.runs):
        yield Finding("server", server.id, f"is {state.value}, and its guest {_does(guest)}")
    if guest.volumes is not None:
        mine = {str(one.volume_id) for one in books.mappings if one.server_id == server.id and one.attached}
        yield from _unequal(server, "volumes", mine, guest.volumes)
    if guest.ports is not None:
        cards = {port.id for port in books.ports.values() if port.device_id == server.id}
        yield from _unequal(server, "ports", cards, guest.ports)


def _does(guest: Guest) -> str:
    return "runs" if guest.runs else "does not run"


def _unequal(server: Server, what: str, wanted: set[str], has: frozenset[str]) -> Iterator[Finding]:
    missing, more = sorted(wanted - has), sorted(has - wanted)
    if missing:
        yield Finding("server", server.id, f"its guest lacks the {what} {', '.join(missing)}")
    if more:
        yield Finding("server", server.id, f"its guest has the {what} {', '.join(more)}, not its own")


def _traces(books: Books, standing: Standing) -> Iterator[Finding]:
    networks = {port.network_id for port in books.ports.values()}
    for trace in standing.traces:
        if trace.kind == "namespace":
            if trace.owner not in networks:
                yield Finding(trace.kind, trace.name, "is of a network that has no ports")
        elif trace.owner not in books.servers:
            yield Finding(trace.kind, trace.name, f"is of the server {trace.owner}, which is gone")
        elif trace.kind in _OF_MIGRATIONS and books.asides[trace.owner].migration_id is None:
            yield Finding(trace.kind, trace.name, f"is of the server {trace.owner}, which is not being moved")
        elif trace.kind == "copy of a disk" and trace.name != books.asides[trace.owner].migration_id:
            yield Finding(trace.kind, trace.name, f"of the server {trace.owner} is nobody's")


def _stored(books: Books, standing: Standing) -> Iterator[Finding]:
    stored = standing.stored
    made: dict[str, Model] = {
        id_: volume
        for id_, volume in books.volumes.items()
        if volume.host is not None and volume.status is not VolumeStatus.ERROR
    }
    yield from (Finding("volume", id_, "is in no pool") for id_ in sorted(made.keys() - stored.volumes))
    for id_ in sorted(stored.volumes - books.volumes.keys()):
        yield Finding("stored volume", id_, "is in a pool, and there is no such volume")
    taken = {id_ for id_, one in books.snapshots.items() if not one.status.value.startswith("error")}
    yield from (Finding("snapshot", id_, "is in no pool") for id_ in sorted(taken - stored.snapshots))
    for id_ in sorted(stored.snapshots - books.snapshots.keys()):
        yield Finding("stored snapshot", id_, "is in a pool, and there is no such snapshot")


def _exports(books: Books, standing: Standing) -> Iterator[Finding]:
    for name in sorted(standing.idle):
        yield Finding("storage daemon", name, "runs, and exports nothing that anybody has attached")
    exports = standing.stored.exports
    for id_ in sorted(exports.keys() - books.attachments.keys()):
        yield Finding("export", id_, f"of the volume {exports[id_]} belongs to no attachment")
    mapped = {str(one.attachment_id) for one in books.mappings if one.attached}
    for id_ in sorted((mapped & books.attachments.keys()) - exports.keys()):
        server = books.servers.get(books.attachments[id_].server_id or "")
        if server is not None and server.vm_state in _HAS_GUEST:
            yield Finding("attachment", id_, f"of {books.attachments[id_].volume_id} is not exported")
