"""What can be done to a volume."""

from typing import Any

from cumulo.core.http import Ctx
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.api.volumes import volumes
from cumulo.services.block_storage.domain import changes
from cumulo.services.block_storage.domain import volumes as domain
from cumulo.services.block_storage.model import Volume
from cumulo.services.block_storage.schema.bodies import (
    BootableBody,
    ExtendCompletionBody,
    ImageMetadataBody,
    KeyBody,
    MigrateBody,
    MigrateCompletionBody,
    ReadonlyBody,
    ReimageBody,
    ResetVolumeBody,
    RetypeBody,
    RevertBody,
    SizeBody,
    UploadBody,
)
from cumulo.services.block_storage.schema.volumes import image_metadata_of


@volumes.action("os-extend", policy=policy.EXTEND, status=202)
async def extend(ctx: Ctx, volume: Volume, body: SizeBody) -> None:
    """Grow a volume."""
    await domain.extend(ctx, volume, body.new_size)


@volumes.action("os-reset_status", policy=policy.RESET_STATUS, status=202)
async def reset_status(ctx: Ctx, volume: Volume, body: ResetVolumeBody) -> None:
    """Set a volume's statuses by hand."""
    await domain.reset(ctx, volume, body)


@volumes.action("os-force_delete", policy=policy.FORCE_DELETE_ACTION, status=202)
async def force_delete(ctx: Ctx, volume: Volume) -> None:
    """Delete a volume whatever its status."""
    await domain.delete(ctx, volume.id, force=True)


@volumes.action("revert", policy=policy.REVERT, status=202, since="3.40")
async def revert(ctx: Ctx, volume: Volume, body: RevertBody) -> None:
    """Revert a volume to its newest snapshot."""
    await domain.revert(ctx, volume, body.snapshot_id)


@volumes.action("os-set_bootable", policy=policy.UPDATE, status=200)
async def set_bootable(ctx: Ctx, volume: Volume, body: BootableBody) -> None:
    """Say whether a volume is bootable."""
    await domain.write(ctx.db, volume, bootable=body.bootable)


@volumes.action("os-update_readonly_flag", policy=policy.READONLY, status=202)
async def set_readonly(ctx: Ctx, volume: Volume, body: ReadonlyBody) -> None:
    """Make a volume read-only, or writable."""
    await domain.set_readonly(ctx, volume, readonly=body.readonly)


@volumes.action("os-set_image_metadata", policy=policy.SET_IMAGE_METADATA, status=200)
async def set_image_metadata(ctx: Ctx, volume: Volume, body: ImageMetadataBody) -> Any:
    """Add items to a volume's image metadata."""
    return {"metadata": await domain.set_image_metadata(ctx, volume, body.metadata)}


@volumes.action("os-unset_image_metadata", policy=policy.REMOVE_IMAGE_METADATA, status=200)
async def unset_image_metadata(ctx: Ctx, volume: Volume, body: KeyBody) -> None:
    """Delete an item of a volume's image metadata."""
    await domain.unset_image_metadata(ctx, volume, body.key)


@volumes.action("os-show_image_metadata", policy=policy.SEE_IMAGE_METADATA, status=200)
async def show_image_metadata(ctx: Ctx, volume: Volume) -> Any:
    """Show a volume's image metadata."""
    del ctx
    return {"metadata": image_metadata_of(volume)}


@volumes.action("os-retype", policy=policy.RETYPE, status=202)
async def retype(ctx: Ctx, volume: Volume, body: RetypeBody) -> None:
    """Give a volume another type."""
    await changes.retype(ctx, volume, body)


@volumes.action("os-migrate_volume", policy=policy.MIGRATE, status=202)
async def migrate(ctx: Ctx, volume: Volume, body: MigrateBody) -> None:
    """Move a volume to another pool."""
    await changes.migrate(ctx, volume, body)


@volumes.action("os-migrate_volume_completion", policy=policy.MIGRATE_COMPLETION, status=202)
async def complete_migration(ctx: Ctx, volume: Volume, body: MigrateCompletionBody) -> None:
    """Complete a move; here each completes by itself."""
    del ctx, body
    changes.refuse_completion(volume, "The migration")


@volumes.action("os-extend_volume_completion", policy=policy.EXTEND_COMPLETION, status=202, since="3.71")
async def complete_extension(ctx: Ctx, volume: Volume, body: ExtendCompletionBody) -> None:
    """Complete a growth; here each completes by itself."""
    del ctx, body
    changes.refuse_completion(volume, "The extension")


@volumes.action("os-volume_upload_image", policy=policy.UPLOAD, status=202)
async def upload(ctx: Ctx, volume: Volume, body: UploadBody) -> Any:
    """Make an image of a volume."""
    return await changes.upload(ctx, volume, body)


@volumes.action("os-reimage", policy=policy.REIMAGE, status=202, since="3.68")
async def reimage(ctx: Ctx, volume: Volume, body: ReimageBody) -> None:
    """Write an image over a volume."""
    await changes.reimage(ctx, volume, body)


PART = volumes  # with these actions declared
