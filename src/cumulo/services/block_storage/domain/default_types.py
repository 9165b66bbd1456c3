"""Projects' own default types (3.62)."""

from cumulo.core.http import Ctx
from cumulo.services.block_storage.domain import types
from cumulo.services.block_storage.errors import NoDefaultType
from cumulo.services.block_storage.model import DefaultType


async def every(ctx: Ctx) -> list[dict[str, str]]:
    """Return every project's own default type."""
    return [shown(row) for row in await ctx.db.all(DefaultType)]


async def of_project(ctx: Ctx, project_id: str) -> dict[str, str]:
    """Return a project's own default type. NoDefaultType."""
    row = await ctx.db.get(DefaultType, project_id)
    if row is None:
        raise NoDefaultType(id=project_id)
    return shown(row)


async def put(ctx: Ctx, project_id: str, named: str) -> dict[str, str]:
    """Give a project a default type that it may use."""
    kind = await types.find(ctx.db, named, project_id=project_id, is_admin=False)
    await ctx.db.lock(f"default-type:{project_id}")
    row = DefaultType(project_id=project_id, volume_type_id=kind.id)
    if not await ctx.db.update(DefaultType, DefaultType.c.project_id == project_id, volume_type_id=kind.id):
        await ctx.db.insert(row)
    return shown(row)


async def unset(ctx: Ctx, project_id: str) -> None:
    """Take a project's own default type away. NoDefaultType."""
    if not await ctx.db.delete(DefaultType, DefaultType.c.project_id == project_id):
        raise NoDefaultType(id=project_id)


def shown(row: DefaultType) -> dict[str, str]:
    """Return a default type as the API writes it."""
    return {"project_id": row.project_id, "volume_type_id": row.volume_type_id}
