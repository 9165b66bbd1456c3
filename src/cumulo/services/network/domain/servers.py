"""Ports for servers: what compute asks for before, while and after a guest has them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy

from cumulo.contracts.network import FixedIp as BoundIp
from cumulo.contracts.network import NetworkRequest, PortBinding, ServerAddress
from cumulo.core.db import Reader
from cumulo.core.errors import Conflict, Invalid, NotFound
from cumulo.core.work import Work
from cumulo.services.network.domain import (
    addresses,
    mtus,
    networks,
    ports,
    promises,
    security_groups,
    sharing,
)
from cumulo.services.network.domain.addresses import Asked
from cumulo.services.network.errors import (
    ExternalNetworkNotForServers,
    FixedIpTaken,
    InvalidIpForNetwork,
    NetworkAmbiguous,
    NetworkNotFound,
    NetworkWithoutSubnet,
    PortInUse,
    PortNotFound,
    SecurityGroupNotFound,
)
from cumulo.services.network.model import (
    FixedIp,
    FloatingIp,
    Network,
    Port,
    PortSecurityGroup,
    SecurityGroup,
    Status,
    Subnet,
)

OF_COMPUTE = "compute:"
NOBODY: Mapping[str, Any] = {
    "device_id": "",
    "device_owner": "",
    "host": "",
    "tag": None,
    "limits": None,
    "status": Status.DOWN,
}
"""What a port that is given to no server has."""


async def check(
    db: Reader, requests: Sequence[NetworkRequest] | None, *, project_id: str, is_admin: bool
) -> list[NetworkRequest]:
    """Resolve what a new server asks for. Unknown things are Invalid, taken ones a Conflict."""
    if requests is None:
        return await automatic(db, project_id)
    try:
        for request in requests:
            await _check_one(db, request, project_id=project_id, is_admin=is_admin)
    except NotFound as error:
        raise Invalid(error.message) from error
    return list(requests)


async def automatic(db: Reader, project_id: str) -> list[NetworkRequest]:
    """Return the project's only network: its own, else one that is shared."""
    own = Network.c.project_id == project_id
    found = await db.all(Network, own, Network.c.external.is_(False), order_by=[Network.c.created_at])
    if not found:
        others = Network.c.id.in_(sharing.shared_with(Network, project_id))
        found = await db.all(Network, others, Network.c.external.is_(False))
    if len(found) > 1:
        raise NetworkAmbiguous
    return [NetworkRequest(network_id=network.id) for network in found]


async def _check_one(db: Reader, request: NetworkRequest, *, project_id: str, is_admin: bool) -> None:
    if request.port_id is not None:
        port = await ports.find(db, request.port_id, project_id=project_id, is_admin=is_admin)
        if port.device_id:
            raise PortInUse(id=port.id, network_id=port.network_id, device_id=port.device_id)
        return
    if request.network_id is None:
        raise NetworkNotFound(id="")
    found = await networks.find(db, request.network_id, project_id=project_id, is_admin=is_admin)
    if found.external and not is_admin:
        usable = (Network.c.id == found.id, sharing.usable(Network, project_id))
        if not await db.exists(Network, *usable):
            raise ExternalNetworkNotForServers(id=found.id)
    subnets = await ports.subnets_of(db, found.id)
    if not subnets:
        raise NetworkWithoutSubnet(id=found.id)
    await promises.refuse(db, found)
    if request.fixed_ip is not None:
        await _check_address(db, found, subnets, request.fixed_ip)


async def _check_address(db: Reader, network: Network, subnets: Sequence[Subnet], address: str) -> None:
    wanted = addresses.parse(address)
    subnet = next((s for s in subnets if wanted in addresses.net(s)), None)
    if subnet is None:
        raise InvalidIpForNetwork(address=address, network_id=network.id)
    addresses.check(subnet, str(wanted))
    held = (FixedIp.c.subnet_id == subnet.id, FixedIp.c.address == str(wanted))
    if await db.exists(FixedIp, *held):
        raise FixedIpTaken(address=str(wanted), network_id=network.id)


