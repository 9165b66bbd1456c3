"""Flavors."""

from typing import Any

from cumulo.core.http import Ctx
from cumulo.core.resource import Resource, as_int, save_changes
from cumulo.services.compute import policy
from cumulo.services.compute.domain import flavors as domain
from cumulo.services.compute.errors import FlavorNotFound
from cumulo.services.compute.model import Flavor
from cumulo.services.compute.schema.catalogue import (
    Access,
    ExtraSpecs,
    FlavorBody,
    FlavorBrief,
    FlavorChange,
    FlavorView,
    SpecValue,
)

flavors = Resource(
    "flavor",
    "/flavors",
    model=Flavor,
    view=FlavorView,
    scope=domain.scope,
    order=("id",),
    missing=FlavorNotFound,
)
flavors.list(policy=policy.FLAVORS, detail=policy.FLAVORS, brief=FlavorBrief)
flavors.show(policy=policy.FLAVORS)


@flavors.filter("minRam")
def at_least_memory(ctx: Ctx, value: str) -> Any:
    """Keep flavors with at least so many MiB of memory."""
    del ctx
    return Flavor.c.memory_mib >= as_int("minRam", value)


@flavors.filter("minDisk")
def at_least_disk(ctx: Ctx, value: str) -> Any:
    """Keep flavors with at least so many GiB of disk."""
    del ctx
    return Flavor.c.root_gib >= as_int("minDisk", value)


@flavors.create(policy=policy.FLAVORS_CREATE, status=200)
async def create(ctx: Ctx, body: FlavorBody) -> Flavor:
    """Create a flavor."""
    return await domain.create(ctx, body)


@flavors.update(policy=policy.FLAVORS_UPDATE, since="2.55")
async def update(ctx: Ctx, flavor: Flavor, body: FlavorChange) -> Any:
    """Change what is said of a flavor."""
    return await save_changes(ctx, flavor, {"description": body.description})


@flavors.delete(policy=policy.FLAVORS_DELETE, status=202)
async def delete(ctx: Ctx, flavor: Flavor) -> None:
    """Delete a flavor."""
    await domain.delete(ctx, flavor)


@flavors.action("addTenantAccess", policy=policy.FLAVORS_GRANT, status=200)
async def grant(ctx: Ctx, flavor: Flavor, body: Access) -> Any:
    """Let a project use a flavor."""
    await domain.grant(ctx, flavor, body.tenant)
    return await domain.access_of(ctx.db, flavor)


@flavors.action("removeTenantAccess", policy=policy.FLAVORS_REVOKE, status=200)
async def revoke(ctx: Ctx, flavor: Flavor, body: Access) -> Any:
    """Keep a project from using a flavor."""
    await domain.revoke(ctx, flavor, body.tenant)
    return await domain.access_of(ctx.db, flavor)


@flavors.member("GET", "/os-flavor-access", policy=policy.FLAVORS_ACCESS)
async def access(ctx: Ctx, flavor: Flavor) -> Any:
    """List the projects that may use a flavor."""
    return await domain.access_of(ctx.db, flavor)


@flavors.member("GET", "/os-extra_specs", policy=policy.SPECS_LIST, target=Ctx.own)
async def list_specs(ctx: Ctx, flavor: Flavor) -> Any:
    """List a flavor's extra specs."""
    del ctx
    return {"extra_specs": flavor.extra_specs}


@flavors.member("POST", "/os-extra_specs", policy=policy.SPECS_CREATE)
async def create_specs(ctx: Ctx, flavor: Flavor, body: ExtraSpecs) -> Any:
    """Add extra specs to a flavor."""
    await domain.set_specs(ctx, flavor, body.extra_specs)
    return {"extra_specs": body.extra_specs}


@flavors.member("GET", "/os-extra_specs/{key}", policy=policy.SPECS_SHOW, target=Ctx.own)
async def show_spec(ctx: Ctx, flavor: Flavor, key: str) -> Any:
    """Show one of a flavor's extra specs."""
    del ctx
    return domain.spec_of(flavor, key)


@flavors.member("PUT", "/os-extra_specs/{key}", policy=policy.SPECS_UPDATE)
async def update_spec(ctx: Ctx, flavor: Flavor, key: str, body: dict[str, SpecValue]) -> Any:
    """Set one of a flavor's extra specs."""
    specs = domain.only(key, body)
    await domain.set_specs(ctx, flavor, specs)
    return specs


@flavors.member("DELETE", "/os-extra_specs/{key}", policy=policy.SPECS_DELETE)
async def delete_spec(ctx: Ctx, flavor: Flavor, key: str) -> None:
    """Take an extra spec off a flavor."""
    await domain.delete_spec(ctx, flavor, key)
