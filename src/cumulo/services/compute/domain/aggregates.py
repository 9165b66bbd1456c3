"""Host aggregates; those with `availability_zone` in their metadata make zones of their hosts."""

from typing import Any

import sqlalchemy

from cumulo.contracts.hypervisor import DiskSpec
from cumulo.contracts.image import Images
from cumulo.core import clock
from cumulo.core.db import Reader
from cumulo.core.errors import NotFound
from cumulo.core.http import Ctx
from cumulo.services.compute import guests
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.domain.hosts import find_host, moment
from cumulo.services.compute.errors import (
    AggregateExists,
    AggregateHasHosts,
    AggregateHostExists,
    AggregateHostNotFound,
    AggregateNotFound,
    HostInZone,
    ImageRefUnknown,
    ZoneInUse,
)
from cumulo.services.compute.model import Aggregate, ComputeHost, Server
from cumulo.services.compute.schema.bodies import AggregateBody, AggregateChange
from cumulo.services.compute.tasks import CacheImage

ZONE = "availability_zone"
_LOCK = "compute:aggregates"


async def find(db: Reader, id: str) -> Aggregate:
    """Return an aggregate by its number. AggregateNotFound."""
    row = await db.get(Aggregate, int(id)) if id.isdecimal() and len(id) < 10 else None  # noqa: PLR2004  digits of 32 bits
    if row is None:
        raise AggregateNotFound(id=id)
    return row


async def held(ctx: Ctx, id: str) -> Aggregate:
    """Return an aggregate to change; other changes wait, for a host is in one zone. AggregateNotFound."""
    await ctx.db.lock(_LOCK)
    return await find(ctx.db, id)


async def listed(ctx: Ctx) -> list[Aggregate]:
    """Return all aggregates."""
    return await ctx.db.all(Aggregate, order_by=(Aggregate.c.id,))


async def create(ctx: Ctx, body: AggregateBody) -> Aggregate:
    """Create an aggregate without hosts. AggregateExists."""
    name = body.name.strip()
    await ctx.db.lock(_LOCK)
    await _check_name(ctx, name)
    (highest,) = (await ctx.db.rows(sqlalchemy.select(sqlalchemy.func.max(Aggregate.c.id))))[0]
    metadata = {ZONE: body.zone} if isinstance(body.zone, str) else {}
    row = Aggregate(id=(highest or 0) + 1, name=name, metadata=metadata)
    await ctx.db.insert(row)
    return row


async def _check_name(ctx: Ctx, name: str) -> None:
    if await ctx.db.exists(Aggregate, Aggregate.c.name == name):
        raise AggregateExists(name=name)


async def update(ctx: Ctx, row: Aggregate, body: AggregateChange) -> Aggregate:
    """Rename an aggregate, or change the zone of its hosts. AggregateExists, ZoneInUse, HostInZone."""
    if isinstance(body.name, str) and body.name.strip() != row.name:
        await _check_name(ctx, body.name.strip())
        row.name = body.name.strip()
    if isinstance(body.zone, str):
        await _change(ctx, row, {ZONE: body.zone})
    return await _save(ctx, row)


async def set_metadata(ctx: Ctx, row: Aggregate, metadata: dict[str, str | None]) -> Aggregate:
    """Add to what an aggregate says of its hosts; a null takes away."""
    await _change(ctx, row, metadata)
    return await _save(ctx, row)


async def _change(ctx: Ctx, row: Aggregate, metadata: dict[str, str | None]) -> None:
    before = row.metadata.get(ZONE)
    for key, value in metadata.items():
        if value is None:
            row.metadata.pop(key, None)
        else:
            row.metadata[key] = value
    if row.metadata.get(ZONE) == before:
        return
    for host in row.hosts:
        here = (Server.c.host == host, Server.c.deleted_at.is_(None))
        if await ctx.db.exists(Server, *here):
            raise ZoneInUse(id=row.id, host=host)
        await _check_zone(ctx, row, host)


async def _check_zone(ctx: Ctx, row: Aggregate, host: str) -> None:
    """Refuse that a host is in two zones."""
    wanted = row.metadata.get(ZONE)
    for other in await listed(ctx):
        zone = other.metadata.get(ZONE)
        if other.id != row.id and host in other.hosts and wanted and zone and zone != wanted:
            raise HostInZone(host=host, zone=zone)


async def add_host(ctx: Ctx, row: Aggregate, host: str) -> Aggregate:
    """Put a host into an aggregate. HostNotFound, AggregateHostExists, HostInZone, ZoneInUse."""
    found = await find_host(ctx.db, host)
    if host in row.hosts:
        raise AggregateHostExists(id=row.id, host=host)
    await _check_zone(ctx, row, host)
    zone = row.metadata.get(ZONE)
    if zone is not None and zone != found.zone:
        here = (Server.c.host == host, Server.c.deleted_at.is_(None))
        if await ctx.db.exists(Server, *here):
            raise ZoneInUse(id=row.id, host=host)
    row.hosts = [*row.hosts, host]
    return await _save(ctx, row)


async def remove_host(ctx: Ctx, row: Aggregate, host: str) -> Aggregate:
    """Take a host out of an aggregate. AggregateHostNotFound."""
    if host not in row.hosts:
        raise AggregateHostNotFound(id=row.id, host=host)
    row.hosts = [other for other in row.hosts if other != host]
    await _save(ctx, row)
    await _realise(ctx, {host})
    return row


async def _save(ctx: Ctx, row: Aggregate) -> Aggregate:
    row.updated_at = clock.now()
    await ctx.db.save(row, "name", "metadata", "hosts", "updated_at")
    await _realise(ctx, set(row.hosts))
    return row


async def _realise(ctx: Ctx, hosts: set[str]) -> None:
    """Write the zones of hosts onto their rows."""
    zones = {
        host: row.metadata[ZONE] for row in await listed(ctx) for host in row.hosts if ZONE in row.metadata
    }
    default = ctx.use(ComputeSettings).default_zone
    for host in sorted(hosts):
        zone = zones.get(host, default)
        await ctx.db.update(ComputeHost, ComputeHost.c.host == host, zone=zone)


async def delete(ctx: Ctx, row: Aggregate) -> None:
    """Delete an aggregate without hosts. AggregateHasHosts."""
    if row.hosts:
        raise AggregateHasHosts(id=row.id)
    await ctx.db.delete(Aggregate, Aggregate.c.id == row.id)


async def cache_images(ctx: Ctx, row: Aggregate, image_ids: list[str]) -> None:
    """Have images ready on an aggregate's hosts, from after the answer on. ImageRefUnknown."""
    wanted: list[DiskSpec] = []
    for image_id in image_ids:
        try:
            image = await ctx.use(Images).get(ctx.db, image_id, project_id=None, is_admin=True)
        except NotFound as error:
            raise ImageRefUnknown(id=image_id) from error
        wanted.append(guests.disk_from(image_id, image, 0, "virtio"))
    for host in row.hosts:
        for disk in wanted:
            await ctx.start(CacheImage(host=host, disk=disk))


def document(ctx: Ctx, row: Aggregate) -> dict[str, Any]:
    """Return an aggregate as this version of the API shows it."""
    shape = {
        "id": row.id,
        "name": row.name,
        "availability_zone": row.metadata.get(ZONE),
        "hosts": row.hosts,
        "metadata": row.metadata,
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "deleted": False,
        "deleted_at": None,
    }
    if ctx.version is not None and ctx.version >= (2, 41):
        shape["uuid"] = row.uuid
    return shape
