"""What the database's own tables say of each other, across services: who is under way, who holds what."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from cumulo.core.db import Reader
from cumulo.core.tasks.model import RUNNABLE, Task, TaskState
from cumulo.runtime.check.finding import Finding
from cumulo.services.block_storage.model import (
    COMPUTE,
    MOVING,
    AttachStatus,
    Backup,
    BackupStatus,
    Snapshot,
    SnapshotStatus,
    Volume,
    VolumeAttachment,
    VolumeStatus,
)
from cumulo.services.compute.model import Aside, BlockDeviceMapping, Migration, Server, VmState
from cumulo.services.image.model import Image, ImageStatus
from cumulo.services.network.demands import served
from cumulo.services.network.model import Port, Realisation
from cumulo.services.placement.model import Allocation, Serving

_TASKS = (*RUNNABLE, TaskState.STUCK)
_VOLUME_RESTS = {
    VolumeStatus.AVAILABLE,
    VolumeStatus.IN_USE,
    VolumeStatus.RESERVED,
    VolumeStatus.MAINTENANCE,
    VolumeStatus.AWAITING_TRANSFER,
}
_SNAPSHOT_RESTS = {SnapshotStatus.AVAILABLE}
_BACKUP_RESTS = {BackupStatus.AVAILABLE}
_IMAGE_HURRIES = {ImageStatus.SAVING, ImageStatus.IMPORTING, ImageStatus.PENDING_DELETE}
_MIGRATION_RESTS = {"finished", "confirmed", "reverted", "completed", "done", "error", "failed", "cancelled"}
_GUESTS = "compute:"  # what the owner of a server's port begins with


class Books(msgspec.Struct, kw_only=True):
    """The rows that are compared with each other and with what stands on the hosts."""

    servers: dict[str, Server]
    asides: dict[str, Aside]
    migrations: list[Migration]
    mappings: list[BlockDeviceMapping]
    volumes: dict[str, Volume]
    snapshots: dict[str, Snapshot]
    backups: list[Backup]
    attachments: dict[str, VolumeAttachment]
    ports: dict[str, Port]
    images: list[Image]
    tasks: list[Task]
    unrealised: list[Realisation]
    allocations: list[Allocation]
    servings: list[Serving]


async def read(db: Reader) -> Books:
    """Return what the database holds now."""
    servers = await db.all(Server, Server.c.deleted_at.is_(None))
    return Books(
        servers={server.id: server for server in servers},
        asides={server.id: msgspec.json.decode(server.aside, type=Aside) for server in servers},
        migrations=await db.all(Migration),
        mappings=await db.all(BlockDeviceMapping),
        volumes={volume.id: volume for volume in await db.all(Volume)},
        snapshots={snapshot.id: snapshot for snapshot in await db.all(Snapshot)},
        backups=await db.all(Backup),
        attachments={one.id: one for one in await db.all(VolumeAttachment)},
        ports={port.id: port for port in await db.all(Port)},
        images=await db.all(Image),
        tasks=await db.all(Task, Task.c.state.in_(_TASKS)),
        unrealised=await db.all(Realisation, Realisation.c.realised < Realisation.c.revision),
        allocations=await db.all(Allocation),
        servings=await db.all(Serving),
    )


def findings(books: Books) -> Iterator[Finding]:
    """Yield what is under way, and what of one service has nothing in the other that it should have."""
    yield from _operations(books)
    yield from _servers(books)
    yield from _storage(books)
    yield from _attachments(books)
    yield from _mappings(books)
    yield from _network(books)
    yield from _placement(books)
    yield from _promises(books)


def _operations(books: Books) -> Iterator[Finding]:
    for task in books.tasks:
        about = task.resource or "nothing"
        reason = (task.error or {}).get("message") or "no error"
        where = f"part {task.part}, tried again {task.attempt} times: {reason}"
        yield Finding("operation", task.id, f"{task.saga} of {about} is {task.state.value} ({where})")
    for image in books.images:
        if image.status in _IMAGE_HURRIES:
            yield Finding("image", image.id, f"is {image.status.value}")


def _servers(books: Books) -> Iterator[Finding]:
    for server in books.servers.values():
        if server.task_state is not None or server.vm_state is VmState.BUILDING:
            task = server.task_state.value if server.task_state else "with no task"
            yield Finding("server", server.id, f"is {server.vm_state.value}, {task}")
        elif server.operation is not None or server.deletion is not None:
            yield Finding(
                "server", server.id, f"is held by the operation {server.operation}, which has ended"
            )
        elif server.vm_state is VmState.ERROR and server.fault is None:
            yield Finding("server", server.id, "is in error, and nothing says why")
    for migration in books.migrations:
        if migration.status not in _MIGRATION_RESTS:
            yield Finding("migration", migration.id, f"of {migration.server_id} is {migration.status}")


def _storage(books: Books) -> Iterator[Finding]:
    for volume in books.volumes.values():
        if not _rests(volume.status, _VOLUME_RESTS):
            yield Finding("volume", volume.id, f"is {volume.status.value}")
        elif volume.operation is not None or volume.deletion:
            yield Finding(
                "volume", volume.id, f"is held by the operation {volume.operation}, which has ended"
            )
        elif volume.migration_status in MOVING:
            yield Finding("volume", volume.id, f"is on its way to {volume.moving_to}")
    for snapshot in books.snapshots.values():
        if not _rests(snapshot.status, _SNAPSHOT_RESTS):
            yield Finding("snapshot", snapshot.id, f"of {snapshot.volume_id} is {snapshot.status.value}")
    for backup in books.backups:
        if not _rests(backup.status, _BACKUP_RESTS):
            yield Finding("backup", backup.id, f"of {backup.volume_id} is {backup.status.value}")


def _rests(status: Any, rests: Iterable[Any]) -> bool:
    return status in rests or status.value.startswith("error")


def _attachments(books: Books) -> Iterator[Finding]:
    """Yield where compute and block storage disagree on which server has which volume."""
    mapped = {one.attachment_id for one in books.mappings}
    for attachment in books.attachments.values():
        if attachment.origin == COMPUTE and attachment.id not in mapped:
            yield Finding("attachment", attachment.id, f"of {attachment.volume_id}: compute knows of none")
        elif attachment.status in (AttachStatus.ATTACHING, AttachStatus.DETACHING):
            yield Finding("attachment", attachment.id, f"is {attachment.status.value}")
    held = {attachment.volume_id for attachment in books.attachments.values()}
    for volume in books.volumes.values():
        if volume.status is VolumeStatus.IN_USE and volume.id not in held:
            yield Finding("volume", volume.id, "is in use, and nothing has it attached")
        if volume.status is VolumeStatus.AVAILABLE and volume.id in held:
            yield Finding("volume", volume.id, "is available, and something has it attached")


def _mappings(books: Books) -> Iterator[Finding]:
    for one in books.mappings:
        server = books.servers.get(one.server_id)
        if server is None:
            yield Finding("mapping", one.id, f"of volume {one.volume_id} is of a server that is gone")
        elif server.vm_state is not VmState.ERROR:
            yield from _mapping(books, server, one)


def _mapping(books: Books, server: Server, one: BlockDeviceMapping) -> Iterator[Finding]:
    if one.detaching or not (one.attached or server.vm_state is VmState.SHELVED_OFFLOADED):
        state = "being detached" if one.detaching else "not attached"
        yield Finding("mapping", one.id, f"volume {one.volume_id} of {one.server_id} is {state}")
    if one.attachment_id not in books.attachments:
        yield Finding("mapping", one.id, f"the attachment {one.attachment_id} is gone")


def _network(books: Books) -> Iterator[Finding]:
    for port in books.ports.values():
        owner = port.made_for or (port.device_id if port.device_owner.startswith(_GUESTS) else "")
        if owner and owner not in books.servers:
            yield Finding("port", port.id, f"is of the server {owner}, which is gone")
    for row in books.unrealised:
        reason = f": {row.error}" if row.error else ""
        yield Finding(row.kind, row.id, f"is not realised, tried {row.attempts} times{reason}")


def _placement(books: Books) -> Iterator[Finding]:
    """Yield allocations of nobody, and servers on a host that hold other than they need."""
    waiting = {one.id for one in books.migrations if one.status == "finished"}
    held: dict[str, dict[str, int]] = defaultdict(dict)
    for one in books.allocations:
        held[one.consumer_id][one.resource] = held[one.consumer_id].get(one.resource, 0) + one.used
    for consumer in held.keys() - books.servers.keys() - waiting:
        yield Finding("allocation", consumer, f"of {held[consumer]} belongs to no server")
    for server in books.servers.values():
        if server.host is None:
            if server.id in held:
                yield Finding("server", server.id, f"is on no host, and holds {held[server.id]}")
            continue
        has = held.get(server.id, {})
        processors = has.get("VCPU", 0) + has.get("PCPU", 0)
        memory = has.get("MEMORY_MB", server.memory_mib)  # some have huge pages instead
        if (processors, memory) != (server.vcpus, server.memory_mib):
            needs = f"{server.vcpus} processors and {server.memory_mib} MiB"
            yield Finding("server", server.id, f"needs {needs}, and holds {has} in placement")


def _promises(books: Books) -> Iterator[Finding]:
    """Yield ports that name another keeper of their promise than placement does, and promises to no port."""
    kept = {(one.consumer_id, one.demand_id): one.provider_id for one in books.servings}
    named: set[tuple[str, str]] = set()
    for port in books.ports.values():
        for demand, provider in served(port).items():
            named.add((port.device_id, demand))
            if kept.get((port.device_id, demand)) != provider:
                yield Finding("port", port.id, f"names the provider {provider}, which keeps nothing for it")
    for consumer, demand in sorted(kept.keys() - named):
        if consumer in books.servers:
            yield Finding("server", consumer, f"is promised {demand}, which is of none of its ports")
