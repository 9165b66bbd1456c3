"""Volume types: finding the one that a request names, and the one for a request that names none."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Text, cast, or_, select

from cumulo.core import clock
from cumulo.core.db import Reader
from cumulo.core.http import Ctx
from cumulo.core.quota import QuotaLimit
from cumulo.core.resource import PageContext, as_bool
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.errors import (
    BadRequest,
    ExtraSpecNotFound,
    TypeAccessExists,
    TypeAccessNotFound,
    TypeAccessOfPublic,
    TypeExists,
    TypeInUse,
    TypeIsPublic,
    TypeNotFound,
    TypeUnknown,
)
from cumulo.services.block_storage.model import (
    MULTIATTACH,
    DefaultType,
    Group,
    QuotaClass,
    TypeAccess,
    Volume,
    VolumeType,
)
from cumulo.services.block_storage.schema.types import TypeBody, TypeChange, told


async def find(db: Reader, named: str, *, project_id: str | None, is_admin: bool) -> VolumeType:
    """Return a type by its id or name, if the project may use it. TypeUnknown."""
    kind = await db.get(VolumeType, named) or await db.one(VolumeType, VolumeType.c.name == named)
    if kind is None or not await may_use(db, kind, project_id=project_id, is_admin=is_admin):
        raise TypeUnknown(id=named)
    return kind


async def may_use(db: Reader, kind: VolumeType, *, project_id: str | None, is_admin: bool) -> bool:
    """Say whether a project may use a type."""
    if kind.is_public or is_admin:
        return True
    return project_id is not None and await db.get(TypeAccess, (kind.id, project_id)) is not None


async def default_for(db: Reader, settings: BlockStorageSettings, project_id: str | None) -> VolumeType:
    """Return the type of volumes whose request names none: the project's own default, else the cloud's."""
    own = await db.get(DefaultType, project_id) if project_id is not None else None
    if own is not None:
        kind = await db.get(VolumeType, own.volume_type_id)
        if kind is not None:
            return kind
    kind = await db.one(VolumeType, VolumeType.c.name == settings.default_type)
    if kind is None:
        raise TypeNotFound(id=settings.default_type)
    return kind


def visible(ctx: Ctx, model: Any) -> Sequence[Any]:
    """Scope: the types that the caller may use; of an administrator's list the public ones unless asked."""
    if ctx.operation.lists:
        return _listed(ctx, model)
    return () if ctx.identity.is_admin else (or_(model.c.is_public.is_(True), _accessible(ctx, model)),)


def _listed(ctx: Ctx, model: Any) -> Sequence[Any]:
    asked = ctx.request.first("is_public") if ctx.identity.is_admin else None
    if asked is not None and asked.lower() == "none":
        return ()
    public = asked is None or as_bool("is_public", asked)
    if not public:
        return (model.c.is_public.is_(False),)
    return (or_(model.c.is_public.is_(True), _accessible(ctx, model)),)


def _accessible(ctx: Ctx, model: Any) -> Any:
    mine = select(TypeAccess.c.volume_type_id).where(TypeAccess.c.project_id == ctx.identity.project_id)
    return model.c.id.in_(mine)


async def create(ctx: Ctx, body: TypeBody) -> VolumeType:
    """Create a type; a private one is for the projects that are let in."""
    kind = VolumeType(
        name=_name(body.name),
        description=body.description,
        extra_specs=body.extra_specs or {},
        is_public=body.is_public,
    )
    await _unique(ctx, kind)
    await ctx.db.insert(kind)
    return kind


def _name(text: str) -> str:
    name = text.strip()
    if not name:
        raise BadRequest(reason="Volume type name can not be empty.")
    return name


async def _unique(ctx: Ctx, kind: VolumeType) -> None:
    others = VolumeType.c.name == kind.name, VolumeType.c.id != kind.id
    if await ctx.db.exists(VolumeType, *others):
        raise TypeExists(name=kind.name)


async def update(ctx: Ctx, kind: VolumeType, body: TypeChange) -> VolumeType:
    """Change what a type is called, and whether all may use it."""
    changes = {name: value for name, value in body.given().items() if value is not None}
    if "public" in changes:
        changes["is_public"] = changes.pop("public")
    if not changes:
        reason = "Specify volume type name, description, is_public or a combination thereof."
        raise BadRequest(reason=reason)
    if "name" in changes:
        changes["name"] = kind.name = _name(changes["name"])
        await _unique(ctx, kind)
    await save(ctx, kind, **changes)
    return kind


