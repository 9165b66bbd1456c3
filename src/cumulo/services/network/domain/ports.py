"""Ports."""

import ipaddress
from collections.abc import Sequence
from typing import Any

import sqlalchemy

from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.network.demands import ALLOCATION, served
from cumulo.services.network.domain import (
    addresses,
    logs,
    mirrors,
    names,
    ndp_proxies,
    promises,
    reach,
    security_groups,
    trunks,
)
from cumulo.services.network.domain.addresses import Asked
from cumulo.services.network.domain.changes import change, tell_servers, touch
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors import (
    AddressPairAndPortSecurityRequired,
    InvalidInput,
    PortNotFound,
    PortSecurityAndIPRequiredForSecurityGroups,
    PortSecurityPortHasSecurityGroup,
    ServicePortInUse,
)
from cumulo.services.network.errors.security import SecurityGroupsStatefulnessConflict
from cumulo.services.network.model import (
    FixedIp,
    FloatingIp,
    Network,
    Owner,
    Port,
    PortForwarding,
    PortSecurityGroup,
    Router,
    SecurityGroup,
    Status,
    Subnet,
)
from cumulo.services.network.model.lookup import those
from cumulo.services.network.prefixes import unscoped

OF_ROUTERS = (Owner.ROUTER_INTERFACE, Owner.ROUTER_GATEWAY, Owner.FLOATING_IP)
OURS = (*OF_ROUTERS, Owner.METADATA)
_MOST_PAIRS = 10


async def find(db: Reader, port_id: str, *, project_id: str | None, is_admin: bool = False) -> Port:
    """Return a port of the project; else PortNotFound."""
    port = await db.get(Port, port_id)
    if port is None or not (is_admin or port.project_id == project_id):
        raise PortNotFound(id=port_id)
    return port


async def subnets_of(db: Reader, network_id: str) -> list[Subnet]:
    """Return a network's subnets, oldest first."""
    found = await those(db, Subnet, [network_id], "network_id")
    return sorted(found, key=lambda subnet: (subnet.created_at, subnet.id))


async def create(
    work: Work,
    network: Network,
    project_id: str,
    *,
    fixed_ips: Sequence[Asked] | None = None,
    group_ids: Sequence[str] | None = None,
    mac: str | None = None,
    **values: Any,
) -> Port:
    """Create a port. Without `group_ids` it is in its project's default security group."""
    ours = values.get("device_owner", "").startswith("network:")
    values.setdefault("port_security_enabled", network.port_security_enabled and not ours)
    port = Port(
        project_id=project_id,
        network_id=network.id,
        mac_address=await addresses.mac(work.db, network.id, mac),
        **values,
    )
    port.allowed_address_pairs = _pairs(port, port.allowed_address_pairs)
    names.check_name(port.dns_name)
    names.check_domain(port.dns_domain)
    if group_ids is None and port.port_security_enabled and project_id:
        group_ids = [await security_groups.ensure_default(work, project_id)]
    if group_ids and not port.port_security_enabled:
        raise PortSecurityAndIPRequiredForSecurityGroups
    await work.db.insert(port)
    await _join(work, port, group_ids or ())
    subnets: Sequence[Subnet] = await subnets_of(work.db, network.id)
    if fixed_ips is None:
        subnets = await reach.subnets_for(work.db, subnets, port.host, network.id, ours=ours)
    await addresses.assign(work.db, port, fixed_ips, subnets)
    await _realise(work, port, new=True)
    return port


async def _join(work: Work, port: Port, group_ids: Sequence[str]) -> None:
    if len(group_ids) > 1:
        wanted = SecurityGroup.c.id.in_(list(group_ids))
        kinds = await work.db.rows(sqlalchemy.select(SecurityGroup.c.stateful).where(wanted).distinct())
        if len(kinds) > 1:
            raise SecurityGroupsStatefulnessConflict
    await work.db.insert_all(
        [PortSecurityGroup(port_id=port.id, security_group_id=id_) for id_ in dict.fromkeys(group_ids)]
    )


