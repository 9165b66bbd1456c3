"""Subnet pools: prefixes that are checked once, and subnets that are cut of them."""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.network.domain import address_scopes, sharing
from cumulo.services.network.domain.addresses import Net
from cumulo.services.network.domain.changes import change
from cumulo.services.network.errors import (
    IllegalSubnetPoolPrefixes,
    InvalidInput,
    SubnetAllocationError,
    SubnetPoolInUse,
    SubnetPoolNotFound,
    SubnetPoolQuotaExceeded,
)
from cumulo.services.network.model import Subnet, SubnetPool
from cumulo.services.network.prefixes import unscoped

_V4 = 4
_SHORTEST = {4: 8, 6: 64}  # neutron's default for min_prefixlen
_BITS = {4: 32, 6: 128}
_COUNTED = {4: 32, 6: 64}  # a quota counts addresses of IPv4, /64 networks of IPv6


async def find(db: Reader, pool_id: str, *, project_id: str | None, is_admin: bool = False) -> SubnetPool:
    """Return a pool that the project can see; else SubnetPoolNotFound."""
    return await sharing.find(
        db, SubnetPool, pool_id, SubnetPoolNotFound, project_id=project_id, is_admin=is_admin
    )


async def default(db: Reader, version: int) -> SubnetPool:
    """Return the pool that an administrator made the default for an IP version."""
    where = (SubnetPool.c.is_default.is_(True), SubnetPool.c.ip_version == version)
    pool = await db.one(SubnetPool, *where)
    if pool is None:
        raise InvalidInput(reason=f"there is no default subnet pool for IPv{version}")
    return pool


async def create(work: Work, project_id: str, values: dict[str, Any]) -> SubnetPool:
    """Create a pool of the prefixes given, all of one IP version."""
    nets = _read(values.pop("prefixes"))
    version = nets[0].version
    values.setdefault("min_prefixlen", min(_SHORTEST[version], *(net.prefixlen for net in nets)))
    values.setdefault("max_prefixlen", _BITS[version])
    values.setdefault("default_prefixlen", values["min_prefixlen"])
    shared = values.pop("shared", False)
    pool = SubnetPool(project_id=project_id, ip_version=version, prefixes=_merged(nets), **values)
    _check_lengths(pool)
    await _refuse_second_default(work.db, pool)
    await address_scopes.check_pool(work.db, pool, pool.prefixes)
    await work.db.insert(pool)
    if shared:
        await sharing.share(work, pool, wanted=True)
    return pool


def _read(prefixes: Iterable[str]) -> list[Net]:
    nets: list[Net] = []
    for text in prefixes:
        try:
            nets.append(ipaddress.ip_network(unscoped(text), strict=False))
        except ValueError:
            raise InvalidInput(reason=f"'{text}' is not a valid prefix") from None
    if not nets:
        raise InvalidInput(reason="a subnet pool needs a prefix")
    if len({net.version for net in nets}) > 1:
        raise InvalidInput(reason="the prefixes of a subnet pool are of one IP version")
    return nets


def _merged(nets: Sequence[Net]) -> list[str]:
    v4 = [net for net in nets if isinstance(net, ipaddress.IPv4Network)]
    v6 = [net for net in nets if isinstance(net, ipaddress.IPv6Network)]
    merged = [*ipaddress.collapse_addresses(v4), *ipaddress.collapse_addresses(v6)]
    return [str(net) for net in merged]


def _check_lengths(pool: SubnetPool) -> None:
    lengths = (pool.min_prefixlen, pool.default_prefixlen, pool.max_prefixlen, _BITS[pool.ip_version])
    if list(lengths) != sorted(lengths) or lengths[0] < 0:
        least, usual, most, _ = lengths
        reason = f"prefix lengths must rise from min ({least}) over default ({usual}) to max ({most})"
        raise InvalidInput(reason=reason)


