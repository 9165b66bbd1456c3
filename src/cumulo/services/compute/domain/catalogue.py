"""Images, which compute's API showed until 2.35 and whose metadata it changed until 2.38."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cumulo.contracts.image import CatalogueEntry, ImageCatalogue
from cumulo.core.http import Ctx
from cumulo.core.resource import as_int, as_time
from cumulo.services.compute.domain.quotas import check_metadata
from cumulo.services.compute.errors import MetadataKeyNotFound

STATUSES = {"active": "ACTIVE", "deactivated": "ACTIVE", "queued": "SAVING", "saving": "SAVING"}
PROGRESS = {"active": 100, "deactivated": 100, "queued": 25, "saving": 50}
_ACTIVE_SORTS = ("snapshot", "backup")


def owner(ctx: Ctx) -> str | None:
    """Return whose images the caller may see; None for an administrator: everybody's."""
    return None if ctx.identity.is_admin else ctx.identity.project_id


async def find(ctx: Ctx, image_id: str, *, hold: bool = False) -> CatalogueEntry:
    """Return an image that the caller can see. NotFound. hold: nobody else changes it meanwhile."""
    return await ctx.use(ImageCatalogue).entry(ctx, image_id, project_id=owner(ctx), hold=hold)


async def listed(ctx: Ctx) -> tuple[list[CatalogueEntry], bool]:
    """Return the images that a request asks for, and whether more follow."""
    first = ctx.request.first
    rows = await ctx.use(ImageCatalogue).listed(ctx, project_id=owner(ctx))
    since = first("changes-since")
    rows = [row for row in rows if _is_wanted(ctx, row, as_time("changes-since", since) if since else None)]
    marker = first("marker")
    if marker is not None:
        places = [index for index, row in enumerate(rows) if row.id == marker]
        rows = rows[places[0] + 1 :] if places else []
    limit = min(as_int("limit", first("limit") or "1000", least=0), 1000)
    return rows[:limit], len(rows) > limit


def _is_wanted(ctx: Ctx, row: CatalogueEntry, since: datetime | None) -> bool:
    first = ctx.request.first
    wishes = {
        "name": row.name,
        "status": STATUSES.get(row.status, "UNKNOWN"),
        "minRam": str(row.min_ram),
        "minDisk": str(row.min_disk),
    }
    for name, value in wishes.items():
        asked = first(name)
        if asked is not None and (asked.upper() if name == "status" else asked) != value:
            return False
    server, sort = first("server"), first("type")
    if server is not None and row.properties.get("instance_uuid") != server.rsplit("/", 1)[-1]:
        return False
    if sort is not None and (row.properties.get("image_type") in _ACTIVE_SORTS) != (sort.lower() != "base"):
        return False
    return since is None or row.updated_at >= since


async def set_metadata(ctx: Ctx, image_id: str, items: Mapping[str, str], *, replace: bool) -> dict[str, str]:
    """Add to an image's metadata, or put these in its place; return all."""
    image = await find(ctx, image_id, hold=True)
    metadata = dict(items) if replace else {**image.properties, **items}
    await check_metadata(ctx, len(metadata))
    await ctx.use(ImageCatalogue).describe(ctx, image_id, metadata, project_id=owner(ctx))
    return metadata


def metadata_item(image: CatalogueEntry, key: str) -> str:
    """Return one item of an image's metadata. MetadataKeyNotFound."""
    if key not in image.properties:
        raise MetadataKeyNotFound(key=key)
    return str(image.properties[key])


async def delete_metadata(ctx: Ctx, image_id: str, key: str) -> None:
    """Take an item off an image's metadata. MetadataKeyNotFound."""
    image = await find(ctx, image_id, hold=True)
    metadata_item(image, key)
    kept = {name: value for name, value in image.properties.items() if name != key}
    await ctx.use(ImageCatalogue).describe(ctx, image_id, kept, project_id=owner(ctx))


def brief(ctx: Ctx, row: CatalogueEntry) -> dict[str, Any]:
    """Return an image as a list without details shows it."""
    root = ctx.base_url.removesuffix("/v2.1")
    address = f"{ctx.root_url}/image/images/{row.id}"
    media = "application/vnd.openstack.image"
    return {
        "id": row.id,
        "name": row.name,
        "links": [
            {"rel": "self", "href": f"{ctx.base_url}/images/{row.id}"},
            {"rel": "bookmark", "href": f"{root}/images/{row.id}"},
            {"rel": "alternate", "type": media, "href": address},
        ],
    }


def document(ctx: Ctx, row: CatalogueEntry) -> dict[str, Any]:
    """Return an image with its details."""
    shape = {
        **brief(ctx, row),
        "minRam": row.min_ram,
        "minDisk": row.min_disk,
        "metadata": {name: value for name, value in row.properties.items() if value is not None},
        "created": f"{row.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "updated": f"{row.updated_at:%Y-%m-%dT%H:%M:%SZ}",
        "status": STATUSES.get(row.status, "UNKNOWN"),
        "progress": PROGRESS.get(row.status, 0),
        "OS-EXT-IMG-SIZE:size": row.size or 0,
    }
    server_id = row.properties.get("instance_uuid")
    if server_id:
        href = f"{ctx.base_url}/servers/{server_id}"
        bookmark = f"{ctx.base_url.removesuffix('/v2.1')}/servers/{server_id}"
        both = [{"rel": "self", "href": href}, {"rel": "bookmark", "href": bookmark}]
        shape["server"] = {"id": server_id, "links": both}
    return shape
