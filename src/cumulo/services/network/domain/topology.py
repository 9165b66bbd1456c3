"""A network for whoever just wants one: with subnets of the default pools, and a router to the outside."""

from typing import Any

from cumulo.contracts.network import NetworkRequest
from cumulo.core.db import Reader
from cumulo.core.errors import Error, Invalid
from cumulo.core.work import Work
from cumulo.services.network.domain import networks, routers, subnet_pools, subnets
from cumulo.services.network.errors import AutoAllocatedTopologyNotFound, AutoAllocationFailure
from cumulo.services.network.model import Network, Owner, Port, Router, Subnet, SubnetPool, Topology

NAME = "auto_allocated_network"


async def check(db: Reader) -> tuple[Network, list[SubnetPool]]:
    """Return what topologies are made of: the default external network, and the default pools."""
    outside = await db.one(Network, Network.c.external, Network.c.is_default)
    if outside is None:
        raise AutoAllocationFailure(reason="No default router:external network")
    pools = await db.all(SubnetPool, SubnetPool.c.is_default, order_by=[SubnetPool.c.ip_version])
    if not pools:
        raise AutoAllocationFailure(reason="No default subnetpools defined")
    return outside, pools


async def ensure(work: Work, project_id: str) -> Topology:
    """Return a project's automatic network, made now if it has none."""
    await work.db.lock(f"network.topology:{project_id}")
    found = await work.db.get(Topology, project_id)
    if found is not None:
        return found
    outside, pools = await check(work.db)
    try:
        network = await networks.create(work, project_id, {"name": NAME})
        made = [await _subnet(work, network, pool) for pool in pools]
        gateway = routers.Gateway(network_id=outside.id)
        router = await routers.create(work, project_id, {"name": "auto_allocated_router"}, gateway)
        for subnet in made:
            await routers.add_subnet(work, router, subnet)
    except Error as error:
        raise AutoAllocationFailure(reason=error.message) from error
    topology = Topology(project_id=project_id, network_id=network.id, router_id=router.id)
    await work.db.insert(topology)
    return topology


async def requested(work: Work, project_id: str) -> list[NetworkRequest]:
    """Return a project's automatic network as a server asks for it. Invalid where none can be made."""
    try:
        topology = await ensure(work, project_id)
    except AutoAllocationFailure as error:
        raise Invalid(f"Unable to automatically allocate a network: {error.message}") from error
    return [NetworkRequest(network_id=topology.network_id)]


async def _subnet(work: Work, network: Network, pool: SubnetPool) -> Subnet:
    cidr = await subnet_pools.allocate(work, pool, network.project_id, cidr=None, length=None)
    values: dict[str, Any] = {"name": f"auto_allocated_subnet_v{pool.ip_version}", "cidr": cidr}
    values |= {"ip_version": pool.ip_version, "subnetpool_id": pool.id}
    return await subnets.create(work, network, network.project_id, values)


async def delete(work: Work, project_id: str) -> None:
    """Delete a project's automatic network with its router; Conflict while ports are on it."""
    topology = await work.db.get(Topology, project_id)
    if topology is None:
        raise AutoAllocatedTopologyNotFound(id=project_id)
    router = await work.db.get(Router, topology.router_id) if topology.router_id else None
    if router is not None:
        for port in await work.db.all(
            Port, Port.c.device_id == router.id, Port.c.device_owner == Owner.ROUTER_INTERFACE
        ):
            await routers.remove_interface(work, router, subnet_id=None, port_id=port.id)
        await routers.delete(work, router)
    await work.db.delete(Topology, Topology.c.project_id == project_id)
    network = await work.db.get(Network, topology.network_id)
    if network is not None:
        await networks.delete(work, network)
