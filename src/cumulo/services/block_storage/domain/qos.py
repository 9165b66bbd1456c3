"""QoS specs: what limits a type's volumes, and what of it compute applies."""

from typing import Any

from cumulo.core import clock
from cumulo.core.db import Reader
from cumulo.core.http import Ctx
from cumulo.services.block_storage.errors import BadRequest, QosExists, QosInUse, TypeNotFound
from cumulo.services.block_storage.model import QosSpecs, Volume, VolumeType
from cumulo.services.block_storage.schema.types import QosBody, QosChange

BACK_END = "back-end"
CONSUMERS = ("front-end", BACK_END, "both")
LONGEST = 255
PER_GIB = "_per_gb"
MINIMUM = "_per_gb_min"
_RATES = (
    "total_bytes_sec",
    "read_bytes_sec",
    "write_bytes_sec",
    "total_iops_sec",
    "read_iops_sec",
    "write_iops_sec",
)
LIMITS = frozenset(
    {
        *_RATES,
        *(f"{rate}_max" for rate in _RATES),
        *(f"{rate}_max_length" for rate in _RATES),
        "size_iops_sec",
    }
)
"""What QEMU can limit of a disk, in libvirt's words, which are Cinder's too."""


async def front_end_limits(db: Reader, volume: Volume) -> dict[str, int]:
    """Return the limits that QEMU applies to a volume; what grows with the size is multiplied by it."""
    kind = await db.get(VolumeType, volume.volume_type_id) if volume.volume_type_id else None
    specs = await db.get(QosSpecs, kind.qos_specs_id) if kind is not None and kind.qos_specs_id else None
    if specs is None or specs.consumer == BACK_END:
        return {}
    found: dict[str, int] = {}
    for key, value in specs.specs.items():
        if not value.isdecimal():
            continue
        name = key.removesuffix(PER_GIB)
        if name in LIMITS:
            least = specs.specs.get(f"{name}{MINIMUM}", "0")
            scaled = max(int(value) * volume.size, int(least) if least.isdecimal() else 0)
            found[name] = scaled if name != key else int(value)
    return found


async def create(ctx: Ctx, body: QosBody) -> QosSpecs:
    """Create QoS specs."""
    name = body.name.strip()
    if not name:
        raise BadRequest(reason="Name of QoS specs can not be empty.")
    if await ctx.db.exists(QosSpecs, QosSpecs.c.name == name):
        raise QosExists(name=name)
    row = QosSpecs(name=name, consumer=checked(body.consumer), specs=texts(body.extra))
    await ctx.db.insert(row)
    return row


def checked(consumer: str) -> str:
    """Return who applies the specs. BadRequest when it is nobody we know."""
    if consumer not in CONSUMERS:
        raise BadRequest(reason=f"Valid consumer of QoS specs are: {', '.join(CONSUMERS)}")
    return consumer


def texts(specs: dict[str, Any]) -> dict[str, str]:
    """Return specs as text, whichever way a client writes numbers."""
    for key, value in specs.items():
        if isinstance(value, dict | list) or value is None or len(key) > LONGEST:
            raise BadRequest(reason=f"Invalid QoS spec '{key}'.")
    return {key: str(value) for key, value in specs.items()}


async def update(ctx: Ctx, row: QosSpecs, body: QosChange) -> dict[str, str]:
    """Set specs; return what was set."""
    values: dict[str, Any] = {"specs": {**row.specs, **texts(body.extra)}}
    if isinstance(body.consumer, str):
        values["consumer"] = checked(body.consumer)
    await ctx.db.update(QosSpecs, QosSpecs.c.id == row.id, updated_at=clock.now(), **values)
    shown = texts(body.extra)
    return {**shown, "consumer": values["consumer"]} if "consumer" in values else shown


async def unset(ctx: Ctx, row: QosSpecs, keys: list[str]) -> None:
    """Remove specs. BadRequest names one that is not there."""
    missing = [key for key in keys if key not in row.specs]
    if missing:
        raise BadRequest(reason=f"QoS spec {row.id} has no spec with key {missing[0]}.")
    rest = {key: value for key, value in row.specs.items() if key not in keys}
    await ctx.db.update(QosSpecs, QosSpecs.c.id == row.id, specs=rest, updated_at=clock.now())


async def delete(ctx: Ctx, row: QosSpecs, *, force: bool) -> None:
    """Delete QoS specs; types that have them only by force, and they lose them."""
    here = VolumeType.c.qos_specs_id == row.id
    if await ctx.db.exists(VolumeType, here):
        if not force:
            raise QosInUse(id=row.id)
        await ctx.db.update(VolumeType, here, qos_specs_id=None)
    await ctx.db.delete(QosSpecs, QosSpecs.c.id == row.id)


async def _type(ctx: Ctx) -> VolumeType:
    named = ctx.request.first("vol_type_id")
    if not named:
        raise BadRequest(reason="Volume Type id must not be None.")
    kind = await ctx.db.get(VolumeType, named)
    if kind is None:
        raise TypeNotFound(id=named)
    return kind


async def associate(ctx: Ctx, row: QosSpecs) -> None:
    """Give the type that the query names these specs, unless it has others."""
    kind = await _type(ctx)
    if kind.qos_specs_id not in (None, row.id):
        reason = f"Type {kind.id} is already associated with another qos specs: {kind.qos_specs_id}"
        raise BadRequest(reason=reason)
    await ctx.db.update(VolumeType, VolumeType.c.id == kind.id, qos_specs_id=row.id)


async def disassociate(ctx: Ctx, row: QosSpecs) -> None:
    """Take these specs from the type that the query names."""
    kind = await _type(ctx)
    if kind.qos_specs_id == row.id:
        await ctx.db.update(VolumeType, VolumeType.c.id == kind.id, qos_specs_id=None)


async def disassociate_all(ctx: Ctx, row: QosSpecs) -> None:
    """Take these specs from every type."""
    await ctx.db.update(VolumeType, VolumeType.c.qos_specs_id == row.id, qos_specs_id=None)


async def associations(ctx: Ctx, row: QosSpecs) -> list[dict[str, str]]:
    """Return the types that have these specs."""
    kinds = await ctx.db.all(VolumeType, VolumeType.c.qos_specs_id == row.id)
    return [{"association_type": "volume_type", "name": kind.name, "id": kind.id} for kind in kinds]
