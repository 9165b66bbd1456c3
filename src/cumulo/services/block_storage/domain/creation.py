"""What a new volume is made from, and what is refused."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import select

from cumulo.contracts.image import ImageRecord, Images
from cumulo.core.db import Reader, Transaction
from cumulo.core.errors import NotFound
from cumulo.core.http.body import BROKEN
from cumulo.core.work import Work
from cumulo.services.block_storage import image_keys, keys
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.domain import encryption, from_backup, membership, quotas, types
from cumulo.services.block_storage.errors import (
    BadRequest,
    InvalidInput,
    InvalidSnapshot,
    InvalidVolume,
    SnapshotNotFound,
    TypeUnknown,
    VolumeNotFound,
)
from cumulo.services.block_storage.keys import VolumeKeys
from cumulo.services.block_storage.model import (
    MOVING,
    Encryption,
    ImageKey,
    Snapshot,
    SnapshotStatus,
    StorageService,
    Volume,
    VolumeStatus,
    VolumeType,
)
from cumulo.services.block_storage.tasks import CreateVolume

GIB = 1024**3
READABLE = frozenset({VolumeStatus.AVAILABLE, VolumeStatus.IN_USE, VolumeStatus.BACKING_UP})


class Device(msgspec.Struct):
    """A disk of a server, as an image of it lists them."""

    source_type: str = ""
    snapshot_id: str | None = None
    boot_index: int | str | None = None


@dataclasses.dataclass(kw_only=True)
class Order:
    """A request for a volume, by whichever way it came."""

    project_id: str
    user_id: str
    is_admin: bool = False
    size: int | None = None
    name: str | None = None
    description: str | None = None
    image_id: str | None = None
    snapshot_id: str | None = None
    source_id: str | None = None
    backup_id: str | None = None
    group_id: str | None = None
    volume_type: str | None = None
    zone: str | None = None
    metadata: dict[str, str] = dataclasses.field(default_factory=dict)
    hints: dict[str, Any] = dataclasses.field(default_factory=dict)


async def create(work: Work, order: Order) -> Volume:
    """Record a volume and promise its making; refuse what cannot be made."""
    sources = [one for one in (order.snapshot_id, order.source_id, order.image_id, order.backup_id) if one]
    if len(sources) > 1:
        raise BadRequest(reason="Specify only one of snapshot_id, source_volid, imageRef and backup_id.")
    await _read_image(work, order)
    source, size = await _source(work.db, order)
    backup = await from_backup.find(work.db, order.backup_id, order.project_id, is_admin=order.is_admin)
    if backup is not None:
        size = from_backup.size_of(backup, order.size)
        order.volume_type = order.volume_type or await from_backup.type_of(
            work.db, backup, order.project_id, is_admin=order.is_admin
        )
        order.metadata = {**from_backup.metadata_of(backup), **order.metadata}
    image = await _image(work, order)
    size = order.size if size is None else size
    if size is None:
        raise InvalidInput(reason="Volume size must be specified: 'size' must be an integer greater than 0")
    kind = await _type(work, order, source)
    if image is not None:
        await _check_image(work, order, image, kind, size)
    await membership.check(
        work.db,
        order.group_id,
        order.project_id,
        kind,
        named=bool(order.volume_type) or source is not None,
        is_admin=order.is_admin,
    )
    volume = await _row(work, order, source, kind, size)
    await _seal(work, volume, kind, source)
    await quotas.check_size(work, order.project_id, size)
    await quotas.claim(work, order.project_id, {"volumes": 1, "gigabytes": size}, kind.id)
    volume.operation = await work.start(CreateVolume(volume_id=volume.id))
    if backup is not None:
        await from_backup.begin(work, volume, backup)
    await work.db.insert(volume)
    return volume


async def _row(work: Work, order: Order, source: Volume | None, kind: VolumeType, size: int) -> Volume:
    """Return the new volume's row; a copy is bootable if its source is."""
    volume = Volume(
        project_id=order.project_id,
        user_id=order.user_id,
        name=order.name,
        description=order.description,
        size=size,
        availability_zone=await _zone(work, order, source),
        volume_type_id=kind.id,
        snapshot_id=order.snapshot_id,
        source_volume_id=order.source_id,
        image_id=order.image_id,
        backup_id=order.backup_id,
        group_id=order.group_id,
        multiattach=kind.is_multiattach,
        metadata=msgspec.Raw(msgspec.json.encode(order.metadata)),
        scheduler_hints=_hints(order.hints),
    )
    if source is not None:
        volume.bootable, volume.image_metadata = source.bootable, source.image_metadata
    return volume


