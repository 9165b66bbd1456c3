"""NDP proxies: IPv6 addresses behind routers that these answer for outside.

To OVN it is a translation of an address into itself: the router answers for it on its gateway's host.
"""

import ipaddress
from collections.abc import Collection, Sequence
from typing import Any

from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.network.domain import addresses
from cumulo.services.network.domain.changes import touch
from cumulo.services.network.domain.router_ports import held_by
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors.extras import (
    AddressScopeConflict,
    InvalidAddress,
    PortUnreachableRouter,
    RouterGatewayNotValid,
    RouterInterfaceInUseByNDPProxy,
    RouterNDPProxyInUse,
    RouterNDPProxyNotEnable,
    TwoNDPProxyOnSameAddress,
)
from cumulo.services.network.model import FixedIp, NdpProxy, Owner, Port, Router, Subnet, SubnetPool

_V6 = 6


async def create(work: Work, router: Router, port: Port, project_id: str, values: dict[str, Any]) -> NdpProxy:
    """Have a router answer for an address of a port: its only IPv6 one behind the router, unless named."""
    if not router.enable_ndp_proxy:
        raise RouterNDPProxyNotEnable(id=router.id)
    await check_router(work.db, router)
    named = values.pop("ip_address", None)
    inside = await _behind(work.db, router, port)
    if named is not None:
        wanted = str(addresses.parse(named))
        inside = [(ip, subnet) for ip, subnet in inside if ip.address == wanted]
        if not inside:
            raise InvalidAddress(address=named, reason=f"port {port.id} has no such address there")
    if not inside:
        raise PortUnreachableRouter(port_id=port.id, id=router.id)
    address, subnet = inside[0][0].address, inside[0][1]
    await _check_scope(work.db, router, subnet, address)
    held = (NdpProxy.c.router_id == router.id, NdpProxy.c.ip_address == address)
    if await work.db.exists(NdpProxy, *held):
        raise TwoNDPProxyOnSameAddress(address=address, id=router.id)
    row = NdpProxy(project_id=project_id, router_id=router.id, port_id=port.id, ip_address=address, **values)
    await work.db.insert(row)
    await touch(work, Kind.ROUTER, router.id)
    return row


async def check_router(db: Reader, router: Router) -> None:
    """Refuse a router that has no IPv6 address of an address scope outside. RouterGatewayNotValid."""
    ways = await _ports(db, router, Owner.ROUTER_GATEWAY)
    outside = [subnet for _, subnet in await held_by(db, ways) if subnet.ip_version == _V6]
    if not outside:
        raise RouterGatewayNotValid(id=router.id, reason="it has no gateway with an IPv6 address")
    if None in [await _scope(db, subnet) for subnet in outside]:
        raise RouterGatewayNotValid(id=router.id, reason="its gateway's IPv6 address is of no address scope")


async def _ports(db: Reader, router: Router, owner: Owner) -> list[str]:
    mine = (Port.c.device_id == router.id, Port.c.device_owner == owner)
    return [port.id for port in await db.all(Port, *mine)]


async def _behind(db: Reader, router: Router, port: Port) -> list[tuple[FixedIp, Subnet]]:
    """Return a port's IPv6 addresses on subnets that the router connects."""
    connected = {s.id for _, s in await held_by(db, await _ports(db, router, Owner.ROUTER_INTERFACE))}
    held = await held_by(db, [port.id])
    return [(ip, s) for ip, s in held if s.ip_version == _V6 and s.id in connected]


async def _check_scope(db: Reader, router: Router, subnet: Subnet, address: str) -> None:
    """Refuse an address that means nothing outside: those of one scope do on both sides."""
    outside = [s for _, s in await held_by(db, await _ports(db, router, Owner.ROUTER_GATEWAY))]
    scopes = {await _scope(db, s) for s in outside if s.ip_version == _V6}
    if await _scope(db, subnet) not in scopes:
        raise AddressScopeConflict(address=address)


async def _scope(db: Reader, subnet: Subnet) -> str | None:
    pool = await db.get(SubnetPool, subnet.subnetpool_id) if subnet.subnetpool_id else None
    return pool.address_scope_id if pool else None


async def delete(work: Work, row: NdpProxy) -> None:
    """Answer for an address no longer."""
    await work.db.delete(NdpProxy, NdpProxy.c.id == row.id)
    await touch(work, Kind.ROUTER, row.router_id)


async def drop(work: Work, port: Port, *, keep: Collection[str]) -> None:
    """Answer no longer for those of a port's addresses that it does not keep."""
    for row in await work.db.all(NdpProxy, NdpProxy.c.port_id == port.id):
        if row.ip_address not in keep:
            await delete(work, row)


async def refuse_needed(db: Reader, router: Router, subnets: Sequence[Subnet]) -> None:
    """Refuse to take an interface away through which addresses are reached that the router answers for."""
    for row in await db.all(NdpProxy, NdpProxy.c.router_id == router.id):
        for subnet in subnets:
            if ipaddress.ip_address(row.ip_address) in addresses.net(subnet):
                raise RouterInterfaceInUseByNDPProxy(id=router.id, subnet_id=subnet.id)


async def refuse_disabling(db: Reader, router: Router) -> None:
    """Refuse that a router answers for nobody while NDP proxies need it."""
    if await db.exists(NdpProxy, NdpProxy.c.router_id == router.id):
        raise RouterNDPProxyInUse(id=router.id)
