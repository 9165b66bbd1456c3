"""Giving volumes another type, or another pool.

A volume that moves is copied to the new pool under the same id, then its row points there in one transaction,
and only then its bytes in the old pool go, by a saga of their own: until the row points to the copy, the old
bytes are the volume's. One that a server uses is copied by the server's host (`carrying`).
"""

from typing import Any, ClassVar

import msgspec

from cumulo.core import ids
from cumulo.core.drivers import Gone, Permanent
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.block_storage import scheduler
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.keys import NewKey, VolumeKeys, is_sealed_so, new_key, under
from cumulo.services.block_storage.model import (
    Encryption,
    MigrationStatus,
    Snapshot,
    Volume,
    VolumeStatus,
    VolumeType,
)
from cumulo.services.block_storage.pools import LONGEST, TRIES, reaching, spec_of
from cumulo.services.block_storage.tasks.carrying import (
    attachments_of,
    bring_back,
    can_carry,
    change_over,
    prepare,
)
from cumulo.services.block_storage.tasks.creation import PLACING, copy
from cumulo.services.block_storage.tasks.failing import leave
from cumulo.services.block_storage.tasks.hold import Doomed, clearing, let_go, proceed, working

ON_DEMAND = "on-demand"


def moves(_saga: "RetypeVolume", run: StepRun | EffectRun) -> bool:
    """Say whether the volume goes to another pool, and nobody uses it."""
    return bool(run[RetypeVolume.place]) and not run[RetypeVolume.user]


def moves_in_use(_saga: "RetypeVolume", run: StepRun | EffectRun) -> bool:
    """Say whether the volume goes to another pool under a server."""
    return bool(run[RetypeVolume.place] and run[RetypeVolume.user])


def changes_its_key(_saga: "RetypeVolume", run: StepRun | EffectRun) -> bool:
    """Say whether the volume stays in its pool, and its bytes must not."""
    return run[RetypeVolume.seal] is not None and not run[RetypeVolume.place]


class Resealing(msgspec.Struct):
    """How a volume's encryption changes: its new key, and the ids under which a pool has its other copies."""

    key: NewKey
    new: str
    old: str


