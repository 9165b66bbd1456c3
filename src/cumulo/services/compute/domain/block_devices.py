"""The disks that a request for servers asks for besides its image: volumes, or what to make them from."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from cumulo.contracts.block_storage import VolumeRecord, Volumes
from cumulo.contracts.image import ImageRecord, Images
from cumulo.core.errors import Invalid, NotFound
from cumulo.core.http import Ctx
from cumulo.core.http.body import BROKEN
from cumulo.services.compute import disks, guests
from cumulo.services.compute.domain.local_disks import is_local
from cumulo.services.compute.errors import (
    BadBlockDevice,
    BadBootSequence,
    BlankNeedsSize,
    BlockDeviceUnknown,
    ImageNeedsSize,
    NotBootable,
    VolumeForMany,
    VolumeSmallerThanImage,
)
from cumulo.services.compute.model import BlockDeviceMapping, Server
from cumulo.services.compute.schema.bodies import ServerBody
from cumulo.services.compute.schema.catalogue import is_true
from cumulo.services.compute.schema.devices import BlockDevice, LegacyBlockDevice
from cumulo.services.compute.schema.tags import DISK_TAGS_LOST, tag_of

GIB = 1 << 30
SHARED = (2, 60)  # since which servers may have volumes that others have too
_OF_THE_IMAGE = frozenset(  # what a volume knows of the image it was made from that is no property of it
    {
        *("image_id", "image_name", "checksum", "container_format", "disk_format"),
        *("min_disk", "min_ram", "size"),
    }
)


class Disk(msgspec.Struct, frozen=True, kw_only=True):
    """One disk of the request, checked. Sizes in GiB; `bootable`: what it boots with, if it is the root."""

    source: str
    uuid: str | None = None
    size_gib: int | None = None
    boot_index: int | None = None
    delete_on_termination: bool = False
    volume_type: str | None = None
    bus: str | None = None
    tag: str | None = None


class Root(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the volume that a server boots from."""

    image: ImageRecord | None = None
    properties: dict[str, Any] = {}


async def check(
    ctx: Ctx, body: ServerBody, inherited: Sequence[BlockDevice], *, has_image: bool, count: int
) -> list[Disk]:
    """Return the volumes that a request asks for, after those `inherited` from its image.

    `has_image` says that there is one to boot from; a volume that the request wants first in line comes
    before it. What may be booted from has a place of its own in the line: 0, 1, 2 and so on.
    """
    entries = [*inherited, *_entries(body)]
    disks_asked = [disk for entry in entries if (disk := _parse(ctx, entry)) is not None]
    line = sorted(disk.boot_index for disk in disks_asked if disk.boot_index is not None)
    if has_image and 0 not in line:
        line = [0, *line]
    if line != list(range(len(line))) or (disks_asked and not line):
        raise BadBootSequence
    for disk in disks_asked:
        await _check_source(ctx, disk, count)
    return disks_asked


def inherited(image: ImageRecord) -> list[BlockDevice]:
    """Return the volumes that an image says to make. BadBlockDevice when it says so in no known way."""
    written = image.properties.get("block_device_mapping")
    if not written:
        return []
    try:
        found = msgspec.json.decode(written, type=list[dict[str, Any]])
        return [
            BlockDevice(
                source_type=entry["source_type"],
                destination_type=entry.get("destination_type") or UNSET,
                uuid=entry.get(f"{entry['source_type']}_id") or UNSET,
                boot_index=entry.get("boot_index"),
                volume_size=entry.get("volume_size"),
                disk_bus=entry.get("disk_bus"),
                delete_on_termination=bool(entry.get("delete_on_termination")),
            )
            for entry in found
        ]
    except (*BROKEN, KeyError, TypeError) as error:
        raise BadBlockDevice(reason="the image's block_device_mapping cannot be read") from error


