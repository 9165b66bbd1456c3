"""Requests that change what a volume is made of: another type or pool, an image of it, an image over it."""

from typing import Any

from msgspec import UNSET

from cumulo.contracts.image import ImageRecord, Images, NewImage
from cumulo.core.errors import NotFound
from cumulo.core.http import Ctx
from cumulo.services.block_storage import image_keys, policy
from cumulo.services.block_storage.domain import creation, encryption, quotas, types
from cumulo.services.block_storage.domain.volumes import check_not_copied, check_status, latest, write
from cumulo.services.block_storage.errors import BadRequest, InvalidInput, InvalidVolume
from cumulo.services.block_storage.keys import is_sealed_so
from cumulo.services.block_storage.model import (
    MigrationStatus,
    Pool,
    Snapshot,
    Volume,
    VolumeStatus,
    VolumeType,
)
from cumulo.services.block_storage.schema.bodies import (
    MigrateBody,
    ReimageBody,
    RetypeBody,
    UploadBody,
)
from cumulo.services.block_storage.schema.links import instant
from cumulo.services.block_storage.schema.volumes import image_metadata_of
from cumulo.services.block_storage.tasks import ReimageVolume, RetypeVolume, UploadVolume
from cumulo.services.block_storage.tasks.carrying import attachments_of, can_carry
from cumulo.services.block_storage.tasks.moving import ON_DEMAND
from cumulo.services.block_storage.writing.formats import FORMATS

SETTLED = frozenset({VolumeStatus.AVAILABLE, VolumeStatus.IN_USE})
VISIBILITIES = ("community", "public", "private", "shared")
OWN_WORDS = frozenset(
    {
        *("image_id", "image_name", "checksum", "container_format", "disk_format", "min_disk", "min_ram"),
        *("size", image_keys.NAMED, image_keys.POLICY),
    }
)
"""What a volume's image metadata says of the image itself: a new image has its own."""


async def retype(ctx: Ctx, volume: Volume, body: RetypeBody) -> None:
    """Give a volume another type; with `on-demand` it may move to another pool for that."""
    if body.migration_policy not in (None, "never", ON_DEMAND):
        raise BadRequest(
            reason=f"migration_policy must be 'on-demand' or 'never', not {body.migration_policy}."
        )
    volume = await latest(ctx.db, volume.id)
    check_status(volume, SETTLED, "retype")
    kind = await _new_type(ctx, volume, body.new_type)
    await _check_encryption(ctx, volume, kind, body.migration_policy)
    await check_not_copied(ctx.db, Volume.c.source_volume_id == volume.id, f"Volume {volume.id}")
    claimed = {"volumes": 1, "gigabytes": volume.size}
    only_types = {f"{name}_{kind.id}": amount for name, amount in claimed.items()}
    await quotas.claim(ctx, volume.project_id, only_types, None)
    saga = RetypeVolume(volume_id=volume.id, type_id=kind.id, may_move=body.migration_policy == ON_DEMAND)
    await write(
        ctx.db,
        volume,
        status=VolumeStatus.RETYPING,
        previous_status=volume.status,
        retyping_to=kind.id,
        operation=await ctx.start(saga),
    )


async def _new_type(ctx: Ctx, volume: Volume, named: str) -> VolumeType:
    """Return the type that a volume is to have. InvalidInput when the volume cannot have it."""
    identity = ctx.identity
    try:
        kind = await types.find(ctx.db, named, project_id=identity.project_id, is_admin=identity.is_admin)
    except NotFound as error:
        raise InvalidInput(reason=f"Invalid volume_type passed: {named}.") from error
    if kind.id == volume.volume_type_id:
        raise InvalidInput(reason=f"New volume_type same as original: {named}.")
    if kind.is_multiattach != volume.multiattach and volume.status is not VolumeStatus.AVAILABLE:
        raise InvalidInput(reason="Whether a volume is multiattach cannot change while it is in use.")
    return kind


