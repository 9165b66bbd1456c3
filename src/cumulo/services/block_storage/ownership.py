"""What a project owns of block storage, and how it goes when the project is purged."""

from collections.abc import Sequence
from typing import Any

from cumulo.contracts.ownership import Owned, Stage
from cumulo.core.db import Reader
from cumulo.core.tasks import Task, TaskState
from cumulo.core.work import Work
from cumulo.services.block_storage.domain import backups, group_snapshots, groups, snapshots, volumes
from cumulo.services.block_storage.model import (
    Backup,
    BackupStatus,
    DefaultType,
    Group,
    GroupSnapshot,
    GroupSnapshotStatus,
    GroupStatus,
    Message,
    Snapshot,
    SnapshotStatus,
    TypeAccess,
    Volume,
    VolumeStatus,
)

DOOMED = (VolumeStatus.DELETING, SnapshotStatus.DELETING, BackupStatus.DELETING)
DOOMED_GROUPS = (GroupStatus.DELETING, GroupSnapshotStatus.DELETING)
VOLUME, SNAPSHOT, BACKUP = "volume", "snapshot", "backup"
GROUP, GROUP_SNAPSHOT = "volume group", "group snapshot"
TYPE_ACCESS, DEFAULT_TYPE, MESSAGES = "volume type access", "default volume type", "volume messages"


class VolumesOwned:
    """Fulfils `cumulo.contracts.ownership.Ownership`.

    Snapshots go before their volumes, groups after; of backups those that build on others first. Transfers go
    with their volumes.
    """

    async def owned(self, db: Reader, project_id: str) -> list[Owned]:
        """Return what is left of a project: what keeps others from going first, then what it may use."""
        reasons = await _reasons(db, project_id)
        found = []
        for kind, model in KINDS:
            order = (model.c.created_at.asc(), model.c.id.asc())
            if model is Backup:
                order = (model.c.created_at.desc(), model.c.id.desc())
            rows = await db.all(model, model.c.project_id == project_id, order_by=order)
            leaving = await _leaving(db, rows)
            found += [
                Owned(
                    stage=Stage.STORAGE,
                    kind=kind,
                    id=row.id,
                    name=row.name or "",
                    leaving=row.id in leaving,
                    problem=reasons.get(row.id, ""),
                )
                for row in rows
            ]
        return found + await _settings(db, project_id)

    async def remove(self, work: Work, project_id: str, thing: Owned) -> None:
        """Begin the deletion of a volume or snapshot whatever its status; end what a project may use."""
        if thing.kind in MODELS:
            if await _is_own(work.db, MODELS[thing.kind], thing.id, project_id):
                await _remove(work, thing)
        elif thing.kind == TYPE_ACCESS:
            mine = TypeAccess.c.volume_type_id == thing.id, TypeAccess.c.project_id == project_id
            await work.db.delete(TypeAccess, *mine)
        elif thing.kind == DEFAULT_TYPE:
            await work.db.delete(DefaultType, DefaultType.c.project_id == project_id)
        elif thing.kind == MESSAGES:
            await work.db.delete(Message, Message.c.project_id == project_id)


KINDS: Sequence[tuple[str, Any]] = (
    (GROUP_SNAPSHOT, GroupSnapshot),
    (SNAPSHOT, Snapshot),
    (BACKUP, Backup),
    (VOLUME, Volume),
    (GROUP, Group),
)


MODELS = dict(KINDS)


async def _remove(work: Work, thing: Owned) -> None:
    """Begin a deletion whatever the status; a group's with its volumes."""
    if thing.kind == VOLUME:
        await volumes.delete(work, thing.id, force=True, attached_too=True)
    elif thing.kind == SNAPSHOT:
        await snapshots.delete(work, thing.id, force=True)
    elif thing.kind == BACKUP:
        await backups.delete(work, thing.id, force=True)
    elif not thing.leaving:
        group = await work.db.get(Group, thing.id)
        if group is not None:
            await groups.delete(work, group, with_volumes=True)
        snapshot = await work.db.get(GroupSnapshot, thing.id)
        if snapshot is not None:
            await group_snapshots.delete(work, snapshot)


async def _leaving(db: Reader, rows: Sequence[Any]) -> set[str]:
    """Return the ids of those rows whose removal is under way; a group's is while its members' is."""
    if rows and isinstance(rows[0], Group | GroupSnapshot):
        return {row.id for row in rows if row.status in DOOMED_GROUPS}
    return await _worked_on(db, [row for row in rows if row.status in DOOMED])


async def _worked_on(db: Reader, doomed: Sequence[Volume | Snapshot | Backup]) -> set[str]:
    """Return the ids of those rows that a saga works on."""
    operations = {row.operation: row.id for row in doomed if row.operation is not None}
    if not operations:
        return set()
    at_work = Task.c.finished_at.is_(None), Task.c.state != TaskState.STUCK
    tasks = await db.all(Task, Task.c.id.in_(list(operations)), *at_work)
    return {operations[task.id] for task in tasks}


async def _is_own(db: Reader, model: Any, id: str, project_id: str) -> bool:
    return await db.exists(model, model.c.id == id, model.c.project_id == project_id)


async def _reasons(db: Reader, project_id: str) -> dict[str, str]:
    """Return the newest message about each thing that could not be deleted."""
    order = (Message.c.created_at.asc(),)
    failed = Message.c.text.startswith("delete ", autoescape=True)
    rows = await db.all(Message, Message.c.project_id == project_id, failed, order_by=order)
    return {row.resource_id: row.text.partition(":")[2] for row in rows if row.resource_id}


async def _settings(db: Reader, project_id: str) -> list[Owned]:
    stage = Stage.SETTINGS
    access = await db.all(TypeAccess, TypeAccess.c.project_id == project_id)
    found = [Owned(stage=stage, kind=TYPE_ACCESS, id=row.volume_type_id) for row in access]
    if await db.exists(DefaultType, DefaultType.c.project_id == project_id):
        found.append(Owned(stage=stage, kind=DEFAULT_TYPE, id=project_id))
    if await db.exists(Message, Message.c.project_id == project_id):
        found.append(Owned(stage=stage, kind=MESSAGES, id=project_id))
    return found
