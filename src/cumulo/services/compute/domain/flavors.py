"""Flavors: sizes of servers, and who may use them."""

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET
from sqlalchemy import or_, select

from cumulo.core import errors, ids
from cumulo.core.auth import Identity
from cumulo.core.db import Reader, Transaction
from cumulo.core.http import Ctx
from cumulo.services.compute.domain import extra_specs
from cumulo.services.compute.errors import (
    ExtraSpecNotFound,
    FlavorAccessExists,
    FlavorAccessNotFound,
    FlavorExists,
    FlavorIdExists,
    FlavorIsPublic,
    FlavorNotFound,
    InvalidParameter,
)
from cumulo.services.compute.model import Flavor, FlavorAccess
from cumulo.services.compute.schema.catalogue import FlavorBody, is_true

VALIDATED = (2, 86)  # the microversion since which extra specs are held against what is known of them
DEFAULTS = (
    # id, name, vCPUs, memory MiB, disk GiB; the names and sizes that OpenStack's users know
    ("1", "m1.tiny", 1, 512, 1),
    ("2", "m1.small", 1, 2048, 20),
    ("3", "m1.medium", 2, 4096, 40),
    ("4", "m1.large", 4, 8192, 80),
    ("5", "m1.xlarge", 8, 16384, 160),
    # small enough for guests whose processor is emulated
    ("c1", "mini", 1, 128, 1),
    ("c2", "small", 1, 256, 2),
    ("c3", "medium", 2, 768, 6),
)


async def ensure_defaults(db: Transaction) -> None:
    """Create the flavors that a new cloud starts with, unless it has some; a second call does nothing."""
    if await db.exists(Flavor):
        return
    rows = [
        Flavor(id=key, name=name, vcpus=vcpus, memory_mib=memory, root_gib=disk)
        for key, name, vcpus, memory, disk in DEFAULTS
    ]
    await db.insert_all(rows)


def usable_by(project_id: str | None) -> Any:
    """Return the condition for flavors that a project may use."""
    granted = select(FlavorAccess.c.flavor_id).where(FlavorAccess.c.project_id == project_id)
    return or_(Flavor.c.is_public, Flavor.c.id.in_(granted))


def scope(ctx: Ctx, model: Any) -> Sequence[Any]:
    """Return what the caller may see: administrators all, in lists by `is_public` as Nova has it."""
    del model
    mine = usable_by(ctx.identity.project_id)
    if ctx.operation.writes:
        return ()  # the policy refuses before it would tell whether there is one
    if not ctx.identity.is_admin:
        return (mine,)
    if not ctx.operation.lists:
        return ()
    asked = (ctx.request.first("is_public") or "true").lower()
    if asked == "none":
        return ()
    return (mine,) if asked in ("true", "1", "yes", "on", "t", "y") else (~Flavor.c.is_public,)


async def find(db: Reader, identity: Identity, id: str) -> Flavor:
    """Return a flavor that the caller may use. FlavorNotFound."""
    flavor = await db.get(Flavor, id)
    if flavor is None:
        raise FlavorNotFound(id=id)
    if not (flavor.is_public or identity.is_admin):
        mine = FlavorAccess.c.project_id == identity.project_id
        if not await db.exists(FlavorAccess, FlavorAccess.c.flavor_id == id, mine):
            raise FlavorNotFound(id=id)
    return flavor


async def create(ctx: Ctx, body: FlavorBody) -> Flavor:
    """Create a flavor. FlavorExists, FlavorIdExists."""
    if await ctx.db.exists(Flavor, Flavor.c.name == body.name):
        raise FlavorExists(name=body.name)
    flavor_id = ids.dashed() if body.id in (UNSET, None, "auto") else str(body.id)
    if await ctx.db.exists(Flavor, Flavor.c.id == flavor_id):
        raise FlavorIdExists(id=flavor_id)
    flavor = Flavor(
        id=flavor_id,
        name=body.name,
        vcpus=int(body.vcpus),
        memory_mib=int(body.ram),
        root_gib=int(body.disk),
        ephemeral_gib=0 if body.ephemeral is UNSET else int(body.ephemeral),
        swap_mib=0 if body.swap is UNSET else int(body.swap),
        rxtx_factor=1.0 if body.rxtx_factor is UNSET else body.rxtx_factor,
        is_public=True if body.is_public is UNSET else is_true(body.is_public),
        description=None if body.description is UNSET else body.description,
    )
    await ctx.db.insert(flavor)
    return flavor


async def delete(ctx: Ctx, flavor: Flavor) -> None:
    """Delete a flavor; servers keep what they were made from."""
    await ctx.db.delete(FlavorAccess, FlavorAccess.c.flavor_id == flavor.id)
    await ctx.db.delete(Flavor, Flavor.c.id == flavor.id)


async def grant(ctx: Ctx, flavor: Flavor, project_id: str) -> None:
    """Let a project use a flavor that is not public."""
    if flavor.is_public:
        raise FlavorIsPublic
    try:
        await ctx.db.insert(FlavorAccess(flavor_id=flavor.id, project_id=project_id))
    except errors.Duplicate as error:
        raise FlavorAccessExists(id=flavor.id, project_id=project_id) from error


async def revoke(ctx: Ctx, flavor: Flavor, project_id: str) -> None:
    """Let a project use a flavor no longer."""
    row = (FlavorAccess.c.flavor_id == flavor.id) & (FlavorAccess.c.project_id == project_id)
    if not await ctx.db.delete(FlavorAccess, row):
        raise FlavorAccessNotFound(id=flavor.id, project_id=project_id)


async def access_of(db: Reader, flavor: Flavor) -> dict[str, Any]:
    """Return the projects that may use a flavor. FlavorNotFound for a public one."""
    if flavor.is_public:
        raise FlavorNotFound(f"Access list not available for public flavors: {flavor.id}.")
    rows = await db.all(FlavorAccess, FlavorAccess.c.flavor_id == flavor.id)
    listed = [{"flavor_id": flavor.id, "tenant_id": row.project_id} for row in rows]
    return {"flavor_access": listed}


async def set_specs(ctx: Ctx, flavor: Flavor, specs: dict[str, str]) -> None:
    """Add extra specs to a flavor, or change them. InvalidExtraSpec, since 2.86."""
    if ctx.version is not None and ctx.version >= VALIDATED:
        extra_specs.check(specs)
    flavor.extra_specs.update(specs)
    await ctx.db.save(flavor, "extra_specs")


def spec_of(flavor: Flavor, key: str) -> dict[str, str]:
    """Return one extra spec. ExtraSpecNotFound."""
    if key not in flavor.extra_specs:
        raise ExtraSpecNotFound(id=flavor.id, key=key)
    return {key: flavor.extra_specs[key]}


async def delete_spec(ctx: Ctx, flavor: Flavor, key: str) -> None:
    """Take an extra spec off a flavor. ExtraSpecNotFound."""
    spec_of(flavor, key)
    del flavor.extra_specs[key]
    await ctx.db.save(flavor, "extra_specs")


def only(key: str, body: dict[str, str]) -> dict[str, str]:
    """Return a body that must hold just this key. InvalidParameter."""
    if set(body) != {key}:
        reason = "The body must hold the key of the URL and no other."
        raise InvalidParameter(name=key, value=", ".join(body), reason=reason)
    return body
