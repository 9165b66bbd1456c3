"""Subnet pools."""

from typing import Any

from msgspec import UNSET

from cumulo.core.http import Ctx
from cumulo.core.http.context import NotAuthorised
from cumulo.services.network import policy
from cumulo.services.network.api.ownership import columns, owner, usable
from cumulo.services.network.api.standard import StandardResource
from cumulo.services.network.domain import networks, sharing
from cumulo.services.network.domain import subnet_pools as domain
from cumulo.services.network.errors import (
    AddressScopeNotFound,
    BadRequest,
    IllegalSubnetPoolUpdate,
    SubnetPoolNotFound,
)
from cumulo.services.network.model import AddressScope, SubnetPool
from cumulo.services.network.schema.bodies import (
    OnboardBody,
    PrefixesBody,
    SubnetCreate,
    SubnetPoolCreate,
    SubnetPoolUpdate,
)
from cumulo.services.network.schema.views import SubnetPoolView

pools = StandardResource(
    "subnetpool",
    "/subnetpools",
    model=SubnetPool,
    view=SubnetPoolView,
    scope=usable,
    shared=True,
    missing=SubnetPoolNotFound,
    quota={"subnetpool": 1},
)
pools.list(policy=policy.GET_POOL)
pools.show(policy=policy.GET_POOL)


@pools.create(policy=policy.CREATE_POOL)
async def create(ctx: Ctx, body: SubnetPoolCreate) -> SubnetPool:
    """Create a subnet pool."""
    await check_scope(ctx, body.address_scope_id)
    return await domain.create(ctx, owner(ctx, body), columns(body))


@pools.update(policy=policy.UPDATE_POOL)
async def update(ctx: Ctx, pool: SubnetPool, body: SubnetPoolUpdate) -> SubnetPool:
    """Change a subnet pool."""
    await check_scope(ctx, body.address_scope_id)
    if body.prefixes is not UNSET:
        await check_scope_owner(ctx, pool)
    return await domain.update(ctx, pool, columns(body))


@pools.delete(policy=policy.DELETE_POOL)
async def delete(ctx: Ctx, pool: SubnetPool) -> None:
    """Delete a subnet pool that no subnet is of."""
    await domain.delete(ctx, pool)


@pools.member("PUT", "/add_prefixes", policy=policy.ADD_PREFIXES)
async def add_prefixes(ctx: Ctx, pool: SubnetPool, body: PrefixesBody) -> dict[str, list[str]]:
    """Add prefixes to a subnet pool."""
    await check_scope_owner(ctx, pool)
    return {"prefixes": (await domain.add_prefixes(ctx, pool, body.prefixes)).prefixes}


@pools.member("PUT", "/remove_prefixes", policy=policy.REMOVE_PREFIXES)
async def remove_prefixes(ctx: Ctx, pool: SubnetPool, body: PrefixesBody) -> dict[str, list[str]]:
    """Take prefixes from a subnet pool that no subnet is of."""
    return {"prefixes": (await domain.remove_prefixes(ctx, pool, body.prefixes)).prefixes}


@pools.member("PUT", "/onboard_network_subnets", policy=policy.ONBOARD)
async def onboard(ctx: Ctx, pool: SubnetPool, body: OnboardBody) -> Any:
    """Have a subnet pool adopt a network's subnets."""
    who, admin = ctx.identity.project_id, ctx.identity.is_admin
    network = await networks.find(ctx.db, body.network_id, project_id=who, is_admin=admin)
    if not admin and network.project_id != who:
        raise NotAuthorised(rule=policy.ONBOARD.name)
    rows = await domain.onboard(ctx, pool, network.id)
    return {"subnetpool": [{"id": row.id, "cidr": row.cidr} for row in rows]}


async def check_scope(ctx: Ctx, scope_id: Any) -> None:
    """Refuse an address scope that the caller may not use."""
    if scope_id not in (UNSET, None):
        who, admin = ctx.identity.project_id, ctx.identity.is_admin
        wanted = (AddressScope, scope_id, AddressScopeNotFound)
        await sharing.find(ctx.db, *wanted, project_id=who, is_admin=admin)


async def check_scope_owner(ctx: Ctx, pool: SubnetPool) -> None:
    """Refuse other prefixes within an address scope that is another project's: they are for that to share."""
    scope = await ctx.db.get(AddressScope, pool.address_scope_id) if pool.address_scope_id else None
    if scope and not ctx.identity.is_admin and scope.project_id != ctx.identity.project_id:
        raise IllegalSubnetPoolUpdate(id=pool.id, reason=f"address scope {scope.id} is not yours")


async def prefix_of(ctx: Ctx, body: SubnetCreate, project_id: str) -> tuple[str, str | None]:
    """Return a new subnet's CIDR, and the id of the pool that it was cut of."""
    pool = None
    if body.subnetpool_id is not None:
        identity = ctx.identity
        pool = await domain.find(
            ctx.db, body.subnetpool_id, project_id=identity.project_id, is_admin=identity.is_admin
        )
    elif body.use_default_subnetpool:
        pool = await domain.default(ctx.db, body.ip_version)
    if pool is None:
        if body.cidr is None:
            raise BadRequest(resource="subnets", reason="a subnet needs a cidr or a subnet pool")
        return body.cidr, None
    if pool.ip_version != body.ip_version:
        raise BadRequest(resource="subnets", reason=f"subnet pool {pool.id} is of IPv{pool.ip_version}")
    if body.gateway_ip not in (UNSET, None) and body.cidr is None:
        raise BadRequest(resource="subnets", reason="a gateway address can be chosen only with the cidr")
    chosen = await domain.allocate(ctx, pool, project_id, cidr=body.cidr, length=body.prefixlen)
    return chosen, pool.id