async def save(ctx: Ctx, kind: VolumeType, **changes: Any) -> None:
    """Write columns of a type."""
    for name, value in changes.items():
        setattr(kind, name, value)
    kind.updated_at = clock.now()
    await ctx.db.save(kind, *changes, "updated_at")


async def delete(ctx: Ctx, kind: VolumeType) -> None:
    """Delete a type that no volume has. The last default stays."""
    if kind.name == ctx.use(BlockStorageSettings).default_type:
        reason = f"The volume type {kind.id} is the default volume type and cannot be deleted."
        raise BadRequest(reason=f"Invalid volume type: {reason}")
    own = DefaultType.c.volume_type_id == kind.id
    named = cast(Group.c.volume_types, Text).contains(f'"{kind.id}"', autoescape=True)
    used = await is_used(ctx.db, kind.id) or await ctx.db.exists(Group, named)
    if used or await ctx.db.exists(DefaultType, own):
        raise TypeInUse(id=kind.id)
    await ctx.db.delete(VolumeType, VolumeType.c.id == kind.id)
    names = [f"{name}_{kind.id}" for name in ("volumes", "gigabytes", "snapshots")]
    await ctx.db.delete(QuotaLimit, QuotaLimit.c.resource.in_(names))
    await ctx.db.delete(QuotaClass, QuotaClass.c.resource.in_(names))


async def is_used(db: Reader, type_id: str) -> bool:
    """Say whether a volume has the type, or is about to."""
    used = or_(Volume.c.volume_type_id == type_id, Volume.c.retyping_to == type_id)
    return await db.exists(Volume, used)


async def set_specs(ctx: Ctx, kind: VolumeType, specs: dict[str, str]) -> None:
    """Add extra specs; what volumes in use rely on stays as it is."""
    if MULTIATTACH in specs and specs[MULTIATTACH] != kind.extra_specs.get(MULTIATTACH):
        await _unused(ctx, kind)
    await save(ctx, kind, extra_specs={**kind.extra_specs, **specs})


async def delete_spec(ctx: Ctx, kind: VolumeType, key: str) -> None:
    """Delete an extra spec. ExtraSpecNotFound."""
    spec(kind.extra_specs, kind, key)
    if key == MULTIATTACH:
        await _unused(ctx, kind)
    rest = {name: value for name, value in kind.extra_specs.items() if name != key}
    await save(ctx, kind, extra_specs=rest)


async def _unused(ctx: Ctx, kind: VolumeType) -> None:
    if await is_used(ctx.db, kind.id):
        reason = f"Volume type {kind.id} has volumes, so whether they are multiattach cannot change."
        raise BadRequest(reason=reason)


def spec(specs: dict[str, str], kind: VolumeType, key: str) -> dict[str, str]:
    """Return one extra spec. ExtraSpecNotFound."""
    if key not in specs:
        raise ExtraSpecNotFound(id=kind.id, key=key)
    return {key: specs[key]}


async def projects(ctx: Ctx, kind: VolumeType) -> list[dict[str, str]]:
    """Return who may use a private type."""
    if kind.is_public:
        raise TypeAccessOfPublic
    rows = await ctx.db.all(TypeAccess, TypeAccess.c.volume_type_id == kind.id)
    return [{"volume_type_id": row.volume_type_id, "project_id": row.project_id} for row in rows]


async def add_project(ctx: Ctx, kind: VolumeType, project_id: str) -> None:
    """Let a project use a private type."""
    if kind.is_public:
        raise TypeIsPublic
    if await ctx.db.get(TypeAccess, (kind.id, project_id)) is not None:
        raise TypeAccessExists(id=kind.id, project_id=project_id)
    await ctx.db.insert(TypeAccess(volume_type_id=kind.id, project_id=project_id))


async def remove_project(ctx: Ctx, kind: VolumeType, project_id: str) -> None:
    """Keep a project from a private type."""
    if kind.is_public:
        raise TypeIsPublic
    named = TypeAccess.c.volume_type_id == kind.id, TypeAccess.c.project_id == project_id
    if not await ctx.db.delete(TypeAccess, *named):
        raise TypeAccessNotFound(id=kind.id, project_id=project_id)


def seen_specs(ctx: Ctx, kind: VolumeType) -> dict[str, str]:
    """Return of a type's extra specs what the caller may see."""
    return told(kind, PageContext(ctx))
