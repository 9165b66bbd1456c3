"""Address scopes: subnet pools among which no prefix is given twice."""

import ipaddress
from collections.abc import Iterable
from typing import Any

import sqlalchemy

from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.network.domain import sharing
from cumulo.services.network.domain.changes import change, touch
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors import (
    AddressScopeInUse,
    AddressScopePrefixConflict,
    AddressScopeUpdateError,
    InvalidInput,
    NetworkAddressScopeAffinityError,
)
from cumulo.services.network.model import (
    EVERYONE,
    AddressScope,
    FixedIp,
    Network,
    Owner,
    Port,
    Subnet,
    SubnetPool,
)


async def create(work: Work, project_id: str, values: dict[str, Any]) -> AddressScope:
    """Create an address scope of one IP version."""
    if values["ip_version"] not in (4, 6):
        raise InvalidInput(reason=f"{values['ip_version']} is no IP version", field="ip_version")
    shared = values.pop("shared", False)
    scope = AddressScope(project_id=project_id, **values)
    await work.db.insert(scope)
    if shared:
        await sharing.share(work, scope, wanted=True)
    return scope


async def update(work: Work, scope: AddressScope, values: dict[str, Any]) -> AddressScope:
    """Rename, describe or share an address scope."""
    if values.get("shared") is False and await sharing.may_use(work.db, scope, project_id=EVERYONE):
        raise AddressScopeUpdateError(id=scope.id, reason="what is shared stays so")
    reshared = "shared" in values and await sharing.share(work, scope, wanted=values.pop("shared"))
    return await change(work.db, scope, values, always=reshared)


async def delete(work: Work, scope: AddressScope) -> None:
    """Delete an address scope that no subnet pool is in."""
    if await work.db.exists(SubnetPool, SubnetPool.c.address_scope_id == scope.id):
        raise AddressScopeInUse(id=scope.id)
    await sharing.forget(work, scope.id)
    await work.db.delete(AddressScope, AddressScope.c.id == scope.id)


async def check_pool(db: Reader, pool: SubnetPool, prefixes: Iterable[str]) -> None:
    """Refuse a pool in a scope of another IP version, and prefixes that another pool of the scope has."""
    if pool.address_scope_id is None:
        return
    scope = await db.get(AddressScope, pool.address_scope_id)
    if scope is None or scope.ip_version != pool.ip_version:
        raise InvalidInput(reason=f"address scope {pool.address_scope_id} is not of IPv{pool.ip_version}")
    nets = [ipaddress.ip_network(prefix) for prefix in prefixes]
    others = (SubnetPool.c.address_scope_id == scope.id, SubnetPool.c.id != pool.id)
    for other in await db.all(SubnetPool, *others):
        for prefix in other.prefixes:
            if any(net.overlaps(ipaddress.ip_network(prefix)) for net in nets):
                raise AddressScopePrefixConflict(id=scope.id, prefix=prefix, pool=other.id)


async def check_network(db: Reader, network: Network, version: int, pool_id: str | None) -> None:
    """Refuse a subnet of another scope than the network's others of its IP version are in."""
    pool = await db.get(SubnetPool, pool_id) if pool_id else None
    wanted = pool.address_scope_id if pool else None
    statement = (
        sqlalchemy.select(SubnetPool.c.address_scope_id)
        .select_from(Subnet.table)
        .outerjoin(SubnetPool.table, SubnetPool.c.id == Subnet.c.subnetpool_id)
        .where(Subnet.c.network_id == network.id, Subnet.c.ip_version == version)
        .distinct()
    )
    if any(row[0] != wanted for row in await db.rows(statement)):
        raise NetworkAddressScopeAffinityError(id=network.id)


async def touch_routers(work: Work, *where: Any) -> None:
    """Have the routers follow that have a port on one of these subnets: scopes say what they translate."""
    owners = (Owner.ROUTER_INTERFACE.value, Owner.ROUTER_GATEWAY.value)
    statement = (
        sqlalchemy.select(Port.c.device_id)
        .join(FixedIp.table, FixedIp.c.port_id == Port.c.id)
        .join(Subnet.table, Subnet.c.id == FixedIp.c.subnet_id)
        .where(Port.c.device_owner.in_(owners), *where)
        .distinct()
    )
    await touch(work, Kind.ROUTER, *(row[0] for row in await work.db.rows(statement)))
