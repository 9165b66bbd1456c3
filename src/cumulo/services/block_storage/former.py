"""Volumes and snapshots for compute's API until 2.35: implements `FormerVolumeCalls`."""

from collections.abc import Sequence
from typing import Any

from cumulo.contracts.block_storage import NewVolume, ShownSnapshot, ShownVolume
from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.block_storage.adapter import record
from cumulo.services.block_storage.domain import creation, snapshots, volumes
from cumulo.services.block_storage.errors import SnapshotNotFound, VolumeNotFound
from cumulo.services.block_storage.model import Snapshot, Volume, VolumeAttachment, VolumeType
from cumulo.services.block_storage.schema.volumes import metadata_of


class FormerVolumeCallsAdapter:
    """Implements `FormerVolumeCalls`."""

    async def volumes(
        self, db: Reader, *, project_id: str | None, offset: int = 0, limit: int | None = None
    ) -> list[ShownVolume]:
        """Return volumes, the newest first."""
        return await _shown(db, (await _rows(db, Volume, project_id, limit, offset))[offset:])

    async def volume(self, db: Reader, volume_id: str, *, project_id: str | None) -> ShownVolume:
        """Return a volume; else NotFound."""
        row = await db.get(Volume, volume_id)
        if row is None or project_id not in (None, row.project_id):
            raise VolumeNotFound(id=volume_id)
        return (await _shown(db, [row]))[0]

    async def create_volume(self, work: Work, new: NewVolume) -> ShownVolume:
        """Record a volume and promise its making; refuse what cannot be made."""
        order = creation.Order(
            project_id=new.project_id,
            user_id=new.user_id,
            size=new.size_gib,
            name=new.name,
            description=new.description,
            volume_type=new.volume_type,
            zone=new.zone,
            snapshot_id=new.snapshot_id,
            metadata=new.metadata,
        )
        return (await _shown(work.db, [await creation.create(work, order)]))[0]

    async def delete_volume(self, work: Work, volume_id: str) -> None:
        """Promise a volume's deletion; Invalid while its state forbids it."""
        await volumes.delete(work, volume_id)

    async def snapshots(
        self, db: Reader, *, project_id: str | None, offset: int = 0, limit: int | None = None
    ) -> list[ShownSnapshot]:
        """Return snapshots, the newest first."""
        rows = await _rows(db, Snapshot, project_id, limit, offset)
        return [_snapshot(row) for row in rows[offset:]]

    async def snapshot(self, db: Reader, snapshot_id: str, *, project_id: str | None) -> ShownSnapshot:
        """Return a snapshot; else NotFound."""
        row = await db.get(Snapshot, snapshot_id)
        if row is None or project_id not in (None, row.project_id):
            raise SnapshotNotFound(id=snapshot_id)
        return _snapshot(row)

    async def create_snapshot(
        self, work: Work, volume_id: str, *, user_id: str, name: str | None, about: str | None, force: bool
    ) -> ShownSnapshot:
        """Promise a snapshot of a volume; `force`: also of one in use."""
        volume = await volumes.latest(work.db, volume_id)
        order = snapshots.Order(
            volume_id=volume.id, user_id=user_id, name=name, description=about, force=force
        )
        return _snapshot(await snapshots.create(work, volume, order))

    async def delete_snapshot(self, work: Work, snapshot_id: str) -> None:
        """Promise a snapshot's deletion; Invalid while its state forbids it."""
        await snapshots.delete(work, snapshot_id)


async def _rows(db: Reader, model: Any, project_id: str | None, limit: int | None, offset: int) -> Any:
    """Return the rows up to the last that is wanted."""
    where = () if project_id is None else (model.c.project_id == project_id,)
    order = (model.c.created_at.desc(), model.c.id.desc())
    return await db.all(model, *where, order_by=order, limit=None if limit is None else offset + limit)


async def _shown(db: Reader, rows: Sequence[Volume]) -> list[ShownVolume]:
    """Return volumes with their types' names and with who has them: three queries for all."""
    ids = [row.id for row in rows]
    held = await db.all(VolumeAttachment, VolumeAttachment.c.volume_id.in_(ids)) if ids else []
    kinds = {row.volume_type_id for row in rows if row.volume_type_id is not None}
    types = await db.all(VolumeType, VolumeType.c.id.in_(kinds)) if kinds else []
    names: dict[str | None, str] = {kind.id: kind.name for kind in types}
    return [
        ShownVolume(
            id=row.id,
            name=row.name,
            description=row.description,
            size_gib=row.size,
            status=row.status.value,
            zone=row.availability_zone,
            created_at=row.created_at,
            volume_type=names.get(row.volume_type_id),
            snapshot_id=row.snapshot_id,
            metadata=metadata_of(row),
            attachments=tuple(record(one) for one in held if one.volume_id == row.id),
        )
        for row in rows
    ]


def _snapshot(row: Snapshot) -> ShownSnapshot:
    return ShownSnapshot(
        id=row.id,
        volume_id=row.volume_id,
        name=row.name,
        description=row.description,
        size_gib=row.size,
        status=row.status.value,
        created_at=row.created_at,
    )
