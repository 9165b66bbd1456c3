"""Routers: interfaces, gateway and routes."""

import ipaddress
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy

from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.network.domain import addresses, ndp_proxies, ports
from cumulo.services.network.domain.addresses import Asked
from cumulo.services.network.domain.changes import change, revise, touch
from cumulo.services.network.domain.gateways import Gateway, clear_gateway, set_gateway
from cumulo.services.network.domain.router_ports import held_by, network_of, refuse_overlap
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors import (
    BadRequest,
    InvalidRoutes,
    PortInUse,
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
from cumulo.services.network.prefixes import unscoped

Routes = list[dict[str, str]]
_V6 = 6

__all__ = [
    "Gateway",
    "Interface",
    "add_port",
    "add_routes",
    "add_subnet",
    "clear_gateway",
    "create",
    "delete",
    "find",
    "remove_interface",
    "remove_routes",
    "set_gateway",
    "update",
]


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
        if router.enable_ndp_proxy:  # the official client gives a router gateways by a second call
            await ndp_proxies.check_router(work.db, router)
    await touch(work, Kind.ROUTER, router.id)
    return router


async def update(work: Work, router: Router, values: dict[str, Any]) -> Router:
    """Change a router's own attributes."""
    if values.get("distributed", router.distributed) != router.distributed and router.admin_state_up:
        raise BadRequest(resource="router", reason="its admin_state_up must be false before it is changed so")
    if values.get("enable_ndp_proxy") is False:
        await ndp_proxies.refuse_disabling(work.db, router)
    if values.get("enable_ndp_proxy") is True:
        await ndp_proxies.check_router(work.db, router)
    if "routes" in values:
        values["routes"] = await _checked_routes(work.db, router, values["routes"])
    moved = values.get("distributed", router.distributed) != router.distributed
    await change(work.db, router, values)
    await touch(work, Kind.ROUTER, router.id)
    if moved:
        through = sqlalchemy.select(FloatingIp.c.id).where(FloatingIp.c.router_id == router.id)
        await touch(work, Kind.FLOATING_IP, *(row[0] for row in await work.db.rows(through)))
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


async def add_subnet(work: Work, router: Router, subnet: Subnet) -> Interface:
    """Connect a subnet: the router takes its gateway address.

    It has one port for all of a network's IPv6 subnets, so that one advertisement tells all prefixes.
    """
    if subnet.gateway_ip is None:
        raise BadRequest(resource="router", reason=f"subnet {subnet.id} has no gateway address")
    network = await network_of(work.db, subnet.network_id)
    await refuse_overlap(work.db, router, [subnet])
    if subnet.ip_version == _V6 and (there := await _port_of_v6(work.db, router, network)) is not None:
        port, held = there
        more = [*(Asked(ip.subnet_id, ip.address) for ip in held), Asked(subnet.id, subnet.gateway_ip)]
        await ports.update(work, port, {}, fixed_ips=more)
        await touch(work, Kind.ROUTER, router.id)
        await revise(work.db, Router, router.id)
        return _answer(router, port, [subnet.id])
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
    await revise(work.db, Router, router.id)
    return _answer(router, port, [subnet.id])


async def _port_of_v6(db: Reader, router: Router, network: Network) -> tuple[Port, list[FixedIp]] | None:
    """Return the router's port on a network's IPv6 subnets, and the addresses that it has."""
    here = {port.id: port for port in await _interfaces(db, router.id) if port.network_id == network.id}
    held = [ip for ip, _ in await held_by(db, list(here))]
    of_v6 = {ip.port_id for ip in held if ":" in ip.address}
    found = next((port for id_, port in sorted(here.items()) if id_ in of_v6), None)
    return None if found is None else (found, [ip for ip in held if ip.port_id == found.id])


async def add_port(work: Work, router: Router, port: Port) -> Interface:
    """Connect a port that exists, with the addresses that it has."""
    if port.device_id:
        raise PortInUse(id=port.id, network_id=port.network_id, device_id=port.device_id)
    held = await held_by(work.db, [port.id])
    if not held:
        raise BadRequest(resource="router", reason=f"port {port.id} has no address")
    await refuse_overlap(work.db, router, [subnet for _, subnet in held])
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
    await revise(work.db, Router, router.id)
    return _answer(router, port, [subnet.id for _, subnet in held])


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
    """Disconnect by port or subnet (or both, which must agree).

    The port is deleted, unless a subnet alone was named and it is on others, too.
    """
    existing = await _interfaces(work.db, router.id)
    held = await held_by(work.db, [port.id for port in existing])
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
    kept: list[Asked] = []
    if port_id is None:
        mine = [(ip, subnet) for ip, subnet in held if ip.port_id == port.id]
        kept = [Asked(subnet.id, ip.address) for ip, subnet in mine if subnet.id != subnet_id]
        subnets = [subnet for subnet in subnets if subnet.id == subnet_id]
    await _refuse_needed(work.db, router, subnets)
    if kept:
        await ports.update(work, port, {}, fixed_ips=kept)
    else:
        await ports.remove(work, port)
    await touch(work, Kind.ROUTER, router.id)
    await revise(work.db, Router, router.id)
    return _answer(router, port, [subnet.id for subnet in subnets])


async def _refuse_needed(db: Reader, router: Router, subnets: Sequence[Subnet]) -> None:
    await ndp_proxies.refuse_needed(db, router, subnets)
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


async def _checked_routes(db: Reader, router: Router, routes: Routes) -> Routes:
    """Return routes in their shortest form; each next hop must be on a network of the router."""
    existing = await db.all(Port, Port.c.device_id == router.id)
    held = await held_by(db, [port.id for port in existing])
    nets = [addresses.net(subnet) for _, subnet in held]
    own = {ip.address for ip, _ in held}
    found: Routes = []
    for route in routes:
        try:
            destination = str(ipaddress.ip_network(unscoped(route["destination"]), strict=False))
            hop = ipaddress.ip_address(unscoped(route["nexthop"]))
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
