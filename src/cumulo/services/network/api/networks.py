"""Networks and subnets."""

from typing import Any

from msgspec import UNSET
from sqlalchemy import not_, select

from cumulo.core.http import Ctx
from cumulo.core.http.context import NotAuthorised
from cumulo.core.resource.query import as_bool
from cumulo.services.network import policy
from cumulo.services.network.api.ownership import (
    check_policy,
    columns,
    on_visible_networks,
    owner,
    visible_networks,
)
from cumulo.services.network.api.standard import StandardResource
from cumulo.services.network.api.subnet_pools import prefix_of
from cumulo.services.network.domain import agents, sharing
from cumulo.services.network.domain import networks as domain
from cumulo.services.network.domain import subnets as subnet_domain
from cumulo.services.network.errors import NetworkNotFound, SubnetNotFound
from cumulo.services.network.model import Network, Subnet
from cumulo.services.network.schema.bodies import NetworkCreate, NetworkUpdate, SubnetCreate, SubnetUpdate
from cumulo.services.network.schema.views import NetworkView, SubnetView


class Networks(StandardResource):
    """Networks: one goes with its subnets."""

    async def load(self, ctx: Ctx) -> Any:
        """Fetch the row; of one that goes nobody changes the subnets meanwhile."""
        if ctx.request.method == "DELETE":
            await subnet_domain.alone(ctx, ctx.params[self.parameter])
        return await super().load(ctx)


networks = Networks(
    "network",
    "/networks",
    model=Network,
    view=NetworkView,
    scope=visible_networks,
    missing=NetworkNotFound,
    quota={"network": 1},
    shared=True,
)
networks.list(policy=policy.GET_NETWORK)
networks.show(policy=policy.GET_NETWORK)


@networks.create(policy=policy.CREATE_NETWORK)
async def create(ctx: Ctx, body: NetworkCreate) -> Network:
    """Create a network."""
    await agents.check_zones(ctx.db, body.availability_zone_hints)
    await check_policy(ctx, body)
    values = columns(body) | {"mtu": body.mtu or None}
    if body.segments is not UNSET:
        values["segments"] = [
            {name: getattr(part, name) for name in part.__struct_fields__} for part in body.segments
        ]
    return await domain.create(ctx, owner(ctx, body), values)


@networks.update(policy=policy.UPDATE_NETWORK)
async def update(ctx: Ctx, network: Network, body: NetworkUpdate) -> Network:
    """Change a network."""
    await check_policy(ctx, body, network.qos_policy_id)
    return await domain.update(ctx, network, columns(body))


@networks.delete(policy=policy.DELETE_NETWORK)
async def delete(ctx: Ctx, network: Network) -> None:
    """Delete a network that nothing uses."""
    await domain.delete(ctx, network)


class Subnets(StandardResource):
    """Subnets: those of one network change one after another."""

    async def load(self, ctx: Ctx) -> Any:
        """Fetch the row; of what changes it, its network's other subnets wait."""
        known = await ctx.db.get(Subnet, ctx.params[self.parameter]) if ctx.operation.writes else None
        if known is not None:
            await subnet_domain.alone(ctx, known.network_id)
        return await super().load(ctx)


subnets = Subnets(
    "subnet",
    "/subnets",
    model=Subnet,
    view=SubnetView,
    scope=on_visible_networks,
    missing=SubnetNotFound,
    quota={"subnet": 1},
)
subnets.list(policy=policy.GET_SUBNET)
subnets.show(policy=policy.GET_SUBNET)


@subnets.filter("router:external")
def by_external(ctx: Ctx, value: str) -> Any:
    """Find subnets by whether their network is external."""
    del ctx
    wanted = Network.c.external.is_(as_bool("router:external", value))
    return Subnet.c.network_id.in_(select(Network.c.id).where(wanted))


@subnets.filter("shared")
def by_shared(ctx: Ctx, value: str) -> Any:
    """Find subnets by whether their network is shared with the caller's project, or with everyone."""
    shared: Any = Subnet.c.network_id.in_(sharing.shared_with(Network, ctx.identity.project_id))
    return shared if as_bool("shared", value) else not_(shared)


@subnets.create(policy=policy.CREATE_SUBNET)
async def create_subnet(ctx: Ctx, body: SubnetCreate) -> Subnet:
    """Create a subnet of one's own network."""
    identity = ctx.identity
    network = await domain.find(
        ctx.db, body.network_id, project_id=identity.project_id, is_admin=identity.is_admin
    )
    if network.project_id != identity.project_id and not identity.is_admin:
        raise NotAuthorised(rule=policy.CREATE_SUBNET.name)
    project_id = owner(ctx, body)
    values = columns(body, "network_id", "allocation_pools", "use_default_subnetpool", "prefixlen")
    values["cidr"], values["subnetpool_id"] = await prefix_of(ctx, body, project_id)
    if body.allocation_pools is not UNSET:
        values["allocation_pools"] = body.allocation_pools
    return await subnet_domain.create(ctx, network, project_id, values)


@subnets.update(policy=policy.UPDATE_SUBNET)
async def update_subnet(ctx: Ctx, subnet: Subnet, body: SubnetUpdate) -> Subnet:
    """Change a subnet."""
    return await subnet_domain.update(ctx, subnet, columns(body))


@subnets.delete(policy=policy.DELETE_SUBNET)
async def delete_subnet(ctx: Ctx, subnet: Subnet) -> None:
    """Delete a subnet that no port uses."""
    await subnet_domain.delete(ctx, subnet)