async def _check_encryption(ctx: Ctx, volume: Volume, kind: VolumeType, allowed: str | None) -> None:
    """Refuse to encrypt, decrypt or encrypt otherwise what cannot be copied for that."""
    how = await encryption.of_type(ctx.db, kind.id)
    if how is not None:
        encryption.check_provider(how, kind)
    if is_sealed_so(volume, how):
        return
    what = f"Volume {volume.id} is encrypted in another way than type {kind.name} says, so it is copied"
    if allowed != ON_DEMAND:
        raise InvalidInput(reason=f"{what}: migration_policy must be '{ON_DEMAND}'.")
    if volume.status is not VolumeStatus.AVAILABLE:
        raise InvalidInput(reason=f"{what}, which wants it available; its status is {volume.status}.")
    if await ctx.db.exists(Snapshot, Snapshot.c.volume_id == volume.id):
        raise InvalidInput(reason=f"{what}: it must not have snapshots.")


async def migrate(ctx: Ctx, volume: Volume, body: MigrateBody) -> None:
    """Move a volume to another pool."""
    if body.cluster is not None:
        raise BadRequest(reason="There are no clusters: name a host.")
    if body.host is None:
        raise BadRequest(reason="The host to migrate to must be named.")
    volume = await latest(ctx.db, volume.id)
    check_status(volume, SETTLED, "migrate")
    if await ctx.db.exists(Snapshot, Snapshot.c.volume_id == volume.id):
        raise InvalidVolume(reason=f"Volume {volume.id} must not have snapshots to be migrated.")
    if not can_carry(await attachments_of(ctx.db, volume.id)):
        reason = f"Volume {volume.id} can only be moved while nobody or one server has it, writable."
        raise InvalidVolume(reason=reason)
    await check_not_copied(ctx.db, Volume.c.source_volume_id == volume.id, f"Volume {volume.id}")
    here = (Pool.c.name == body.host) | (Pool.c.service == body.host)
    if not await ctx.db.exists(Pool, here):
        raise BadRequest(reason=f"No available service named {body.host}.")
    if body.host in (volume.host, (volume.host or "").partition("#")[0]):
        raise InvalidInput(reason="Destination host must be different than the current host.")
    saga = RetypeVolume(volume_id=volume.id, type_id=volume.volume_type_id, host=body.host)
    values: dict[str, Any] = {
        "previous_status": volume.status,
        "migration_status": MigrationStatus.STARTING,
        "operation": await ctx.start(saga),
    }
    if body.lock_volume:
        values["status"] = VolumeStatus.MAINTENANCE
    await write(ctx.db, volume, **values)


def refuse_completion(volume: Volume, what: str) -> None:
    """Refuse to complete what completes by itself here."""
    raise InvalidVolume(reason=f"{what} of volume {volume.id} is not waiting to be completed.")


async def upload(ctx: Ctx, volume: Volume, body: UploadBody) -> dict[str, Any]:
    """Make an image of a volume; one in use only by force."""
    check_upload(volume, body)
    encryption = image_keys.properties() if volume.encrypted else {}
    visibility = body.visibility if isinstance(body.visibility, str) else "private"
    if visibility == "public":
        ctx.authorise(policy.UPLOAD_PUBLIC, volume)
    volume = await latest(ctx.db, volume.id)
    allowed = {VolumeStatus.AVAILABLE} | ({VolumeStatus.IN_USE} if body.force else set())
    check_status(volume, allowed, "upload")
    protected = body.protected is True
    facts = image_metadata_of(volume)
    image_id = await ctx.use(Images).create(
        ctx,
        NewImage(
            owner=ctx.identity.project_id or volume.project_id,
            name=body.image_name,
            disk_format=body.disk_format,
            container_format=body.container_format,
            visibility=visibility,
            protected=protected,
            min_disk=volume.size,
            properties={
                **{name: str(value) for name, value in facts.items() if name not in OWN_WORDS},
                **encryption,
            },
        ),
    )
    if encryption:
        await image_keys.keep(ctx.db, ctx.use, volume, image_id, encryption[image_keys.NAMED])
    saga = UploadVolume(volume_id=volume.id, image_id=image_id, disk_format=body.disk_format)
    operation = await ctx.start(saga)
    status = VolumeStatus.UPLOADING
    await write(ctx.db, volume, status=status, previous_status=volume.status, operation=operation)
    shown = await _uploading(ctx, volume, body, image_id)
    if ctx.version is not None and ctx.version >= (3, 1):
        shown |= {"visibility": visibility, "protected": protected}
    return {"os-volume_upload_image": shown}