async def _source(db: Transaction, order: Order) -> tuple[Volume | None, int | None]:
    """Return the volume that the content comes from, and the new volume's size; refuse a smaller one.

    What it comes from stays until the transaction ends; then the new volume keeps it.
    """
    if order.snapshot_id is not None:
        of = select(Snapshot.c.volume_id).where(Snapshot.c.id == order.snapshot_id)
        volume = await db.one(Volume, Volume.c.id.in_(of), for_update=True)
        snapshot = await _own(db, Snapshot, order.snapshot_id, order)
        if snapshot is None:
            raise SnapshotNotFound(id=order.snapshot_id)
        if snapshot.status is not SnapshotStatus.AVAILABLE:
            raise InvalidSnapshot(reason="Originating snapshot status must be one of 'available' values")
        size = order.size or snapshot.size
        if size < snapshot.size:
            reason = f"Volume size '{size}'GB cannot be smaller than the snapshot size {snapshot.size}GB."
            raise InvalidInput(reason=f"{reason} They must be >= original snapshot size.")
        return volume, size
    if order.source_id is not None:
        source = await _own(db, Volume, order.source_id, order)
        if source is None:
            raise VolumeNotFound(id=order.source_id)
        if source.status not in READABLE or source.migration_status in MOVING:
            raise InvalidVolume(
                reason=f"Source volume status must be available or in-use, is {source.status}"
            )
        size = order.size or source.size
        if size < source.size:
            reason = f"Clones currently disallowed when {size} < {source.size}."
            raise InvalidInput(reason=f"{reason} They must be >= original volume size.")
        return source, size
    return None, None


async def _own(db: Transaction, model: Any, id: str, order: Order) -> Any:
    row = await db.one(model, model.c.id == id, for_update=True)
    return row if row is not None and (order.is_admin or row.project_id == order.project_id) else None


async def _image(work: Work, order: Order) -> ImageRecord | None:
    if order.image_id is None:
        return None
    try:
        image = await work.use(Images).get(
            work.db, order.image_id, project_id=order.project_id, is_admin=order.is_admin
        )
    except NotFound as error:
        raise BadRequest(reason="Invalid image identifier or unable to access requested image.") from error
    if image.status != "active":
        raise InvalidInput(reason=f"Image {image.id} is not active.")
    return image


async def _read_image(work: Work, order: Order) -> None:
    """Take for an image of a server that boots from a volume what it stands for: the boot disk's snapshot."""
    image = await _image(work, order)
    snapshot_id = boot_snapshot(image.properties) if image is not None else None
    if snapshot_id is not None:
        order.snapshot_id, order.image_id = snapshot_id, None


def boot_snapshot(properties: Mapping[str, Any]) -> str | None:
    """Return the snapshot that an image without data boots from, as compute wrote it; None of others."""
    try:
        devices = msgspec.json.decode(properties.get("block_device_mapping", "[]"), type=list[Device])
    except (*BROKEN, TypeError):
        return None
    first = (each for each in devices if each.source_type == "snapshot" and str(each.boot_index) == "0")
    return next((each.snapshot_id for each in first), None)


async def _check_image(work: Work, order: Order, image: ImageRecord, kind: VolumeType, size: int) -> None:
    key = await image_keys.check(
        work.db,
        image,
        project_id=order.project_id,
        is_admin=order.is_admin,
        encrypted=await work.db.exists(Encryption, Encryption.c.volume_type_id == kind.id),
    )
    check_image(image, size, key)