async def _realise(work: Work, port: Port, *, new: bool = False) -> None:
    """Have the data plane follow: a router's ports are part of the router there."""
    if port.device_owner in (Owner.ROUTER_INTERFACE, Owner.ROUTER_GATEWAY):
        await touch(work, Kind.ROUTER, port.device_id)
    elif port.device_owner != Owner.FLOATING_IP:
        await touch(work, Kind.PORT, port.id, new=new)


def _pairs(port: Port, pairs: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Return allowed address pairs checked and complete. A pair without a MAC has the port's."""
    if pairs and not port.port_security_enabled:
        raise AddressPairAndPortSecurityRequired
    if len(pairs) > _MOST_PAIRS:
        raise InvalidInput(reason=f"a port has at most {_MOST_PAIRS} allowed address pairs")
    found = []
    for pair in pairs:
        if not pair.keys() <= {"ip_address", "mac_address"} or "ip_address" not in pair:
            raise InvalidInput(reason="an allowed address pair has an ip_address and a mac_address")
        try:
            net = ipaddress.ip_network(unscoped(pair["ip_address"]))
        except ValueError:
            reason = f"'{pair['ip_address']}' is neither an IP address nor a CIDR"
            raise InvalidInput(reason=reason) from None
        mac = addresses.read_mac(pair.get("mac_address") or port.mac_address)
        if net.is_multicast:
            raise InvalidInput(
                reason=f"the allowed address pair '{pair['ip_address']}' is a multicast address"
            )
        entry = {"ip_address": pair["ip_address"], "mac_address": mac}
        if entry in found:
            raise InvalidInput(reason=f"the allowed address pair {entry['ip_address']} is repeated")
        found.append(entry)
    return found


def check_device(port: Port | None, values: dict[str, Any]) -> None:
    """Refuse that a client makes a port one of ours, or makes one of ours another's."""
    if values.get("device_owner") in OURS:
        reason = f"device_owner {values['device_owner']} is given by the network service alone"
        raise InvalidInput(reason=reason)
    if port is None or port.device_owner not in OURS:
        return
    device = {"device_id": port.device_id, "device_owner": port.device_owner}
    if any(values.get(name, value) != value for name, value in device.items()):
        raise ServicePortInUse(id=port.id, reason=f"it belongs to {port.device_owner}")


async def update(
    work: Work,
    port: Port,
    values: dict[str, Any],
    *,
    fixed_ips: Sequence[Asked] | None = None,
    group_ids: Sequence[str] | None = None,
) -> Port:
    """Change a port; None for the lists leaves them as they are."""
    before, policy = port.device_id, port.qos_policy_id
    await _keep_promises(work, port, values)
    if "mac_address" in values and (values["mac_address"] or "").lower() != port.mac_address:
        values["mac_address"] = await addresses.mac(work.db, port.network_id, values["mac_address"])
    else:
        values.pop("mac_address", None)
    await _check_security(work, port, values, group_ids)
    names.check_name(values.get("dns_name", ""))
    names.check_domain(values.get("dns_domain", ""))
    if "allowed_address_pairs" in values:
        trial = Port(**{name: getattr(port, name) for name in Port.__struct_fields__})
        trial.port_security_enabled = values.get("port_security_enabled", port.port_security_enabled)
        values["allowed_address_pairs"] = _pairs(trial, values["allowed_address_pairs"])
    if group_ids is not None:
        await logs.port_moves(work, port.id)
        await work.db.delete(PortSecurityGroup, PortSecurityGroup.c.port_id == port.id)
        await _join(work, port, group_ids)
        await logs.port_moves(work, port.id)
    if fixed_ips is not None:
        held = await work.db.all(FixedIp, FixedIp.c.port_id == port.id)
        subnets = await subnets_of(work.db, port.network_id)
        given = await addresses.assign(work.db, port, fixed_ips, subnets, held)
        await _drop_floating(work, port, keep={ip.address for ip in given})
        await ndp_proxies.drop(work, port, keep={ip.address for ip in given})
    elif values.get("host", port.host) != port.host:
        await _address_late(work, port, values["host"])
    relisted = group_ids is not None or fixed_ips is not None
    await change(work.db, port, values, always=relisted)
    if port.qos_policy_id != policy:
        await promises.follow(work, [port])
    await _realise(work, port)
    if "host" in values:
        await trunks.follow_parent(work, port)
    await tell_servers(work, (port.device_id, before))
    return port


async def _keep_promises(work: Work, port: Port, values: dict[str, Any]) -> None:
    """Give back what was claimed for a port that leaves its server; else a new profile goes on to say it."""
    held = served(port)
    if held and values.get("device_id", port.device_id) != port.device_id:
        await promises.let_go(work, port)
        profile = values.get("profile", port.profile)
        values["profile"] = {name: value for name, value in profile.items() if name != ALLOCATION}
    elif held and "profile" in values:
        values["profile"] = values["profile"] | {ALLOCATION: held}


async def _address_late(work: Work, port: Port, host: str) -> None:
    """Give a port the addresses that waited for its host; those it has must be on segments it reaches."""
    subnets = await subnets_of(work.db, port.network_id)
    if not host or not reach.segmented(subnets):
        return
    if await work.db.exists(FixedIp, FixedIp.c.port_id == port.id):
        await reach.refuse_foreign(work.db, port, subnets, host)
    else:
        reached = await reach.subnets_for(work.db, subnets, host, port.network_id)
        await addresses.assign(work.db, port, None, reached)


async def _check_security(
    work: Work, port: Port, values: dict[str, Any], group_ids: Sequence[str] | None
) -> None:
    enabled = values.get("port_security_enabled", port.port_security_enabled)
    if enabled:
        return
    if group_ids:
        raise PortSecurityAndIPRequiredForSecurityGroups
    where = PortSecurityGroup.c.port_id == port.id
    if group_ids is None and await work.db.exists(PortSecurityGroup, where):
        raise PortSecurityPortHasSecurityGroup(id=port.id)
    if values.get("allowed_address_pairs", port.allowed_address_pairs):
        raise AddressPairAndPortSecurityRequired


async def delete(work: Work, port: Port) -> None:
    """Delete a port that nobody else's resource stands on."""
    if port.device_owner in OF_ROUTERS and await _has_owner(work.db, port):
        raise ServicePortInUse(id=port.id, reason=f"it belongs to {port.device_owner}")
    await trunks.refuse_use(work.db, port)
    await remove(work, port)


async def _has_owner(db: Reader, port: Port) -> bool:
    model: Any = FloatingIp if port.device_owner == Owner.FLOATING_IP else Router
    return await db.exists(model, model.c.id == port.device_id)


async def remove(work: Work, port: Port) -> None:
    """Delete a port whatever it is for; a floating IP that led to it leads nowhere then."""
    await promises.let_go(work, port)
    await mirrors.drop_port(work, port)
    await _drop_floating(work, port, keep=set())
    await trunks.drop_port(work, port)
    await ndp_proxies.drop(work, port, keep=set())
    await logs.port_moves(work, port.id, gone=True)
    await work.db.delete(Port, Port.c.id == port.id)
    await _realise(work, port)
    if port.device_owner not in tuple(Owner):
        await tell_servers(work, (port.device_id,))


async def _drop_floating(work: Work, port: Port, *, keep: set[str]) -> None:
    """Disassociate the floating IPs of addresses that the port does not keep."""
    for row in await work.db.all(FloatingIp, FloatingIp.c.port_id == port.id):
        if row.fixed_ip_address not in keep:
            nothing = {"port_id": None, "fixed_ip_address": None, "router_id": None}
            await change(work.db, row, {**nothing, "status": Status.DOWN})
            await touch(work, Kind.FLOATING_IP, row.id)
    for forwarding in await work.db.all(PortForwarding, PortForwarding.c.internal_port_id == port.id):
        if forwarding.internal_ip_address not in keep:
            await work.db.delete(PortForwarding, PortForwarding.c.id == forwarding.id)
            await leave_router(work, forwarding.floatingip_id)


async def leave_router(work: Work, floatingip_id: str) -> None:
    """Take a floating IP from its router once it forwards nothing, and have the data plane follow."""
    row = await work.db.get(FloatingIp, floatingip_id)
    if row is None:
        return
    if not await work.db.exists(PortForwarding, PortForwarding.c.floatingip_id == row.id):
        await change(work.db, row, {"router_id": None, "status": Status.DOWN})
    await touch(work, Kind.FLOATING_IP, row.id)