async def root_of(ctx: Ctx, asked: Sequence[Disk], named: ImageRecord | None) -> Root | None:
    """Return what the volume to boot from is made of; None when none is. NotBootable and the like.

    named: the request's own image, which then speaks for a volume or a snapshot: also for an empty volume.
    """
    disk = next((disk for disk in asked if disk.boot_index == 0), None)
    if disk is None:
        return None
    if disk.source == "image":
        image = await _image(ctx, disk.uuid or "")
        need = max(image.min_disk * GIB, image.virtual_size or image.size or 0)
        if need > (disk.size_gib or 0) * GIB:
            raise VolumeSmallerThanImage(size=disk.size_gib, need=-(-need // GIB))
        return Root(image=image, properties=dict(image.properties))
    volume = await _volume(ctx, disk.uuid or "") if disk.source == "volume" else None
    if named is not None:
        return Root(properties=dict(named.properties))
    if volume is not None:
        if not volume.bootable:
            raise NotBootable(id=volume.id)
        known = volume.image_properties.items()
        return Root(properties={name: value for name, value in known if name not in _OF_THE_IMAGE})
    return Root()  # of a snapshot nothing is known; a blank one waits for who rescues the server


async def write(ctx: Ctx, server: Server, asked: Sequence[Disk]) -> None:
    """Note a new server's volumes; those that exist are reserved for it at once."""
    taken = [] if any(disk.boot_index == 0 for disk in asked) else ["/dev/vda", "/dev/sda", "/dev/hda"]
    taken += [f"/dev/{disk.device}" for disk in guests.local_disks_of(server)]
    for disk in sorted(asked, key=lambda disk: disk.boot_index != 0):
        mapping = mapping_of(server, disk, taken)
        taken.append(mapping.device_name)
        if disk.source == "volume":
            mapping.volume_id = disk.uuid
            attachment = await _reserve(ctx, server, disk.uuid or "")
            mapping.attachment_id = attachment
        await ctx.db.insert(mapping)
    if asked:
        await disks.refresh(ctx.db, server.id)


def mapping_of(server: Server, disk: Disk, taken: Sequence[str]) -> BlockDeviceMapping:
    """Return the row of a disk of a new server."""
    bus = disk.bus or guests.bus_of(server)
    return BlockDeviceMapping(
        server_id=server.id,
        source_type=disk.source,
        image_id=disk.uuid if disk.source == "image" else None,
        snapshot_id=disk.uuid if disk.source == "snapshot" else None,
        size_gib=disk.size_gib,
        volume_type=disk.volume_type,
        device_name=disks.next_device(bus, taken),
        bus=bus,
        boot_index=disk.boot_index,
        delete_on_termination=disk.delete_on_termination,
        tag=disk.tag,
        created=disk.source != "volume",
    )


def _entries(body: ServerBody) -> list[BlockDevice]:
    """Return both forms of the mapping as the newer one."""
    newer = [] if body.block_device_mapping_v2 is UNSET else body.block_device_mapping_v2
    older = [] if body.block_device_mapping is UNSET else body.block_device_mapping
    if newer and older:
        raise BadBlockDevice(reason="Using different block_device_mapping syntaxes is not allowed.")
    return newer or [_translated(entry, index) for index, entry in enumerate(older)]


def _translated(entry: LegacyBlockDevice, index: int) -> BlockDevice:
    """Return an entry of the first form in the second: the first entry is what to boot from."""
    uuid = entry.volume_id or entry.snapshot_id
    if not uuid:
        raise BadBlockDevice(reason=f"entry {index} names neither a volume nor a snapshot")
    return BlockDevice(
        source_type="volume" if entry.volume_id else "snapshot",
        destination_type="volume",
        uuid=uuid,
        boot_index=0 if index == 0 else None,
        delete_on_termination=entry.delete_on_termination,
        volume_size=entry.volume_size,
    )


def _parse(ctx: Ctx, entry: BlockDevice) -> Disk | None:
    """Return a volume asked for; None for a disk of the host's own, such as the image on the root disk."""
    source = entry.source_type
    if is_local(entry):
        return None
    to_volume = entry.destination_type == "volume" or (
        entry.destination_type is UNSET and source in ("volume", "snapshot")
    )
    if not to_volume:
        if source == "image" and _number(entry.boot_index) == 0:
            return None
        kind = f"{source} to local"
        raise BadBlockDevice(reason=f"Mapping {kind} is not supported.")
    if entry.volume_type is not UNSET and ctx.version is not None and ctx.version < (2, 67):
        raise BadBlockDevice(reason="'volume_type' was unexpected")
    uuid = entry.uuid if isinstance(entry.uuid, str) and entry.uuid else None
    if source != "blank" and uuid is None:
        raise BadBlockDevice(reason=f"source_type '{source}' needs a 'uuid'")
    disk = Disk(
        source=source,
        uuid=uuid,
        size_gib=_number(entry.volume_size),
        boot_index=_number(entry.boot_index),
        delete_on_termination=is_true(entry.delete_on_termination),
        volume_type=_text(entry.volume_type),
        bus=_text(entry.disk_bus),
        tag=tag_of(ctx, entry.tag, lost=DISK_TAGS_LOST),
    )
    if source == "image" and not disk.size_gib:
        raise ImageNeedsSize
    if source == "blank" and not disk.size_gib:
        raise BlankNeedsSize
    if disk.bus is not None and disk.bus not in disks.PREFIXES:
        raise BadBlockDevice(reason=f"disk_bus '{disk.bus}' is unknown")
    return disk


def _number(value: Any) -> int | None:
    """Read a number that clients may write as text; negative boot indexes mean none."""
    if value is UNSET or value is None or value == "":
        return None
    try:
        number = int(value)
    except ValueError:
        raise BadBlockDevice(reason=f"'{value}' is no number") from None
    return number if number >= 0 else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


async def _check_source(ctx: Ctx, disk: Disk, count: int) -> None:
    """Refuse what does not exist for the caller. BlockDeviceUnknown, VolumeForMany."""
    if disk.source == "volume":
        volume = await _volume(ctx, disk.uuid or "")
        check_version(ctx, volume)
        if count > 1 and not volume.multiattach:
            raise VolumeForMany
    elif disk.source == "snapshot":
        try:
            await ctx.use(Volumes).snapshot_size(ctx.db, disk.uuid or "", project_id=ctx.identity.project_id)
        except NotFound as error:
            raise BlockDeviceUnknown(kind="snapshot", id=disk.uuid) from error
    elif disk.source == "image":
        await _image(ctx, disk.uuid or "")


def check_version(ctx: Ctx, volume: VolumeRecord) -> None:
    """Refuse a volume that several servers may have to clients who know of none. Invalid."""
    if volume.multiattach and ctx.version is not None and ctx.version < SHARED:
        raise Invalid("Multiattach volumes are only supported starting with compute API version 2.60.")


async def _volume(ctx: Ctx, volume_id: str) -> VolumeRecord:
    identity = ctx.identity
    try:
        return await ctx.use(Volumes).get(
            ctx.db, volume_id, project_id=identity.project_id, is_admin=identity.is_admin
        )
    except NotFound as error:
        raise BlockDeviceUnknown(kind="volume", id=volume_id) from error


async def _image(ctx: Ctx, image_id: str) -> ImageRecord:
    identity = ctx.identity
    try:
        image = await ctx.use(Images).get(
            ctx.db, image_id, project_id=identity.project_id, is_admin=identity.is_admin
        )
    except NotFound as error:
        raise BlockDeviceUnknown(kind="image", id=image_id) from error
    if image.status != "active":
        raise BlockDeviceUnknown(kind="image", id=image_id)
    return image


async def _reserve(ctx: Ctx, server: Server, volume_id: str) -> str:
    try:
        return (await ctx.use(Volumes).reserve(ctx, volume_id, server.id)).id
    except Invalid as error:
        raise BadBlockDevice(reason=str(error)) from error
