"""Routers' ways out: the first, which the router's own columns name, and further ones."""

from collections.abc import Sequence
from typing import Any

import msgspec

from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.network.domain import ports
from cumulo.services.network.domain.addresses import Asked
from cumulo.services.network.domain.changes import change, touch
from cumulo.services.network.domain.router_ports import held_by, network_of, refuse_overlap
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors import (
    BadRequest,
    RouterExternalGatewayInUseByFloatingIp,
    RouterExternalGatewayNotFound,
)
from cumulo.services.network.model import FloatingIp, Network, Owner, Port, Router, RouterGateway, Status


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says of a router's way out. `policy` is the QoS policy: None leaves it as it is."""

    network_id: str
    enable_snat: bool | None = None
    fixed_ips: tuple[Asked, ...] | None = None
    policy: tuple[str | None] | None = None

    def flags(self) -> dict[str, Any]:
        """Return what it says of all the router's ways out."""
        said: dict[str, Any] = {} if self.enable_snat is None else {"enable_snat": self.enable_snat}
        return said if self.policy is None else {**said, "qos_policy_id": self.policy[0]}


async def further(db: Reader, router_ids: Sequence[str]) -> dict[str, list[RouterGateway]]:
    """Return routers' ways out besides their first, oldest first, by router."""
    order = [RouterGateway.c.created_at, RouterGateway.c.port_id]
    rows = await db.all(RouterGateway, RouterGateway.c.router_id.in_(list(router_ids)), order_by=order)
    found: dict[str, list[RouterGateway]] = {id_: [] for id_ in router_ids}
    for row in rows:
        found[row.router_id].append(row)
    return found


async def networks_of(db: Reader, router: Router) -> list[str]:
    """Return the external networks that a router leads to, the first way out first."""
    rest = (await further(db, [router.id]))[router.id]
    first = [router.gateway_network_id] if router.gateway_network_id else []
    return [*first, *(row.network_id for row in rest)]


async def set_gateway(work: Work, router: Router, gateway: Gateway) -> None:
    """Lead the router out through an external network, or change how: its first way out."""
    network = await _external(work.db, gateway.network_id)
    if router.gateway_network_id == network.id and gateway.fixed_ips is None:
        await change(work.db, router, gateway.flags())
        await touch(work, Kind.ROUTER, router.id)
        return
    await _leave_first(work, router, unless=network.id)
    port = await _port(work, router, network, gateway)
    values = {"gateway_network_id": network.id, "gateway_port_id": port.id, "enable_snat": True}
    await change(work.db, router, values | gateway.flags())
    await touch(work, Kind.ROUTER, router.id)


async def clear_gateway(work: Work, router: Router) -> None:
    """Take all of the router's ways out away; floating IPs may need them."""
    for row in (await further(work.db, [router.id]))[router.id]:
        await _remove(work, router, row)
    await _leave_first(work, router)


async def _leave_first(work: Work, router: Router, *, unless: str | None = None) -> None:
    """Take the router's first way out away; floating IPs may need it, except on network `unless`."""
    if router.gateway_port_id is None:
        return
    if router.gateway_network_id != unless:
        await _refuse_needed(work.db, router, router.gateway_network_id)
    port = await work.db.get(Port, router.gateway_port_id)
    await change(work.db, router, {"gateway_network_id": None, "gateway_port_id": None})
    if port is not None:
        await ports.remove(work, port)
    await touch(work, Kind.ROUTER, router.id)


async def add(work: Work, router: Router, gateways: Sequence[Gateway]) -> None:
    """Give the router more ways out. The first one that a router gets at all is its first."""
    _check_alike(router, gateways)
    for gateway in gateways:
        if router.gateway_port_id is None:
            await set_gateway(work, router, gateway)
            continue
        network = await _external(work.db, gateway.network_id)
        port = await _port(work, router, network, gateway)
        await work.db.insert(RouterGateway(port_id=port.id, router_id=router.id, network_id=network.id))
        await change(work.db, router, gateway.flags(), always=True)
    await _follow(work, router)


async def update(work: Work, router: Router, gateways: Sequence[Gateway]) -> None:
    """Have the router led out by these: those that it has may change, others come, the rest go."""
    _check_alike(router, gateways)
    named, new = [], []
    for gateway in gateways:
        there = await _fitting(work.db, router, gateway)
        if not there:
            new.append(gateway)
            continue
        port = _only(router, gateway, there)
        named.append(port.id)
        if gateway.fixed_ips is not None:
            await ports.update(work, port, {}, fixed_ips=list(gateway.fixed_ips))
        await change(work.db, router, gateway.flags(), always=True)
    if not named:
        await clear_gateway(work, router)
    else:
        mine = (Port.c.device_id == router.id, Port.c.device_owner == Owner.ROUTER_GATEWAY)
        rest = await work.db.all(Port, *mine, Port.c.id.not_in(named))
        await _take_away(work, router, rest)
    await add(work, router, new)