def check_upload(volume: Volume, body: UploadBody) -> None:
    """Refuse an image that cannot be made of a volume."""
    form = FORMATS.get(body.disk_format)
    if form is None:
        raise BadRequest(reason=f"Invalid disk_format '{body.disk_format}'; there are {', '.join(FORMATS)}.")
    if volume.size > form.largest:
        reason = f"An image of disk_format '{body.disk_format}' holds at most {form.largest}GB."
        raise BadRequest(reason=reason)
    if volume.encrypted and body.disk_format != image_keys.FORMAT:
        reason = f"An image of an encrypted volume is its encrypted bytes: disk_format '{image_keys.FORMAT}'."
        raise BadRequest(reason=reason)
    if body.container_format != "bare":
        raise BadRequest(reason=f"Invalid container_format '{body.container_format}'; only bare is.")
    if body.visibility is not UNSET and body.visibility not in VISIBILITIES:
        raise BadRequest(reason=f"visibility must be one of {', '.join(VISIBILITIES)}.")


async def _uploading(ctx: Ctx, volume: Volume, body: UploadBody, image_id: str) -> dict[str, Any]:
    kind = await ctx.db.get(VolumeType, volume.volume_type_id) if volume.volume_type_id else None
    return {
        "id": volume.id,
        "updated_at": instant(volume.updated_at) if volume.updated_at else None,
        "status": VolumeStatus.UPLOADING,
        "display_description": volume.description,
        "size": volume.size,
        "volume_type": None if kind is None else _whole(kind),
        "image_id": image_id,
        "container_format": body.container_format,
        "disk_format": body.disk_format,
        "image_name": body.image_name,
    }


def _whole(kind: VolumeType) -> dict[str, Any]:
    """Return a type as this answer has it: with its row's dates, and what upstream's soft deletion says."""
    return {
        "id": kind.id,
        "name": kind.name,
        "description": kind.description,
        "is_public": kind.is_public,
        "extra_specs": {},
        "qos_specs_id": None,
        "created_at": instant(kind.created_at),
        "updated_at": instant(kind.updated_at) if kind.updated_at else None,
        "deleted": False,
        "deleted_at": None,
    }


async def reimage(ctx: Ctx, volume: Volume, body: ReimageBody) -> None:
    """Write an image over a volume; over a reserved one only if asked."""
    volume = await latest(ctx.db, volume.id)
    allowed = {VolumeStatus.AVAILABLE, VolumeStatus.ERROR}
    if body.reimage_reserved:
        ctx.authorise(policy.REIMAGE_RESERVED, volume)
        allowed.add(VolumeStatus.RESERVED)
    check_status(volume, allowed, "reimage")
    image = await _image(ctx, volume, body.image_id)
    key = await image_keys.check(
        ctx.db,
        image,
        project_id=volume.project_id,
        is_admin=ctx.identity.is_admin,
        encrypted=volume.encrypted,
    )
    creation.check_image(image, volume.size, key)
    operation = await ctx.start(ReimageVolume(volume_id=volume.id, image_id=image.id))
    before = VolumeStatus.AVAILABLE if volume.status is VolumeStatus.ERROR else volume.status
    await write(ctx.db, volume, status=VolumeStatus.DOWNLOADING, previous_status=before, operation=operation)


async def _image(ctx: Ctx, volume: Volume, image_id: str) -> ImageRecord:
    try:
        image = await ctx.use(Images).get(
            ctx.db, image_id, project_id=volume.project_id, is_admin=ctx.identity.is_admin
        )
    except NotFound as error:
        raise BadRequest(reason="Invalid image identifier or unable to access requested image.") from error
    if image.status != "active":
        raise InvalidInput(reason=f"Image {image.id} is not active.")
    return image
