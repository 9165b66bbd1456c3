"""Routers: interfaces, gateway and routes."""

import ipaddress
from collections.abc import Sequence
from typing import Any

import msgspec

from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.network.domain import addresses, ports
from cumulo.services.network.domain.addresses import Asked
from cumulo.services.network.domain.changes import change, touch
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors import (
    BadRequest,
    InvalidRoutes,
    NetworkNotFound,
    PortInUse,
    RouterExternalGatewayInUseByFloatingIp,
    RouterInterfaceInUseByFloatingIP,
    RouterInterfaceInUseByRoute,
    RouterInterfaceNotFound,
    RouterInterfaceNotFoundForSubnet,
    RouterInUse,
    RouterNotFound,
    SubnetNotFound,
)
from cumulo.services.network.model import (
    FixedIp,
    FloatingIp,
    Network,
    Owner,
    Port,
    PortForwarding,
    PortSecurityGroup,
    Router,
    Status,
    Subnet,
)

Routes = list[dict[str, str]]


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says of a router's way out."""

    network_id: str
    enable_snat: bool | None = None
    fixed_ips: tuple[Asked, ...] | None = None


class Interface(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to adding or removing an interface."""

    id: str
    tenant_id: str
    project_id: str
    port_id: str
    network_id: str
    subnet_id: str
    subnet_ids: list[str]


async def find(db: Reader, router_id: str, *, project_id: str | None, is_admin: bool = False) -> Router:
    """Return a router of the project; else RouterNotFound."""
    router = await db.get(Router, router_id)
    if router is None or not (is_admin or router.project_id == project_id):
        raise RouterNotFound(id=router_id)
    return router


async def create(
    work: Work, project_id: str, values: dict[str, Any], gateway: Gateway | None = None
) -> Router:
    """Create a router, with a way out if asked."""
    router = Router(project_id=project_id, **values)
    await work.db.insert(router)
    if gateway is not None:
        await set_gateway(work, router, gateway)
    await touch(work, Kind.ROUTER, router.id)
    return router


async def update(work: Work, router: Router, values: dict[str, Any]) -> Router:
    """Change a router's own attributes."""
    if "routes" in values:
        values["routes"] = await _checked_routes(work.db, router, values["routes"])
    await change(work.db, router, values)
    await touch(work, Kind.ROUTER, router.id)
    return router


async def delete(work: Work, router: Router) -> None:
    """Delete a router that has no interfaces; its gateway goes with it."""
    if await _interfaces(work.db, router.id):
        raise RouterInUse(id=router.id)
    await clear_gateway(work, router)
    await work.db.delete(Router, Router.c.id == router.id)
    await touch(work, Kind.ROUTER, router.id)


async def _interfaces(db: Reader, router_id: str) -> list[Port]:
    where = (Port.c.device_id == router_id, Port.c.device_owner == Owner.ROUTER_INTERFACE)
    return await db.all(Port, *where)


async def _held(db: Reader, port_ids: Sequence[str]) -> list[tuple[FixedIp, Subnet]]:
    """Return the addresses of these ports, each with its subnet."""
    held = await db.all(FixedIp, FixedIp.c.port_id.in_(list(port_ids))) if port_ids else []
    ids = {ip.subnet_id for ip in held}
    subnets = {s.id: s for s in await db.all(Subnet, Subnet.c.id.in_(ids))} if ids else {}
    return [(ip, subnets[ip.subnet_id]) for ip in held]


async def add_subnet(work: Work, router: Router, subnet: Subnet) -> Interface:
    """Connect a subnet: the router takes its gateway address."""
    if subnet.gateway_ip is None:
        raise BadRequest(resource="router", reason=f"subnet {subnet.id} has no gateway address")
    network = await _network(work.db, subnet.network_id)
    await _refuse_overlap(work.db, router, [subnet])
    port = await ports.create(
        work,
        network,
        router.project_id,
        fixed_ips=[Asked(subnet.id, subnet.gateway_ip)],
        group_ids=(),
        device_id=router.id,
        device_owner=Owner.ROUTER_INTERFACE.value,
        status=Status.ACTIVE,
    )
    return _answer(router, port, [subnet.id])


async def add_port(work: Work, router: Router, port: Port) -> Interface:
    """Connect a port that exists, with the addresses that it has."""
    if port.device_id:
        raise PortInUse(id=port.id, network_id=port.network_id, device_id=port.device_id)
    held = await _held(work.db, [port.id])
    if not held:
        raise BadRequest(resource="router", reason=f"port {port.id} has no address")
    await _refuse_overlap(work.db, router, [subnet for _, subnet in held])
    await work.db.delete(PortSecurityGroup, PortSecurityGroup.c.port_id == port.id)
    values = {
        "device_id": router.id,
        "device_owner": Owner.ROUTER_INTERFACE.value,
        "port_security_enabled": False,
        "allowed_address_pairs": [],
        "status": Status.ACTIVE,
    }
    await change(work.db, port, values)
    await touch(work, Kind.PORT, port.id)  # no guest's port any more
    await touch(work, Kind.ROUTER, router.id)
    return _answer(router, port, [subnet.id for _, subnet in held])


async def _network(db: Reader, network_id: str) -> Network:
    network = await db.get(Network, network_id)
    if network is None:
        raise NetworkNotFound(id=network_id)
    return network


async def _refuse_overlap(db: Reader, router: Router, subnets: Sequence[Subnet]) -> None:
    """Refuse a subnet that the router has already, or that overlaps with one of its others."""
    existing = await db.all(Port, Port.c.device_id == router.id)
    for _, other in await _held(db, [port.id for port in existing]):
        for subnet in subnets:
            if other.id == subnet.id:
                reason = f"router {router.id} already has a port on subnet {subnet.id}"
                raise BadRequest(resource="router", reason=reason)
            mine, theirs = addresses.net(subnet), addresses.net(other)
            if mine.version == theirs.version and mine.overlaps(theirs):
                reason = f"CIDR {subnet.cidr} overlaps with {other.cidr} of subnet {other.id}"
                raise BadRequest(resource="router", reason=reason)


def _answer(router: Router, port: Port, subnet_ids: list[str]) -> Interface:
    return Interface(
        id=router.id,
        tenant_id=router.project_id,
        project_id=router.project_id,
        port_id=port.id,
        network_id=port.network_id,
        subnet_id=subnet_ids[0],
        subnet_ids=subnet_ids,
    )


async def remove_interface(
    work: Work, router: Router, *, subnet_id: str | None, port_id: str | None
) -> Interface:
    """Disconnect by port or subnet (or both, which must agree); the port is deleted."""
    existing = await _interfaces(work.db, router.id)
    held = await _held(work.db, [port.id for port in existing])
    if port_id is not None:
        port = next((port for port in existing if port.id == port_id), None)
        if port is None:
            raise RouterInterfaceNotFound(id=router.id, port_id=port_id)
    else:
        found = next((ip.port_id for ip, s in held if s.id == subnet_id), None)
        if found is None:
            raise RouterInterfaceNotFoundForSubnet(id=router.id, subnet_id=subnet_id)
        port = next(port for port in existing if port.id == found)
    subnets = [subnet for ip, subnet in held if ip.port_id == port.id]
    if subnet_id is not None and subnet_id not in [subnet.id for subnet in subnets]:
        raise SubnetNotFound(id=subnet_id)
    await _refuse_needed(work.db, router, subnets)
    await ports.remove(work, port)
    await touch(work, Kind.ROUTER, router.id)
    return _answer(router, port, [subnet.id for subnet in subnets])


async def _refuse_needed(db: Reader, router: Router, subnets: Sequence[Subnet]) -> None:
    floating = await db.all(FloatingIp, FloatingIp.c.router_id == router.id)
    of_these = PortForwarding.c.floatingip_id.in_([row.id for row in floating])
    forwarded = await db.all(PortForwarding, of_these) if floating else []
    inner = [row.fixed_ip_address or "::" for row in floating]
    inner += [row.internal_ip_address for row in forwarded]
    for subnet in subnets:
        net = addresses.net(subnet)
        if any(ipaddress.ip_address(address) in net for address in inner):
            raise RouterInterfaceInUseByFloatingIP(id=router.id, subnet_id=subnet.id)
        if any(ipaddress.ip_address(route["nexthop"]) in net for route in router.routes):
            raise RouterInterfaceInUseByRoute(id=router.id, subnet_id=subnet.id)


async def set_gateway(work: Work, router: Router, gateway: Gateway) -> None:
    """Lead the router out through an external network, or change how."""
    network = await _network(work.db, gateway.network_id)
    if not network.external:
        reason = f"network {network.id} is not an external network"
        raise BadRequest(resource="router", reason=reason)
    snat = True if gateway.enable_snat is None else gateway.enable_snat
    if router.gateway_network_id == network.id and gateway.fixed_ips is None:
        if gateway.enable_snat is not None:
            await change(work.db, router, {"enable_snat": snat})
        await touch(work, Kind.ROUTER, router.id)
        return
    await clear_gateway(work, router, unless=network.id)
    await _refuse_overlap(work.db, router, await ports.subnets_of(work.db, network.id))
    port = await ports.create(
        work,
        network,
        "",
        fixed_ips=gateway.fixed_ips,
        group_ids=(),
        device_id=router.id,
        device_owner=Owner.ROUTER_GATEWAY.value,
        status=Status.ACTIVE,
    )
    values = {"gateway_network_id": network.id, "gateway_port_id": port.id, "enable_snat": snat}
    await change(work.db, router, values)
    await touch(work, Kind.ROUTER, router.id)


async def clear_gateway(work: Work, router: Router, *, unless: str | None = None) -> None:
    """Take the router's way out away; floating IPs may need it, except on network `unless`."""
    if router.gateway_port_id is None:
        return
    needed = FloatingIp.c.router_id == router.id
    if router.gateway_network_id != unless and await work.db.exists(FloatingIp, needed):
        raise RouterExternalGatewayInUseByFloatingIp(id=router.id, network_id=router.gateway_network_id)
    port = await work.db.get(Port, router.gateway_port_id)
    await change(work.db, router, {"gateway_network_id": None, "gateway_port_id": None})
    if port is not None:
        await ports.remove(work, port)
    await touch(work, Kind.ROUTER, router.id)


async def _checked_routes(db: Reader, router: Router, routes: Routes) -> Routes:
    """Return routes in their shortest form; each next hop must be on a network of the router."""
    existing = await db.all(Port, Port.c.device_id == router.id)
    held = await _held(db, [port.id for port in existing])
    nets = [addresses.net(subnet) for _, subnet in held]
    own = {ip.address for ip, _ in held}
    found: Routes = []
    for route in routes:
        try:
            destination = str(ipaddress.ip_network(route["destination"], strict=False))
            hop = ipaddress.ip_address(route["nexthop"])
        except (KeyError, ValueError):
            reason = "a route has a destination and a nexthop"
            raise InvalidRoutes(routes=routes, reason=reason) from None
        if str(hop) in own or not any(hop in net for net in nets):
            reason = f"the nexthop {hop} is not a neighbour of the router"
            raise InvalidRoutes(routes=routes, reason=reason)
        entry = {"destination": destination, "nexthop": str(hop)}
        if entry not in found:
            found.append(entry)
    return found


async def add_routes(work: Work, router: Router, routes: Routes) -> Router:
    """Add routes to those that the router has."""
    return await update(work, router, {"routes": [*router.routes, *routes]})


async def remove_routes(work: Work, router: Router, routes: Routes) -> Router:
    """Take routes away; those that it does not have are passed over."""
    gone = await _checked_routes(work.db, router, routes)
    return await update(work, router, {"routes": [r for r in router.routes if r not in gone]})
