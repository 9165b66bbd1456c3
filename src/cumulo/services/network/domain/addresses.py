"""Addresses: MACs, and which IP addresses a port gets from its network's subnets."""

import ipaddress
import os
import re
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy

from cumulo.core.db import Reader, Transaction
from cumulo.services.network.errors import (
    InvalidInput,
    InvalidIpForNetwork,
    InvalidIpForSubnet,
    IpAddressAlreadyAllocated,
    IpAddressGenerationFailure,
    MacAddressInUse,
    SubnetNotFound,
)
from cumulo.services.network.model import FixedIp, Owner, Port, Subnet
from cumulo.services.network.prefixes import unscoped

Net = ipaddress.IPv4Network | ipaddress.IPv6Network
_FURTHEST = 2**62  # offsets beyond do not fit a column with room to count
_MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")
_AUTOMATIC = ("slaac", "dhcpv6-stateless")
_SHORTEST_FULL_V4 = 30  # a longer prefix has no network and broadcast address


class Asked(msgspec.Struct, frozen=True):
    """One entry of `fixed_ips`: a subnet, an address, or both."""

    subnet_id: str | None = None
    address: str | None = None


def parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Read an IP address. Raises InvalidInput."""
    try:
        return ipaddress.ip_address(unscoped(text))
    except ValueError:
        raise InvalidInput(reason=f"'{text}' is not a valid IP address") from None


def net(subnet: Subnet) -> Net:
    """Return the subnet's CIDR as an object."""
    return ipaddress.ip_network(subnet.cidr)


def offset(network: Net, address: str) -> int | None:
    """Return how far the address is from the first; None when too far to count."""
    distance = int(ipaddress.ip_address(address)) - int(network.network_address)
    return distance if distance < _FURTHEST else None


def by_itself(subnet: Subnet) -> bool:
    """Say whether guests of the subnet make their own address from their MAC (IPv6)."""
    return subnet.ipv6_address_mode in _AUTOMATIC


def from_mac(network: Net, mac: str) -> str:
    """Return the address that a guest with this MAC makes for itself (RFC 4291, appendix A)."""
    octets = [int(part, 16) for part in mac.split(":")]
    octets[0] ^= 2
    suffix = bytes([*octets[:3], 0xFF, 0xFE, *octets[3:]])
    return str(network.network_address + int.from_bytes(suffix))


def read_mac(text: str) -> str:
    """Return a MAC address as it is kept. Raises InvalidInput."""
    found = text.lower().replace("-", ":")
    if not _MAC.fullmatch(found):
        raise InvalidInput(reason=f"'{text}' is not a valid MAC address")
    return found


async def mac(db: Reader, network_id: str, wanted: str | None = None) -> str:
    """Return the MAC wanted, if it is free on the network, or a new one."""
    if wanted is not None:
        wanted = read_mac(wanted)
        if await _mac_taken(db, network_id, wanted):
            raise MacAddressInUse(network_id=network_id, mac=wanted)
        return wanted
    while True:
        made = "fa:16:3e:" + ":".join(f"{byte:02x}" for byte in os.urandom(3))
        if not await _mac_taken(db, network_id, made):
            return made


async def _mac_taken(db: Reader, network_id: str, address: str) -> bool:
    return bool(await db.answer(_holder_of_mac, network=network_id, mac=address))


def _holder_of_mac() -> Any:
    """Ask for the port with a MAC."""
    c = Port.c
    network = c.network_id == sqlalchemy.bindparam("network", type_=c.network_id.type)
    return sqlalchemy.select(c.id).where(
        network, c.mac_address == sqlalchemy.bindparam("mac", type_=c.mac_address.type)
    )


async def assign(
    db: Transaction,
    port: Port,
    asked: Sequence[Asked] | None,
    subnets: Sequence[Subnet],
    held: Sequence[FixedIp] = (),
) -> list[FixedIp]:
    """Give the port exactly the addresses asked for (None: one of each version), keeping what it holds.

    Raises IpAddressGenerationFailure, IpAddressAlreadyAllocated, InvalidIpForNetwork, InvalidIpForSubnet.
    """
    if port.device_owner != Owner.METADATA:  # which serves whatever ports a subnet is for
        subnets = serving(subnets, port.device_owner)
    if asked is None:
        return await _automatic(db, port, subnets)
    spare = list(held)
    kept: list[tuple[int, FixedIp]] = []
    missing: list[tuple[int, Asked]] = []
    for position, entry in enumerate(asked):
        match = next((ip for ip in spare if _answers(entry, ip)), None)
        if match is None:
            missing.append((position, entry))
        else:
            spare.remove(match)
            kept.append((position, match))
    for ip in spare:
        where = (FixedIp.c.subnet_id == ip.subnet_id, FixedIp.c.address == ip.address)
        await db.delete(FixedIp, *where)
    for position, ip in kept:
        if ip.position != position:
            ip.position = position
            await db.save(ip, "position")
    for position, entry in missing:
        kept.append((position, await _one(db, port, entry, subnets, position)))
    return [ip for _, ip in sorted(kept, key=lambda pair: pair[0])]


def serving(subnets: Sequence[Subnet], owner: str) -> Sequence[Subnet]:
    """Return the subnets for ports of an owner: those that name it, else those that name none.

    Owners are named by their first words (`compute` is for `compute:nova`); a name with a colon is whole.
    """
    named = [s for s in subnets if any(_covers(kind, owner) for kind in s.service_types)]
    return named or [subnet for subnet in subnets if not subnet.service_types]


