"""The daemons of a pool's volumes: those that the records' exports ask for, and those of our own reading.

A volume that is exported has one daemon for all its exports, each exported snapshot one of its own. They
run on whatever becomes of this process, and are found again by their sockets.
"""

import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import msgspec
import structlog

from cumulo.contracts.volumes import BlockAccess
from cumulo.core.drivers import DriverError, Permanent
from cumulo.node.volumes.files.layers import Layers
from cumulo.node.volumes.files.records import ExportRecord, Records, SnapshotRecord, VolumeRecord
from cumulo.node.volumes.nbd import NbdClient
from cumulo.node.volumes.qmp import Refused
from cumulo.node.volumes.storage_daemon import Layer, Listening, StorageDaemon, end_strangers

log = structlog.get_logger(__name__)

_OWN = "own"  # the export by which we read and write ourselves


class Address(msgspec.Struct, frozen=True):
    """Where daemons listen for other hosts: with TLS, each on a port of its own. Empty: on Unix sockets."""

    host: str = ""
    ports: tuple[int, int] = (0, 0)  # first and last
    tls_folder: str = ""


class Session(msgspec.Struct):
    """A daemon of ours and the connection to it; `used` by the monotonic clock."""

    daemon: StorageDaemon
    client: NbdClient
    used: float


