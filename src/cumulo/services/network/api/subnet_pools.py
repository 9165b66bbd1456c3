"""Subnet pools."""

from msgspec import UNSET

from cumulo.core.http import Ctx
from cumulo.services.network import policy
from cumulo.services.network.api.ownership import columns, owner, usable
from cumulo.services.network.api.standard import StandardResource
from cumulo.services.network.domain import subnet_pools as domain
from cumulo.services.network.errors import BadRequest, SubnetPoolNotFound
from cumulo.services.network.model import SubnetPool
from cumulo.services.network.schema.bodies import SubnetCreate, SubnetPoolCreate, SubnetPoolUpdate
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
    return await domain.create(ctx, owner(ctx, body), columns(body, "address_scope_id"))


@pools.update(policy=policy.UPDATE_POOL)
async def update(ctx: Ctx, pool: SubnetPool, body: SubnetPoolUpdate) -> SubnetPool:
    """Change a subnet pool."""
    return await domain.update(ctx, pool, columns(body, "address_scope_id"))


@pools.delete(policy=policy.DELETE_POOL)
async def delete(ctx: Ctx, pool: SubnetPool) -> None:
    """Delete a subnet pool that no subnet is of."""
    await domain.delete(ctx, pool)


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