async def allocate(
    work: Work,
    server_id: str,
    requests: Sequence[NetworkRequest],
    *,
    project_id: str,
    host: str,
    hostname: str,
    group_ids: Sequence[str],
    zone: str,
) -> list[PortBinding]:
    """Create or take the ports; a second call returns the same ones. Those made have the server's name."""
    if not await work.db.exists(Port, *ports_of(server_id)):
        for position, request in enumerate(requests):
            values = {
                "device_id": server_id,
                "device_owner": f"{OF_COMPUTE}{zone or 'nova'}",
                "host": host,
                "position": position,
                "tag": request.tag,
            }
            if request.port_id is not None:
                await take(work, request.port_id, values)
            else:
                own = {**values, "made_for": server_id, "dns_name": hostname}
                await make(work, request, project_id, group_ids, own)
    return await bindings(work.db, server_id)


async def take(work: Work, port_id: str, values: dict[str, Any]) -> None:
    """Give a port that exists to a server. PortNotFound, PortInUse."""
    port = await work.db.one(Port, Port.c.id == port_id, for_update=True)
    if port is None:
        raise PortNotFound(id=port_id)
    if port.device_id:
        raise PortInUse(id=port.id, network_id=port.network_id, device_id=port.device_id)
    await ports.update(work, port, values)


async def make(
    work: Work,
    request: NetworkRequest,
    project_id: str,
    group_ids: Sequence[str],
    values: dict[str, Any],
) -> Port:
    """Create a port for a server."""
    network = await work.db.get(Network, request.network_id or "")
    if network is None:
        raise NetworkNotFound(id=request.network_id)
    await promises.refuse(work.db, network)
    asked = [Asked(address=request.fixed_ip)] if request.fixed_ip else None
    groups = list(group_ids) if group_ids and network.port_security_enabled else None
    return await ports.create(work, network, project_id, fixed_ips=asked, group_ids=groups, **values)


def ports_of(*server_ids: str) -> tuple[Any, Any]:
    """Return the condition for these servers' ports. A client may write any `device_id`, but no host."""
    return Port.c.device_id.in_(server_ids), Port.c.host != ""


async def release(work: Work, server_id: str) -> None:
    """Delete the ports made for the server, let go of the others."""
    for port in await work.db.all(Port, *ports_of(server_id)):
        if port.made_for == server_id:
            await ports.remove(work, port)
        else:
            await ports.update(work, port, dict(NOBODY))


async def bindings(db: Reader, server_id: str) -> list[PortBinding]:
    """Return the server's ports in the order in which it got them."""
    order = [Port.c.position, Port.c.created_at, Port.c.id]
    rows = await db.all(Port, *ports_of(server_id), order_by=order)
    held, subnets = await _addresses_of(db, [row.id for row in rows])
    wanted = {row.network_id for row in rows}
    found = await db.all(Network, Network.c.id.in_(wanted)) if wanted else []
    by_id = {network.id: network for network in found}
    return [
        PortBinding(
            port_id=row.id,
            network_id=row.network_id,
            network_name=by_id[row.network_id].name,
            mac=row.mac_address,
            mtu=max(by_id[row.network_id].mtu, mtus.LEAST[4]),  # a card has no less, whatever is on it
            fixed_ips=tuple(bound(ip, subnets[ip.subnet_id]) for ip in held[row.id]),
            created=row.made_for == server_id,
            tag=row.tag,
            active=row.status == Status.ACTIVE,
        )
        for row in rows
    ]