class Exporting:
    """All daemons of a pool. The caller works on a volume alone."""

    protocol = "nbd"

    def __init__(self, records: Records, layers: Layers, run_folder: Path, address: Address) -> None:
        self._records = records
        self._layers = layers
        self._run = run_folder
        self._address = address
        self._daemons: dict[str, StorageDaemon] = {}
        self._sessions: dict[str, Session] = {}
        self._tops: dict[str, str] = {}  # daemon's key → the highest layer that it has open

    @property
    def tls_folder(self) -> str:
        """The folder of certificates, ours as a client of other pools too."""
        return self._address.tls_folder

    def open_layers(self, *, without: str = "") -> set[str]:
        """Return all layers that daemons have open, but for the one with this key."""
        tops = [top for key, top in self._tops.items() if key != without]
        return {name for top in tops for name in self._layers.chain(top)}

    def new_export(self, *, read_only: bool, snapshot: str | None) -> ExportRecord:
        """Return the record of a new export."""
        return ExportRecord(read_only=read_only, snapshot=snapshot)

    async def realise(self, record: VolumeRecord) -> None:
        """Have running what a record's exports ask for, and nothing else."""
        wanted: dict[str, dict[str, bool]] = {record.volume_id: {}}
        for snapshot in record.snapshots:
            wanted[_key(record.volume_id, snapshot)] = {}
        for name, export in record.exports.items():
            key = _key(record.volume_id, export.snapshot)
            wanted[key][name] = not export.read_only and export.snapshot is None
        for key, exports in wanted.items():
            top = self._top(record, key)
            await (self._serve(record, key, top, exports) if exports else self._end(key))

    async def finish_switch(self, record: VolumeRecord) -> VolumeRecord:
        """Bring to its end that a volume gets a new top layer; return its record then."""
        switch = record.switch
        if switch is None:
            return record
        daemon = self._daemon(record.volume_id)
        if await daemon.find() and switch.head not in (exports := await daemon.exports()).values():
            if not self._layers.has_tables(record.head):
                await self._write_through(daemon, record, exports)
            try:
                await daemon.put_on_top(self._layers.opened(switch.head))
            except Refused:
                await self._records.save(msgspec.structs.replace(record, switch=None))
                raise
        changed = topped(record, switch.head, switch.snapshot)
        await self._records.save(changed)
        if record.volume_id in self._tops:
            self._tops[record.volume_id] = switch.head
        return changed

    async def _write_through(
        self, daemon: StorageDaemon, record: VolumeRecord, exports: Iterable[str]
    ) -> None:
        """Make exports anew for a top with tables to come. Clients connect again, and go on."""
        for name in exports:
            writable = not record.exports[name].read_only
            await daemon.remove_export(name)
            await daemon.add_export(name, record.head, writable=writable, writethrough=writable)

    async def resize(self, record: VolumeRecord, size: int) -> None:
        """Grow an exported volume. Who is connected is cut off for a moment: NBD cannot tell a new size."""
        daemon = self._daemon(record.volume_id)
        for name in await daemon.exports():
            await daemon.remove_export(name)
        await daemon.resize(record.head, size)

    def still(self, record: VolumeRecord) -> AbstractContextManager[None]:
        """Keep who has a volume attached from writing meanwhile; layers need no such pause."""
        del record
        return nullcontext()

    async def merge(self, record: VolumeRecord, dropped: list[str]) -> None:
        """Take into an exported volume's top layer those directly below it."""
        lowest = self._layers.known[dropped[-1]].below
        file = None if lowest is None else Path(self._layers.path(lowest)).name
        await self._daemon(record.volume_id).merge(record.head, lowest, file, dropped)

    def access(self, record: VolumeRecord, export_id: str) -> BlockAccess:
        """Return how QEMU reaches an export."""
        export = record.exports[export_id]
        read_only = export.read_only or export.snapshot is not None
        if self._address.host:
            hosts = ((self._address.host, record.ports[self.port_key(export.snapshot)]),)
            return BlockAccess(protocol="nbd", name=export_id, hosts=hosts, tls=True, read_only=read_only)
        socket = self._daemon(_key(record.volume_id, export.snapshot)).socket
        return BlockAccess(protocol="nbd", path=str(socket), name=export_id, read_only=read_only)

    async def own(self, record: VolumeRecord, snapshot: str | None = None) -> NbdClient:
        """Return a connection of our own to a volume that is not exported, or to a snapshot."""
        key = _key(record.volume_id, snapshot) + "!"
        session = self._sessions.get(key)
        if session is None or session.client.closed:
            await self._end_session(key)
            session = await self._begin_session(key, self._top(record, key[:-1]), writable=snapshot is None)
        session.used = time.monotonic()
        return session.client

    async def end_own(self, volume_id: str, snapshot: str | None = None) -> None:
        """End our own use of a volume (not of its snapshots), or of one snapshot."""
        await self._end_session(_key(volume_id, snapshot) + "!")

    async def end_idle(self, seconds: float) -> None:
        """End our own use of what was not used for so long."""
        before = time.monotonic() - seconds
        for key in [key for key, session in self._sessions.items() if session.used < before]:
            await self._end_session(key)

    async def end_strangers(self) -> None:
        """End the daemons that no record asks for: those of a killed process's own reading."""
        keys = [
            _key(record.volume_id, export.snapshot)
            for record in self._all()
            for export in record.exports.values()
        ]
        known = [StorageDaemon(self._run, key) for key in keys]
        await end_strangers(self._run, {file for daemon in known for file in daemon.files})

    async def stop(self) -> None:
        """End our own use of volumes, and hang up; exports stay."""
        for key in list(self._sessions):
            await self._end_session(key)
        for daemon in self._daemons.values():
            daemon.forget()

    def ports_of(self, record: VolumeRecord, snapshot: str | None) -> dict[str, int]:
        """Return the ports of a volume's daemons, one more when this one has none and needs it."""
        key = self.port_key(snapshot)
        if not self._address.host or key in record.ports:
            return record.ports
        return record.ports | {key: self._free_port()}

    async def give_back_ports(self, record: VolumeRecord) -> None:
        """Forget the ports of those of a volume's daemons that ended: others may have them."""
        wanted = {self.port_key(export.snapshot) for export in record.exports.values()}
        ports = {key: port for key, port in record.ports.items() if key in wanted}
        if ports != record.ports:
            await self._records.save(msgspec.structs.replace(record, ports=ports))

    def port_key(self, snapshot: str | None) -> str:
        """Return under which key a record has the port of the daemon that exports a snapshot."""
        return snapshot or ""

    def _free_port(self) -> int:
        taken = {port for record in self._all() for port in record.ports.values()}
        first, last = self._address.ports
        for port in range(first, last + 1):
            if port not in taken:
                return port
        raise Permanent("all ports of the pool are taken by other volumes")

    def _all(self) -> Iterable[VolumeRecord]:
        return self._records.known.values()

    def _daemon(self, key: str) -> StorageDaemon:
        return self._daemons.setdefault(key, StorageDaemon(self._run, key))

    def _top(self, record: VolumeRecord, key: str) -> str:
        snapshot = key.partition("@")[2]
        return record.snapshots[snapshot].layer if snapshot else record.head

    async def _serve(self, record: VolumeRecord, key: str, top: str, exports: dict[str, bool]) -> None:
        daemon = self._daemon(key)
        if not await daemon.find():
            listening = self._listening(record, key)
            await daemon.start(self._opened(top), writable=key == record.volume_id, listening=listening)
        self._tops[key] = top
        there = await daemon.exports()
        for name in there.keys() - exports.keys():
            await daemon.remove_export(name)
        for name in exports.keys() - there.keys():
            through = exports[name] and self._layers.has_tables(top)
            await daemon.add_export(name, top, writable=exports[name], writethrough=through)

    async def _end(self, key: str) -> None:
        daemon = self._daemons.get(key)
        if daemon is not None:
            await daemon.end()
            self._daemons.pop(key, None)
            self._tops.pop(key, None)

    async def _begin_session(self, key: str, top: str, *, writable: bool) -> Session:
        daemon = StorageDaemon(self._run, key)
        try:
            await daemon.start(self._opened(top), writable=writable, listening=Listening())
            through = writable and self._layers.has_tables(top)
            await daemon.add_export(_OWN, top, writable=writable, writethrough=through)
            client = await NbdClient.connect(daemon.socket, _OWN)
        except BaseException:
            await daemon.end()
            raise
        self._tops[key] = top
        self._sessions[key] = Session(daemon, client, time.monotonic())
        return self._sessions[key]

    async def _end_session(self, key: str) -> None:
        session = self._sessions.pop(key, None)
        if session is None:
            return
        try:
            await session.client.close()
        except DriverError as error:
            log.warning("volumes.session_broken", reason=str(error))
        await session.daemon.end()
        self._tops.pop(key, None)

    def _opened(self, top: str) -> list[Layer]:
        return self._layers.opened(top)

    def _listening(self, record: VolumeRecord, key: str) -> Listening:
        if not self._address.host:
            return Listening()
        port = record.ports[key.partition("@")[2]]
        return Listening(self._address.host, port, self._address.tls_folder)


def topped(record: VolumeRecord, head: str, snapshot: str | None) -> VolumeRecord:
    """Return a record of which a new layer is the top, and the one below it perhaps a snapshot."""
    snapshots = dict(record.snapshots)
    if snapshot is not None:
        snapshots[snapshot] = SnapshotRecord(layer=record.head, size=record.size)
    return msgspec.structs.replace(record, head=head, snapshots=snapshots, switch=None)


def _key(volume_id: str, snapshot: str | None) -> str:
    return volume_id if snapshot is None else f"{volume_id}@{snapshot}"