class RetypeVolume(Saga):
    """Give a volume another type, and move it to another pool if it must, or is asked to.

    host: the pool or backend to move to; empty when only the type changes. may_move: whether it may move
    for the type's sake.
    """

    volume_id: str
    type_id: str | None
    host: str = ""
    may_move: bool = False
    lock: ClassVar[str] = "volume:{volume_id}"

    @step
    async def place(self, run: StepRun) -> str:
        """Find the pool to move to; none when the volume can stay."""
        volume = await proceed(run.db, self.volume_id)
        await run.db.lock(PLACING)
        pool = await self._choose(run, volume)
        if not pool:
            return ""
        status = MigrationStatus.MIGRATING
        await run.db.update(Volume, Volume.c.id == volume.id, moving_to=pool, migration_status=status)
        return pool

    async def _choose(self, run: StepRun, volume: Volume) -> str:
        settings = run.use(BlockStorageSettings)
        kind = await run.db.get(VolumeType, self.type_id) if self.type_id is not None else None
        wanted = scheduler.Wanted(
            size=volume.size,
            zone=None,
            specs=kind.extra_specs if kind is not None else {},
            multiattach=kind.is_multiattach if kind is not None else volume.multiattach,
            host=self.host or None,
            other_than=volume.host,
        )
        if not self.host and await scheduler.may_stay(run.db, settings, wanted):
            return ""
        if not self.host and not self.may_move:
            raise Permanent(
                "Its pool cannot hold a volume of the new type, and the request forbids to move it."
            )
        if not can_carry(await attachments_of(run.db, volume.id)):
            raise Permanent("A volume can only be moved while nobody or one server has it, writable.")
        if await run.db.exists(Snapshot, Snapshot.c.volume_id == volume.id):
            raise Permanent("A volume with snapshots cannot be moved to another pool.")
        return (await scheduler.choose(run.db, settings, wanted)).name

    @step
    async def seal(self, run: StepRun) -> Resealing | None:
        """Make the key that the volume's bytes are to lie under, if its type has it encrypted otherwise."""
        volume = await proceed(run.db, self.volume_id)
        if self.type_id is None or self.host:
            return None
        how = await run.db.one(Encryption, Encryption.c.volume_type_id == self.type_id)
        if is_sealed_so(volume, how):
            return None
        if await attachments_of(run.db, volume.id):
            raise Permanent("A volume's encryption can only be changed while nobody has it.")
        if await run.db.exists(Snapshot, Snapshot.c.volume_id == volume.id):
            raise Permanent("The encryption of a volume with snapshots cannot be changed.")
        return Resealing(new_key(run.use(VolumeKeys), volume, how), new=ids.dashed(), old=ids.dashed())

    @step
    async def user(self, run: StepRun) -> str:
        """Return the attachment by which a server uses the volume; none when it is free."""
        found = await attachments_of(run.db, self.volume_id)
        return found[0].id if found else ""

    @effect(timeout=LONGEST, retries=TRIES, when=moves)
    async def copy(self, run: EffectRun) -> None:
        """Copy the volume's content to the new pool."""
        goal = run[RetypeVolume.place]
        async with run.reader() as db:
            volume = await db.get(Volume, self.volume_id)
            if volume is None or volume.deletion:
                return
            spec = await spec_of(db, run.use, under(volume, _key(run)), self.type_id)
        async with reaching(run, goal, longest=LONGEST) as pool:
            await copy(run, volume, pool, spec)

    @copy.undo
    async def remove(self, run: EffectRun) -> None:
        """Remove the copy: the volume is where it was."""
        async with reaching(run, run[RetypeVolume.place]) as pool:
            await pool.delete(self.volume_id)

    @effect(timeout=LONGEST, retries=TRIES, when=changes_its_key)
    async def write_anew(self, run: EffectRun) -> None:
        """Write the volume's content beside it, under the new key."""
        volume, resealing = await self._volume(run), _resealing(run)
        async with run.reader() as db:
            spec = await spec_of(db, run.use, under(volume, resealing.key), self.type_id)
        async with working(run, volume.id, longest=LONGEST) as (pool, _):
            await copy(run, volume, pool, msgspec.structs.replace(spec, volume_id=resealing.new))

    @write_anew.undo
    async def remove_new(self, run: EffectRun) -> None:
        """Remove what was written."""
        async with clearing(run, self.volume_id) as (pool, _):
            await pool.delete(_resealing(run).new)

    @effect(retries=TRIES, when=changes_its_key)
    async def replace(self, run: EffectRun) -> None:
        """Have the volume be what was written."""
        resealing = _resealing(run)
        async with working(run, self.volume_id) as (pool, _):
            await pool.replace(self.volume_id, resealing.new, resealing.old)

    @replace.undo
    async def put_back(self, run: EffectRun) -> None:
        """Have the volume be what it was."""
        resealing = _resealing(run)
        async with clearing(run, self.volume_id) as (pool, _):
            await pool.replace(self.volume_id, resealing.old, resealing.new)

    @effect(timeout=LONGEST, retries=TRIES, when=moves_in_use)
    async def carry(self, run: EffectRun) -> None:
        """Have what the server has and writes be in the new pool too."""
        volume = await self._volume(run)
        goal, export = run[RetypeVolume.place], run[RetypeVolume.user]
        await prepare(run, volume, goal, self.type_id, export)

    @carry.undo
    async def bring_back(self, run: EffectRun) -> None:
        """Have the server work where it did; remove the copy."""
        await bring_back(run, self.volume_id, run[RetypeVolume.place], run[RetypeVolume.user])

    @step(when=moves_in_use)
    async def announce(self, run: StepRun) -> None:
        """Say that both pools hold the same: if the server goes now, the new one is the volume."""
        volume = await proceed(run.db, self.volume_id)
        status = MigrationStatus.COMPLETING
        await run.db.update(Volume, Volume.c.id == volume.id, migration_status=status)

    @effect(timeout=LONGEST, retries=TRIES, when=moves_in_use)
    async def change_over(self, run: EffectRun) -> None:
        """Have the server work in the new pool alone."""
        volume = await self._volume(run)
        await change_over(run, volume, run[RetypeVolume.place], run[RetypeVolume.user])

    async def _volume(self, run: EffectRun) -> Volume:
        async with run.reader() as db:
            volume = await db.get(Volume, self.volume_id)
        if volume is None or volume.deletion:
            raise Doomed("the volume was deleted meanwhile")
        return volume

    @step
    async def switch(self, run: StepRun) -> None:
        """Say that the volume has its new type and place; have the old bytes removed."""
        volume = await proceed(run.db, self.volume_id)
        goal = run[RetypeVolume.place]
        values: dict[str, Any] = {"volume_type_id": self.type_id, "retyping_to": None, "moving_to": None}
        kind = await run.db.get(VolumeType, self.type_id) if self.type_id is not None else None
        if kind is not None:
            values["multiattach"] = kind.is_multiattach
        if (resealing := run[RetypeVolume.seal]) is not None:
            values |= msgspec.structs.asdict(resealing.key)
            if not goal and volume.host is not None:
                await run.start(RemoveOldCopy(volume_id=resealing.old, host=volume.host))
        if goal:
            values.update(host=goal, migration_status=MigrationStatus.SUCCESS)
            if volume.host is not None:
                export = run[RetypeVolume.user]
                await run.start(RemoveOldCopy(volume_id=volume.id, host=volume.host, export_id=export))
        await let_go(run, volume.id, volume.previous_status or VolumeStatus.AVAILABLE, **values)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave the volume as it was, and say why."""
        volume = await run.db.get(Volume, self.volume_id)
        moved = self.host or (volume is not None and volume.moving_to)
        failed = MigrationStatus.ERROR if moved else None
        values = {"retyping_to": None, "moving_to": None, "migration_status": failed}
        await leave(run, Volume, self.volume_id, "retype volume", error, **values)


def _key(run: EffectRun) -> NewKey | None:
    found = run[RetypeVolume.seal]
    return None if found is None else found.key


def _resealing(run: EffectRun) -> Resealing:
    found = run[RetypeVolume.seal]
    if found is None:
        raise Permanent("the volume keeps its key")
    return found


class RemoveOldCopy(Saga):
    """Remove the bytes that a volume left behind in the pool it moved from, and the export it had there."""

    volume_id: str
    host: str
    export_id: str = ""
    lock: ClassVar[str] = "volume-copy:{volume_id}:{host}"

    @effect(retries=TRIES)
    async def remove(self, run: EffectRun) -> None:
        """Have the old pool forget the volume, unless it moved back meanwhile."""
        async with run.reader() as db:
            volume = await db.get(Volume, self.volume_id)
        if volume is not None and self.host in (volume.host, volume.moving_to):
            return
        async with reaching(run, self.host) as pool:
            try:
                if self.export_id:
                    await pool.close(self.volume_id, self.export_id)
                await pool.delete(self.volume_id)
            except Gone:
                run.say("the pool knew nothing of it")