async def _refuse_second_default(db: Reader, pool: SubnetPool) -> None:
    where = (SubnetPool.c.is_default.is_(True), SubnetPool.c.ip_version == pool.ip_version)
    if pool.is_default and await db.exists(SubnetPool, *where, SubnetPool.c.id != pool.id):
        raise InvalidInput(reason=f"there is a default subnet pool for IPv{pool.ip_version} already")


async def update(work: Work, pool: SubnetPool, values: dict[str, Any]) -> SubnetPool:
    """Change a pool; its prefixes may only grow."""
    trial = SubnetPool(**{name: getattr(pool, name) for name in SubnetPool.__struct_fields__})
    if "prefixes" in values:
        nets = _read(values["prefixes"])
        values["prefixes"] = _merged(nets)
        if any(not _inside(ipaddress.ip_network(old), nets) for old in pool.prefixes):
            raise InvalidInput(reason="prefixes cannot be taken away from a subnet pool")
    for name, value in values.items():
        setattr(trial, name, value)
    _check_lengths(trial)
    await _refuse_second_default(work.db, trial)
    await address_scopes.check_pool(work.db, trial, trial.prefixes)
    moved = trial.address_scope_id != pool.address_scope_id
    await change(work.db, pool, values)
    if moved:
        await address_scopes.touch_routers(work, Subnet.c.subnetpool_id == pool.id)
    return pool


async def add_prefixes(work: Work, pool: SubnetPool, prefixes: Sequence[str]) -> SubnetPool:
    """Add prefixes of which subnets can be cut."""
    return await update(work, pool, {"prefixes": [*pool.prefixes, *prefixes]})


async def remove_prefixes(work: Work, pool: SubnetPool, prefixes: Sequence[str]) -> SubnetPool:
    """Take prefixes away of which no subnet was cut; they are a pool's own or parts of them."""
    await work.db.lock(f"network.subnet_pool:{pool.id}")
    rows = await work.db.all(Subnet, Subnet.c.subnetpool_id == pool.id)
    left: list[Net] = [ipaddress.ip_network(prefix) for prefix in pool.prefixes]
    for gone in _read(prefixes):
        used = next((row for row in rows if ipaddress.ip_network(row.cidr).overlaps(gone)), None)
        if used is not None:
            reason = f"subnet {used.id} is of it"
            raise IllegalSubnetPoolPrefixes(id=pool.id, prefix=gone, reason=reason)
        if not _inside(gone, left):
            raise InvalidInput(reason=f"subnet pool {pool.id} has no prefix {gone}")
        left = [part for net in left for part in _without(net, gone)]
    if not left:
        raise InvalidInput(reason="a subnet pool needs a prefix")
    return await change(work.db, pool, {"prefixes": _merged(left)})


def _without(net: Net, gone: Any) -> list[Net]:
    """Return what is left of a prefix without another."""
    if not net.overlaps(gone):
        return [net]
    return [] if net.prefixlen >= gone.prefixlen else list(net.address_exclude(gone))


async def onboard(work: Work, pool: SubnetPool, network_id: str) -> list[Subnet]:
    """Have a pool adopt those subnets of a network that no pool has; their prefixes become the pool's."""
    await work.db.lock(f"network.subnet_pool:{pool.id}")
    mine = (Subnet.c.network_id == network_id, Subnet.c.ip_version == pool.ip_version)
    rows = await work.db.all(Subnet, *mine, Subnet.c.subnetpool_id.is_(None))
    if not rows:
        raise InvalidInput(reason=f"network {network_id} has no IPv{pool.ip_version} subnet without a pool")
    pools = await work.db.all(Subnet, Subnet.c.subnetpool_id == pool.id)
    for row in rows:
        net = ipaddress.ip_network(row.cidr)
        if any(net.overlaps(ipaddress.ip_network(other.cidr)) for other in pools):
            raise SubnetAllocationError(id=pool.id, wanted=row.cidr, reason="another subnet has a part of it")
    prefixes = _merged([ipaddress.ip_network(text) for text in (*pool.prefixes, *(r.cidr for r in rows))])
    await address_scopes.check_pool(work.db, pool, prefixes)
    await change(work.db, pool, {"prefixes": prefixes})
    adopted = [await change(work.db, row, {"subnetpool_id": pool.id}) for row in rows]
    await address_scopes.touch_routers(work, *mine)
    return adopted