async def remove(work: Work, router: Router, gateways: Sequence[Gateway]) -> None:
    """Take ways out away; the next oldest one becomes the first when that goes."""
    for gateway in gateways:
        there = await _fitting(work.db, router, gateway)
        await _take_away(work, router, [_only(router, gateway, there)])
    await _follow(work, router)


async def _take_away(work: Work, router: Router, gone: Sequence[Port]) -> None:
    """Take the ways out at these ports away."""
    for port in gone:
        rest = (await further(work.db, [router.id]))[router.id]
        if port.id != router.gateway_port_id:
            await _remove(work, router, next(row for row in rest if row.port_id == port.id))
            continue
        others = [row.network_id for row in rest]
        await _leave_first(work, router, unless=port.network_id if port.network_id in others else None)
        if rest:
            await work.db.delete(RouterGateway, RouterGateway.c.port_id == rest[0].port_id)
            first = {"gateway_network_id": rest[0].network_id, "gateway_port_id": rest[0].port_id}
            await change(work.db, router, first)


async def _remove(work: Work, router: Router, row: RouterGateway) -> None:
    if (await networks_of(work.db, router)).count(row.network_id) == 1:
        await _refuse_needed(work.db, router, row.network_id)
    await work.db.delete(RouterGateway, RouterGateway.c.port_id == row.port_id)
    port = await work.db.get(Port, row.port_id)
    if port is not None:
        await ports.remove(work, port)
    await change(work.db, router, {}, always=True)
    await touch(work, Kind.ROUTER, router.id)


async def _follow(work: Work, router: Router) -> None:
    """Have the router realised, and its floating IPs, which name the way out that they use."""
    await touch(work, Kind.ROUTER, router.id)
    rows = await work.db.all(FloatingIp, FloatingIp.c.router_id == router.id)
    await touch(work, Kind.FLOATING_IP, *(row.id for row in rows))


async def _external(db: Reader, network_id: str) -> Network:
    network = await network_of(db, network_id)
    if not network.external:
        reason = f"network {network.id} is not an external network"
        raise BadRequest(resource="router", reason=reason)
    return network


async def _port(work: Work, router: Router, network: Network, gateway: Gateway) -> Port:
    subnets = await ports.subnets_of(work.db, network.id)
    await refuse_overlap(work.db, router, subnets, besides=network.id)
    return await ports.create(
        work,
        network,
        "",
        fixed_ips=gateway.fixed_ips,
        group_ids=(),
        device_id=router.id,
        device_owner=Owner.ROUTER_GATEWAY.value,
        status=Status.ACTIVE,
    )


def _check_alike(router: Router, gateways: Sequence[Gateway]) -> None:
    """Refuse ways out that differ in what holds for all of them."""
    for name in ("enable_snat", "policy"):
        said = {getattr(gateway, name) for gateway in gateways} - {None}
        if len(said) > 1:
            reason = f"all external gateways of router {router.id} have one {name}"
            raise BadRequest(resource="router", reason=reason)


async def _fitting(db: Reader, router: Router, gateway: Gateway) -> list[Port]:
    """Return the ports of the ways out that a request may mean: by network, or address of several."""
    mine = (Port.c.device_id == router.id, Port.c.device_owner == Owner.ROUTER_GATEWAY)
    there = await db.all(Port, *mine, Port.c.network_id == gateway.network_id)
    named = {asked.address for asked in gateway.fixed_ips or () if asked.address is not None}
    if len(there) > 1 and named:
        held = await held_by(db, [port.id for port in there])
        of_these = {ip.port_id for ip, _ in held if ip.address in named}
        there = [port for port in there if port.id in of_these]
    return list(there)


def _only(router: Router, gateway: Gateway, there: Sequence[Port]) -> Port:
    """Return the one port among those. RouterExternalGatewayNotFound when it is not one."""
    if len(there) != 1:
        raise RouterExternalGatewayNotFound(id=router.id, network_id=gateway.network_id, number=len(there))
    return there[0]


async def _refuse_needed(db: Reader, router: Router, network_id: str | None) -> None:
    needed = (FloatingIp.c.router_id == router.id, FloatingIp.c.floating_network_id == network_id)
    if await db.exists(FloatingIp, *needed):
        raise RouterExternalGatewayInUseByFloatingIp(id=router.id, network_id=network_id)
