"""Group types: finding, changing and deleting them, and their specs."""

from collections.abc import Sequence
from typing import Any

from cumulo.core import clock
from cumulo.core.db import Reader
from cumulo.core.http import Ctx
from cumulo.core.resource import as_bool
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.errors import (
    BadRequest,
    GroupSpecNotFound,
    GroupTypeExists,
    GroupTypeInUse,
    GroupTypeNotFound,
)
from cumulo.services.block_storage.model import Group, GroupType
from cumulo.services.block_storage.schema.groups import GroupTypeBody, GroupTypeChange

CONSISTENT = "consistent_group_snapshot_enabled"
OLDER = "default_cgsnapshot_type"
"""The type of the groups that were made by the older calls for consistency groups."""


def is_consistent(kind: GroupType) -> bool:
    """Say whether a type's groups are to be snapshotted at one moment."""
    operator, _, text = kind.group_specs.get(CONSISTENT, "").partition(" ")
    return operator == "<is>" and text.strip().lower() in {"true", "1", "yes", "on", "t", "y"}


def visible(ctx: Ctx, model: Any) -> Sequence[Any]:
    """Scope: the public types; for administrators all, or in a list those that they ask for."""
    if not ctx.identity.is_admin:
        return (model.c.is_public.is_(True),)
    asked = ctx.request.first("is_public") if ctx.operation.lists else None
    if asked is None or asked.lower() == "none":
        return ()
    return (model.c.is_public.is_(as_bool("is_public", asked)),)


async def find(db: Reader, named: str, *, is_admin: bool) -> GroupType:
    """Return a type by its id or name. GroupTypeNotFound."""
    kind = await db.get(GroupType, named) or await db.one(GroupType, GroupType.c.name == named)
    if kind is None or not (kind.is_public or is_admin):
        raise GroupTypeNotFound(id=named)
    return kind


async def default(ctx: Ctx) -> GroupType:
    """Return the type that the settings name as the default. GroupTypeNotFound."""
    named = ctx.use(BlockStorageSettings).default_group_type
    if not named:
        raise GroupTypeNotFound("Default group type can not be found.")
    return await find(ctx.db, named, is_admin=True)


async def older(ctx: Ctx) -> GroupType:
    """Return the type of consistency groups; the first of them makes it."""
    await ctx.db.lock(f"group-type:{OLDER}")
    kind = await ctx.db.one(GroupType, GroupType.c.name == OLDER)
    if kind is None:
        kind = GroupType(
            name=OLDER,
            description="Default group type for cgsnapshots",
            group_specs={CONSISTENT: "<is> True"},
        )
        await ctx.db.insert(kind)
    return kind


async def create(ctx: Ctx, body: GroupTypeBody) -> GroupType:
    """Create a group type."""
    kind = GroupType(
        name=_name(body.name),
        description=body.description,
        is_public=body.is_public,
        group_specs=body.group_specs or {},
    )
    await _unique(ctx, kind)
    await ctx.db.insert(kind)
    return kind


def _name(text: str) -> str:
    if not text.strip():
        raise BadRequest(reason="Group type name can not be empty.")
    return text.strip()


async def _unique(ctx: Ctx, kind: GroupType) -> None:
    if await ctx.db.exists(GroupType, GroupType.c.name == kind.name, GroupType.c.id != kind.id):
        raise GroupTypeExists(name=kind.name)


async def update(ctx: Ctx, kind: GroupType, body: GroupTypeChange) -> GroupType:
    """Change what a type is called, and whether all may use it."""
    changes = {name: value for name, value in body.given().items() if value is not None}
    if not changes:
        raise BadRequest(reason="Specify group type name, description or a combination thereof.")
    if "name" in changes:
        changes["name"] = kind.name = _name(changes["name"])
        await _unique(ctx, kind)
    await save(ctx, kind, **changes)
    return kind


async def save(ctx: Ctx, kind: GroupType, **changes: Any) -> None:
    """Write columns of a type."""
    for name, value in changes.items():
        setattr(kind, name, value)
    kind.updated_at = clock.now()
    await ctx.db.save(kind, *changes, "updated_at")


async def delete(ctx: Ctx, kind: GroupType) -> None:
    """Delete a type that no group has."""
    if await ctx.db.exists(Group, Group.c.group_type_id == kind.id):
        raise GroupTypeInUse(id=kind.id)
    await ctx.db.delete(GroupType, GroupType.c.id == kind.id)


async def set_specs(ctx: Ctx, kind: GroupType, specs: dict[str, str]) -> None:
    """Add specs to a type."""
    await save(ctx, kind, group_specs={**kind.group_specs, **specs})


def spec(kind: GroupType, key: str) -> dict[str, str]:
    """Return one spec. GroupSpecNotFound."""
    if key not in kind.group_specs:
        raise GroupSpecNotFound(id=kind.id, key=key)
    return {key: kind.group_specs[key]}


async def delete_spec(ctx: Ctx, kind: GroupType, key: str) -> None:
    """Delete a spec. GroupSpecNotFound."""
    spec(kind, key)
    rest = {name: value for name, value in kind.group_specs.items() if name != key}
    await save(ctx, kind, group_specs=rest)