async def _addresses_of(
    db: Reader, port_ids: Sequence[str]
) -> tuple[dict[str, list[FixedIp]], dict[str, Subnet]]:
    order = [FixedIp.c.position]
    rows = await db.all(FixedIp, FixedIp.c.port_id.in_(list(port_ids)), order_by=order) if port_ids else []
    held: dict[str, list[FixedIp]] = defaultdict(list)
    for row in rows:
        held[row.port_id].append(row)
    ids = {row.subnet_id for row in rows}
    subnets = await db.all(Subnet, Subnet.c.id.in_(ids)) if ids else []
    return held, {subnet.id: subnet for subnet in subnets}


def bound(ip: FixedIp, subnet: Subnet) -> BoundIp:
    """Return an address with what its guest must know of the subnet."""
    return BoundIp(
        subnet_id=subnet.id,
        address=ip.address,
        version=subnet.ip_version,
        cidr=subnet.cidr,
        gateway=subnet.gateway_ip,
        dns=tuple(subnet.dns_nameservers),
        routes=tuple((route["destination"], route["nexthop"]) for route in subnet.host_routes),
    )


async def addresses_of(db: Reader, server_ids: Sequence[str]) -> dict[str, list[ServerAddress]]:
    """Return fixed and floating addresses of many servers: two queries."""
    columns = (Port.c.device_id, Port.c.id, Port.c.mac_address, Network.c.name, FixedIp.c.address)
    statement = (
        sqlalchemy.select(*columns)
        .join(Network.table, Network.c.id == Port.c.network_id)
        .join(FixedIp.table, FixedIp.c.port_id == Port.c.id)
        .where(*ports_of(*server_ids))
        .order_by(Port.c.position, Port.c.created_at, FixedIp.c.position)
    )
    lines = await db.rows(statement)
    ids = {line[1] for line in lines}
    floating = await db.all(FloatingIp, FloatingIp.c.port_id.in_(ids)) if ids else []
    outside = {(row.port_id, row.fixed_ip_address): row.floating_ip_address for row in floating}
    found: dict[str, list[ServerAddress]] = defaultdict(list)
    for server_id, port_id, mac, name, address in lines:
        found[server_id].append(_line(name, address, mac, "fixed", port_id))
        public = outside.get((port_id, address))
        if public is not None:
            found[server_id].append(_line(name, public, mac, "floating", port_id))
    return found


def _line(name: str, address: str, mac: str, kind: str, port_id: str) -> ServerAddress:
    version = 6 if ":" in address else 4
    return ServerAddress(
        network_name=name, address=address, version=version, mac=mac, kind=kind, port_id=port_id
    )


async def groups_of(db: Reader, server_ids: Sequence[str]) -> Mapping[str, list[str]]:
    """Return the names of the groups on each server's ports, each once."""
    statement = (
        sqlalchemy.select(Port.c.device_id, SecurityGroup.c.name)
        .join(PortSecurityGroup.table, PortSecurityGroup.c.port_id == Port.c.id)
        .join(SecurityGroup.table, SecurityGroup.c.id == PortSecurityGroup.c.security_group_id)
        .where(*ports_of(*server_ids))
        .order_by(SecurityGroup.c.name)
    )
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for server_id, name in await db.rows(statement):
        found[server_id][name] = None
    return {server_id: list(names) for server_id, names in found.items()}


async def change_group(work: Work, server_id: str, name: str, *, present: bool) -> None:
    """Put a group on all of a server's ports, or take it off."""
    rows = await work.db.all(Port, *ports_of(server_id))
    if not rows:
        raise Conflict(f"Server {server_id} has no port to have a security group.")
    (group_id,) = await security_groups.resolve(work.db, [name], project_id=rows[0].project_id)
    touched = False
    for port in rows:
        where = PortSecurityGroup.c.port_id == port.id
        has = [row.security_group_id for row in await work.db.all(PortSecurityGroup, where)]
        if present and group_id not in has:
            await ports.update(work, port, {}, group_ids=[*has, group_id])
        elif not present and group_id in has:
            touched = True
            await ports.update(work, port, {}, group_ids=[id_ for id_ in has if id_ != group_id])
    if not present and not touched:
        raise SecurityGroupNotFound(id=name)