def _covers(kind: str, owner: str) -> bool:
    return owner == kind or (":" not in kind.rstrip(":") and owner.startswith(f"{kind.rstrip(':')}:"))


def _answers(entry: Asked, ip: FixedIp) -> bool:
    same_subnet = entry.subnet_id in (None, ip.subnet_id)
    if entry.address is None:
        return same_subnet
    return same_subnet and str(parse(entry.address)) == ip.address


async def _automatic(db: Transaction, port: Port, subnets: Sequence[Subnet]) -> list[FixedIp]:
    given: list[FixedIp] = []
    for version in (4, 6):
        chosen = [s for s in subnets if s.ip_version == version and not by_itself(s)]
        for number, subnet in enumerate(chosen):
            address = await free(db, subnet)
            if address is not None:
                given.append(await _hold(db, port, subnet, address, len(given)))
                break
            if number == len(chosen) - 1:
                raise IpAddressGenerationFailure(network_id=port.network_id)
    for subnet in filter(by_itself, subnets):
        address = from_mac(net(subnet), port.mac_address)
        given.append(await _hold(db, port, subnet, address, len(given)))
    return given


async def _one(
    db: Transaction, port: Port, entry: Asked, subnets: Sequence[Subnet], position: int
) -> FixedIp:
    subnet = _subnet_for(port, entry, subnets)
    address: str | None
    if entry.address is not None:
        address = str(parse(entry.address))
        check(subnet, address)
    elif by_itself(subnet):
        address = from_mac(net(subnet), port.mac_address)
    else:
        address = await free(db, subnet)
    if address is None:
        raise IpAddressGenerationFailure(network_id=port.network_id)
    return await _hold(db, port, subnet, address, position)


def _subnet_for(port: Port, entry: Asked, subnets: Sequence[Subnet]) -> Subnet:
    if entry.subnet_id is not None:
        for subnet in subnets:
            if subnet.id == entry.subnet_id:
                return subnet
        raise SubnetNotFound(id=entry.subnet_id)
    if entry.address is None:
        raise InvalidInput(reason="an entry of fixed_ips needs a subnet_id or an ip_address")
    address = parse(entry.address)
    for subnet in subnets:
        if address in net(subnet):
            return subnet
    raise InvalidIpForNetwork(address=entry.address, network_id=port.network_id)


def check(subnet: Subnet, address: str) -> None:
    """Raise InvalidIpForSubnet when no port may have the address in the subnet."""
    network, parsed = net(subnet), parse(address)
    if parsed not in network:
        raise InvalidIpForSubnet(address=address)
    whole = network.version == 4 and network.prefixlen <= _SHORTEST_FULL_V4  # noqa: PLR2004  IP's version numbers are their own names
    if whole and parsed in (network.network_address, network.broadcast_address):
        raise InvalidIpForSubnet(address=address)


async def _hold(db: Transaction, port: Port, subnet: Subnet, address: str, position: int) -> FixedIp:
    if await db.get(FixedIp, (subnet.id, address)) is not None:
        raise IpAddressAlreadyAllocated(address=address, subnet_id=subnet.id)
    ip = FixedIp(
        subnet_id=subnet.id,
        address=address,
        port_id=port.id,
        network_id=subnet.network_id,
        offset=offset(net(subnet), address),
        position=position,
    )
    await db.insert(ip)
    return ip


async def free(db: Transaction, subnet: Subnet) -> str | None:
    """Return an address of the subnet's pools that nobody holds; None when there is none.

    Others wait until this transaction ends, so that two never get the same.
    """
    await db.lock(f"network.subnet:{subnet.id}")
    network = net(subnet)
    for pool in subnet.allocation_pools:
        first, last = offset(network, pool["start"]), offset(network, pool["end"])
        if first is None:
            continue
        found = await _free_offset(db, subnet.id, first, _FURTHEST if last is None else last)
        if found is not None:
            return str(network.network_address + found)
    return None


async def _free_offset(db: Reader, subnet_id: str, first: int, last: int) -> int | None:
    """Return the offset after the highest taken, or the first in a gap: an index look-up mostly."""
    found = await db.answer(_highest, subnet=subnet_id, first=first, last=last)
    highest = found[0][0]
    if highest is None:
        return first
    if highest < last:
        return int(highest) + 1
    taken = FixedIp.table
    inside = (taken.c.subnet_id == subnet_id, taken.c.offset.between(first, last))
    if not await db.exists(FixedIp, taken.c.subnet_id == subnet_id, taken.c.offset == first):
        return first
    after = taken.alias("after")
    follows = sqlalchemy.select(after.c.offset).where(
        after.c.subnet_id == subnet_id, after.c.offset == taken.c.offset + 1
    )
    gap = await db.scalar(
        sqlalchemy.select(sqlalchemy.func.min(taken.c.offset + 1)).where(
            *inside, taken.c.offset < last, ~follows.exists()
        )
    )
    return None if gap is None else int(gap)


def _highest() -> Any:
    """Ask for the highest offset that is taken, between two."""
    c = FixedIp.c
    first, last = (sqlalchemy.bindparam(name, type_=c.offset.type) for name in ("first", "last"))
    subnet = c.subnet_id == sqlalchemy.bindparam("subnet", type_=c.subnet_id.type)
    return sqlalchemy.select(sqlalchemy.func.max(c.offset)).where(subnet, c.offset.between(first, last))


def prefix_mask(cidr: str) -> str:
    """Return a CIDR's netmask written as an address."""
    return str(ipaddress.ip_network(cidr).netmask)
