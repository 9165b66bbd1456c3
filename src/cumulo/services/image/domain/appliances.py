"""Making images of an appliance, with what its servers need besides: a flavor and ports, as suggestions."""

from collections.abc import Mapping
from typing import Any

import msgspec

from cumulo.core.http import Ctx
from cumulo.services.image import policy
from cumulo.services.image.domain import quotas
from cumulo.services.image.drivers.stores import Stores
from cumulo.services.image.errors import NotAnAppliance
from cumulo.services.image.inspection import ContentRefused
from cumulo.services.image.inspection.appliances import Appliance, ApplianceDisk, read_appliance
from cumulo.services.image.inspection.signatures import ContentMismatch, Malformed
from cumulo.services.image.model import Image, ImageStatus, ImageTask, Visibility
from cumulo.services.image.tasks import ImportAppliance, Piece
from cumulo.services.image.tasks.placing import Place, places_of

GIB = 1 << 30


class Made(msgspec.Struct, frozen=True):
    """What comes of an appliance. `flavor` and `ports`: what compute and network should be asked for."""

    task: str
    images: list[dict[str, Any]]
    flavor: dict[str, Any]
    ports: list[dict[str, Any]]


async def look_into(ctx: Ctx, image: Image) -> tuple[Place, Appliance]:
    """Return where an appliance is, and what it is made of. NotAnAppliance, ContentRefused."""
    async with ctx.read() as db:
        places = await places_of(db, ctx.use(Stores), image.id)
    if image.status is not ImageStatus.ACTIVE or image.container_format != "ova" or not places:
        raise NotAnAppliance(id=image.id)
    try:
        found = await places[0].store.examine(places[0].data, read_appliance)
    except (ContentMismatch, Malformed) as error:
        raise ContentRefused(reason=str(error)) from error
    return places[0], found


async def import_appliance(ctx: Ctx, source: Image, place: Place, appliance: Appliance, name: str) -> Made:
    """Register the appliance's disks as images and promise to fill them. OverLimit."""
    owner = ctx.identity.project_id
    ctx.authorise(policy.ADD, {**ctx.own(), "owner": owner})
    await quotas.claim(ctx, owner, {quotas.COUNT: len(appliance.disks), quotas.SIZE: _size(appliance)})
    named = name or appliance.name
    images = [_image(owner, named, appliance, disk, n) for n, disk in enumerate(appliance.disks)]
    await ctx.db.insert_all(images)
    task = ImageTask(
        type="appliance_import",
        owner=owner,
        image_id=source.id,
        user_id=ctx.identity.user_id,
        request_id=ctx.request_id,
        input={"images": [image.id for image in images]},
    )
    await ctx.db.insert(task)
    pieces = [
        Piece(
            image_id=image.id,
            offset=disk.offset,
            length=disk.length,
            disk_format=disk.disk_format,
            digest=disk.digest,
        )
        for image, disk in zip(images, appliance.disks, strict=True)
    ]
    saga = ImportAppliance(
        task_id=task.id,
        source_id=source.id,
        store=place.store.name,
        target=ctx.use(Stores).default,
        pieces=pieces,
        source_data=place.data,
    )
    await ctx.start(saga)
    shown = [{"id": image.id, "name": image.name, "disk_format": image.disk_format} for image in images]
    return Made(task.id, shown, _flavor(named, appliance), _ports(appliance))


def _size(appliance: Appliance) -> int:
    return quotas.mebibytes(sum(disk.length for disk in appliance.disks))


def _image(owner: str | None, name: str, appliance: Appliance, disk: ApplianceDisk, number: int) -> Image:
    return Image(
        owner=owner,
        name=name if number == 0 else f"{name} disk {number + 1}",
        status=ImageStatus.IMPORTING,
        visibility=Visibility.PRIVATE,
        disk_format=disk.disk_format,
        container_format="bare",
        min_disk=-(-disk.capacity // GIB),
        min_ram=appliance.memory if number == 0 else 0,
        properties=dict(_properties(appliance, disk)),
    )


def _properties(appliance: Appliance, disk: ApplianceDisk) -> Mapping[str, str]:
    models = {nic.model for nic in appliance.nics}
    found = {"hw_disk_bus": disk.bus, "hw_vif_model": models.pop() if len(models) == 1 else ""}
    return {name: value for name, value in found.items() if value}


def _flavor(name: str, appliance: Appliance) -> dict[str, Any]:
    disk = -(-appliance.disks[0].capacity // GIB)
    return {"name": name, "vcpus": appliance.cpus, "ram": appliance.memory, "disk": max(1, disk)}


def _ports(appliance: Appliance) -> list[dict[str, Any]]:
    return [
        {"name": nic.name, "network": nic.network, **({"mac_address": nic.mac} if nic.mac else {})}
        for nic in appliance.nics
    ]
