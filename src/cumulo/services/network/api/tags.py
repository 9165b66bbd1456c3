"""Tags: the same operations below each kind of resource."""

from typing import Any

from cumulo.core.http import Ctx
from cumulo.core.resource import Resource
from cumulo.services.network import policy
from cumulo.services.network.domain.changes import change
from cumulo.services.network.errors import TagNotFound
from cumulo.services.network.schema.bodies import TagsBody


def tagged(resource: Resource) -> None:
    """Declare the tags of a resource."""

    @resource.member("GET", "/tags", policy=policy.GET_TAGS)
    async def show(ctx: Ctx, row: Any) -> dict[str, Any]:
        """List a resource's tags."""
        del ctx
        return {"tags": row.tags}

    @resource.member("PUT", "/tags", policy=policy.UPDATE_TAGS)
    async def replace(ctx: Ctx, row: Any, body: TagsBody) -> dict[str, Any]:
        """Replace a resource's tags."""
        await change(ctx.db, row, {"tags": sorted(set(body.tags))})
        return {"tags": row.tags}

    @resource.member("POST", "/tags", policy=policy.UPDATE_TAGS, status=201)
    async def add_all(ctx: Ctx, row: Any, body: TagsBody) -> dict[str, Any]:
        """Add several tags."""
        await change(ctx.db, row, {"tags": sorted({*row.tags, *body.tags})})
        return {"tags": row.tags}

    @resource.member("DELETE", "/tags", policy=policy.UPDATE_TAGS, status=204)
    async def clear(ctx: Ctx, row: Any) -> None:
        """Take all tags away."""
        await change(ctx.db, row, {"tags": []})

    @resource.member("GET", "/tags/{tag}", policy=policy.GET_TAGS, status=204)
    async def confirm(ctx: Ctx, row: Any, tag: str) -> None:
        """Confirm that a resource has a tag."""
        del ctx
        if tag not in row.tags:
            raise TagNotFound(id=tag)

    @resource.member("PUT", "/tags/{tag}", policy=policy.UPDATE_TAGS, status=201)
    async def add(ctx: Ctx, row: Any, tag: str) -> None:
        """Add a tag."""
        await change(ctx.db, row, {"tags": sorted({*row.tags, tag})})

    @resource.member("DELETE", "/tags/{tag}", policy=policy.UPDATE_TAGS, status=204)
    async def remove(ctx: Ctx, row: Any, tag: str) -> None:
        """Take a tag away."""
        if tag not in row.tags:
            raise TagNotFound(id=tag)
        await change(ctx.db, row, {"tags": [one for one in row.tags if one != tag]})