def check_image(image: ImageRecord, size: int, key: ImageKey | None = None) -> None:
    """Refuse a volume that an image does not fit into; an encrypted one's header needs no room there."""
    content = -(-max(image.size or 0, image.virtual_size or 0) // GIB)
    if key is not None:
        content = key.size_gib
    if content > size:
        reason = f"Size of specified image {content}GB is larger than volume size {size}GB."
        raise InvalidInput(reason=reason)
    if image.min_disk > size:
        reason = f"Volume size {size}GB cannot be smaller than the image minDisk size {image.min_disk}GB."
        raise InvalidInput(reason=reason)


async def _type(work: Work, order: Order, source: Volume | None) -> VolumeType:
    """Return the new volume's type: what is asked for, the source's, or the default."""
    whose = {"project_id": order.project_id, "is_admin": order.is_admin}
    if order.volume_type:
        return await types.find(work.db, order.volume_type, **whose)  # type: ignore[arg-type]  # as declared there
    if source is not None and source.volume_type_id is not None:
        found = await work.db.get(VolumeType, source.volume_type_id)
        if found is not None:
            return found
    named = await _image_type(work, order)
    if named is not None:
        return named
    return await types.default_for(work.db, work.use(BlockStorageSettings), order.project_id)


async def _image_type(work: Work, order: Order) -> VolumeType | None:
    """Return the type that the image's property `cinder_img_volume_type` asks for, if the project may."""
    image = await _image(work, order)
    named = image.properties.get("cinder_img_volume_type") if image is not None else None
    if not named:
        return None
    try:
        return await types.find(work.db, str(named), project_id=order.project_id, is_admin=order.is_admin)
    except TypeUnknown:
        return None


async def zones(db: Reader, settings: BlockStorageSettings) -> dict[str, bool]:
    """Return the availability zones, and whether each has an enabled backend."""
    column = StorageService.c.zone
    rows = await db.rows(
        select(column, StorageService.c.disabled).where(StorageService.c.binary == "cinder-volume")
    )
    found = {settings.default_zone: True} if not rows else {}
    for zone, disabled in rows:
        found[zone] = found.get(zone, False) or not disabled
    return found


async def known_zone(db: Reader, settings: BlockStorageSettings, named: str) -> str:
    """Return the name of a zone that there is. InvalidInput."""
    if named not in await zones(db, settings):
        raise InvalidInput(reason=f"Availability zone '{named}' is invalid.")
    return named


async def _zone(work: Work, order: Order, source: Volume | None) -> str:
    settings = work.use(BlockStorageSettings)
    if order.zone:
        return await known_zone(work.db, settings, order.zone)
    if source is not None:
        return source.availability_zone
    known = await zones(work.db, settings)
    return settings.default_zone if settings.default_zone in known else min(known)


def _hints(hints: dict[str, Any]) -> dict[str, str | list[str]]:
    """Return the hints that the scheduler knows; whatever else a client sends is kept from the row."""
    found: dict[str, str | list[str]] = {}
    for name in ("same_host", "different_host"):
        value = hints.get(name)
        if isinstance(value, str):
            found[name] = [value]
        elif isinstance(value, list) and all(isinstance(one, str) for one in value):
            found[name] = value
    return found


async def _seal(work: Work, volume: Volume, kind: VolumeType, source: Volume | None) -> None:
    """Encrypt the volume if its type says so: a copy of encrypted bytes keeps its source's passphrase."""
    how = await encryption.of_type(work.db, kind.id)
    if source is not None and source.encrypted != (how is not None):
        reason = "A volume and the volume or snapshot it is made from must both be encrypted, or neither."
        raise InvalidInput(reason=reason)
    if how is None:
        return
    encryption.check_provider(how, kind)
    if source is not None:
        keys.inherit(work.use(VolumeKeys), volume, source)
    else:
        keys.encrypt(work.use(VolumeKeys), volume, how)