async def delete(work: Work, pool: SubnetPool) -> None:
    """Delete a pool of which no subnet is left."""
    if await work.db.exists(Subnet, Subnet.c.subnetpool_id == pool.id):
        raise SubnetPoolInUse(id=pool.id)
    await sharing.forget(work, pool.id)
    await work.db.delete(SubnetPool, SubnetPool.c.id == pool.id)


async def allocate(
    work: Work, pool: SubnetPool, project_id: str, *, cidr: str | None, length: int | None
) -> str:
    """Return a prefix of the pool that overlaps with none given out: `cidr`, or the first of the length."""
    await work.db.lock(f"network.subnet_pool:{pool.id}")
    rows = await work.db.all(Subnet, Subnet.c.subnetpool_id == pool.id)
    taken: list[Net] = [ipaddress.ip_network(row.cidr) for row in rows]
    prefixes: list[Net] = [ipaddress.ip_network(prefix) for prefix in pool.prefixes]
    if cidr is not None:
        chosen = _checked(pool, cidr, prefixes, taken)
    else:
        length = pool.default_prefixlen if length is None else length
        _check_length(pool, length)
        chosen = _first_free(pool, length, prefixes, taken)
    own = [ipaddress.ip_network(row.cidr) for row in rows if row.project_id == project_id]
    _check_quota(pool, [*own, chosen])
    return str(chosen)


def _check_length(pool: SubnetPool, length: int) -> None:
    if not pool.min_prefixlen <= length <= pool.max_prefixlen:
        reason = f"the prefix length {length} is not within {pool.min_prefixlen} to {pool.max_prefixlen}"
        raise InvalidInput(reason=reason)


def _checked(pool: SubnetPool, cidr: str, prefixes: Sequence[Net], taken: Sequence[Net]) -> Net:
    (wanted,) = _read([cidr])
    _check_length(pool, wanted.prefixlen)
    if not _inside(wanted, prefixes):
        raise SubnetAllocationError(id=pool.id, wanted=cidr, reason="it lies outside of its prefixes")
    if any(wanted.overlaps(other) for other in taken):
        raise SubnetAllocationError(id=pool.id, wanted=cidr, reason="another subnet has a part of it")
    return wanted


def _inside(net: Net, prefixes: Sequence[Net]) -> bool:
    return any(_ends(prefix)[0] <= _ends(net)[0] and _ends(net)[1] <= _ends(prefix)[1] for prefix in prefixes)


def _ends(net: Net) -> tuple[int, int]:
    return int(net.network_address), int(net.broadcast_address)


def _first_free(pool: SubnetPool, length: int, prefixes: Sequence[Net], taken: Sequence[Net]) -> Net:
    """Go through each prefix in steps of the size wanted, jumping over what is taken."""
    size = 1 << (_BITS[pool.ip_version] - length)
    used = sorted(map(_ends, taken))
    make = ipaddress.IPv4Network if pool.ip_version == _V4 else ipaddress.IPv6Network
    for first, last in map(_ends, prefixes):
        place = -(-first // size) * size
        for start, end in used:
            if start < place + size and end >= place:
                place = (end // size + 1) * size
        if place + size - 1 <= last:
            return make((place, length))
    raise SubnetAllocationError(id=pool.id, wanted=f"a /{length}", reason="it has no room")


def _check_quota(pool: SubnetPool, own: Sequence[Net]) -> None:
    if pool.default_quota is None:
        return
    counted = sum(2 ** max(_COUNTED[net.version] - net.prefixlen, 0) for net in own)
    if counted > pool.default_quota:
        raise SubnetPoolQuotaExceeded(id=pool.id, limit=pool.default_quota, wanted=counted)
