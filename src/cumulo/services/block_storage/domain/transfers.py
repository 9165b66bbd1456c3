"""Offering a volume to another project, and taking it.

Who makes an offer is told its key once; the database keeps a hash. Who has the offer's id and the key takes
the volume, whatever their project.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence

from cumulo.core import clock
from cumulo.core.db import Transaction
from cumulo.core.http import Ctx
from cumulo.core.work import Work
from cumulo.services.block_storage.domain import quotas, types
from cumulo.services.block_storage.domain.volumes import latest as latest_volume
from cumulo.services.block_storage.domain.volumes import write
from cumulo.services.block_storage.errors import (
    InvalidAuthKey,
    InvalidVolume,
    TransferNotFound,
    VolumeNotFound,
)
from cumulo.services.block_storage.model import (
    MOVING,
    Snapshot,
    SnapshotStatus,
    Transfer,
    Volume,
    VolumeStatus,
    VolumeType,
)
from cumulo.services.block_storage.schema.transfers import TransferBody

ENCRYPTED_SINCE = (3, 70)
_KEY = 16  # bytes of randomness
_SALT = 16


async def create(ctx: Ctx, body: TransferBody) -> tuple[Transfer, str]:
    """Offer a volume; return the offer and its key, which nobody is told again."""
    found = await ctx.db.get(Volume, body.volume_id)
    if found is None or not (ctx.identity.is_admin or found.project_id == ctx.identity.project_id):
        raise VolumeNotFound(id=body.volume_id)
    volume = await latest_volume(ctx.db, found.id)
    await _check(ctx, volume, body)
    key, salt = secrets.token_hex(_KEY), secrets.token_bytes(_SALT)
    transfer = Transfer(
        volume_id=volume.id,
        project_id=volume.project_id,
        name=body.name,
        salt=salt,
        key_hash=_hash(salt, key),
        no_snapshots=bool(body.no_snapshots),
    )
    await ctx.db.delete(Transfer, Transfer.c.volume_id == volume.id)  # of before its status was reset
    await ctx.db.insert(transfer)
    await write(ctx.db, volume, status=VolumeStatus.AWAITING_TRANSFER, previous_status=volume.status)
    return transfer, key


async def _check(ctx: Ctx, volume: Volume, body: TransferBody) -> None:
    if volume.status is not VolumeStatus.AVAILABLE or volume.migration_status in MOVING:
        raise InvalidVolume(reason="status must be available")
    if volume.group_id is not None:
        raise InvalidVolume(reason=f"Volume {volume.id} is in a group: it cannot be transferred alone.")
    if volume.encrypted and (ctx.version or (3, 0)) < ENCRYPTED_SINCE:
        raise InvalidVolume(reason="transferring encrypted volume is not supported before version 3.70")
    snapshots = await _snapshots(ctx.db, volume.id)
    if volume.encrypted and body.no_snapshots and snapshots:
        reason = "An encrypted volume cannot be transferred without its snapshots."
        raise InvalidVolume(reason=reason)
    if not body.no_snapshots:
        for snapshot in snapshots:
            if snapshot.status is not SnapshotStatus.AVAILABLE:
                raise InvalidVolume(reason=f"snapshot {snapshot.id} status must be available")


async def _snapshots(db: Transaction, volume_id: str) -> Sequence[Snapshot]:
    return await db.all(Snapshot, Snapshot.c.volume_id == volume_id)


def _hash(salt: bytes, key: str) -> bytes:
    """Return what is kept of a key: it is random and long, so that one round is enough."""
    return hashlib.sha256(salt + key.encode()).digest()


async def accept(ctx: Ctx, transfer_id: str, key: str) -> Transfer:
    """Make an offered volume the caller's project's, with its snapshots unless the offer was without."""
    transfer = await ctx.db.one(Transfer, Transfer.c.id == transfer_id, for_update=True)
    if transfer is None:
        raise TransferNotFound(id=transfer_id)
    if not hmac.compare_digest(transfer.key_hash, _hash(transfer.salt, key)):
        raise InvalidAuthKey(id=transfer_id)
    volume = await latest_volume(ctx.db, transfer.volume_id)
    if volume.status is not VolumeStatus.AWAITING_TRANSFER:
        reason = f"Volume {volume.id} is not in the expected state: it must be awaiting-transfer."
        raise InvalidVolume(reason=reason)
    project_id = ctx.identity.project_id or ""
    snapshots = [] if transfer.no_snapshots else await _snapshots(ctx.db, volume.id)
    await _check_taker(ctx, volume, snapshots)
    owner = {"project_id": project_id, "user_id": ctx.identity.user_id or ""}
    status = VolumeStatus.AVAILABLE
    await write(ctx.db, volume, status=status, previous_status=None, **owner)
    here = Snapshot.c.volume_id == volume.id
    if snapshots:
        await ctx.db.update(Snapshot, here, updated_at=clock.now(), **owner)
    await ctx.db.delete(Transfer, Transfer.c.id == transfer.id)
    return transfer


async def _check_taker(ctx: Ctx, volume: Volume, snapshots: Sequence[Snapshot]) -> None:
    """Refuse a project that may not have the volume's type, or has no room."""
    project_id = ctx.identity.project_id or ""
    kind = await ctx.db.get(VolumeType, volume.volume_type_id) if volume.volume_type_id else None
    admin = ctx.identity.is_admin
    if kind is not None and not await types.may_use(ctx.db, kind, project_id=project_id, is_admin=admin):
        raise InvalidVolume(reason=f"The project may not use the type of volume {volume.id}.")
    if project_id == volume.project_id:
        return
    claimed: dict[str, int] = {}
    if volume.consumes_quota:
        claimed = {"volumes": 1, "gigabytes": volume.size}
    counted = [one for one in snapshots if one.consumes_quota]
    claimed["snapshots"] = len(counted)
    claimed["gigabytes"] = claimed.get("gigabytes", 0) + sum(one.size for one in counted)
    await quotas.claim(ctx, project_id, claimed, volume.volume_type_id)


async def delete(work: Work, transfer: Transfer) -> None:
    """Offer a volume no more."""
    volume = await work.db.one(Volume, Volume.c.id == transfer.volume_id, for_update=True)
    if volume is not None and volume.status is VolumeStatus.AWAITING_TRANSFER:
        await write(work.db, volume, status=VolumeStatus.AVAILABLE, previous_status=None)
    await work.db.delete(Transfer, Transfer.c.id == transfer.id)
