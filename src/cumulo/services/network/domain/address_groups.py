"""Address groups: CIDRs that rules of security groups name together."""

import ipaddress
from collections.abc import Iterable
from typing import Any

from cumulo.core.work import Work
from cumulo.services.network.domain import sharing
from cumulo.services.network.domain.changes import change, touch
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors import (
    AddressesAlreadyExist,
    AddressesNotFound,
    AddressGroupInUse,
    InvalidInput,
)
from cumulo.services.network.model import AddressGroup, DefaultRule, SecurityGroupRule
from cumulo.services.network.prefixes import unscoped


async def create(work: Work, project_id: str, values: dict[str, Any]) -> AddressGroup:
    """Create an address group."""
    values["addresses"] = _read(values.get("addresses", ()))
    group = AddressGroup(project_id=project_id, **values)
    await work.db.insert(group)
    await touch(work, Kind.ADDRESS_GROUP, group.id)
    return group


def _read(addresses: Iterable[str], *, bare: bool = False) -> list[str]:
    """Return CIDRs in their shortest form, each once; `bare`: and addresses without a length."""
    found: dict[str, None] = {}
    for text in addresses:
        try:
            net = ipaddress.ip_network(unscoped(text), strict=False) if bare or "/" in text else None
        except ValueError:
            net = None
        if net is None:
            reason = f"'{text}' is no CIDR"
            raise InvalidInput(reason=reason, field="addresses")
        found[str(net)] = None
    return list(found)


async def add(work: Work, group: AddressGroup, addresses: Iterable[str]) -> AddressGroup:
    """Add addresses; AddressesAlreadyExist names those that it has."""
    wanted = _read(addresses)
    held = [address for address in wanted if address in group.addresses]
    if held:
        raise AddressesAlreadyExist(id=group.id, addresses=", ".join(held))
    return await _hold(work, group, [*group.addresses, *wanted])


async def remove(work: Work, group: AddressGroup, addresses: Iterable[str]) -> AddressGroup:
    """Take addresses away; AddressesNotFound names those that it has not."""
    gone = _read(addresses, bare=True)
    missing = [address for address in gone if address not in group.addresses]
    if missing:
        raise AddressesNotFound(id=group.id, addresses=", ".join(missing))
    return await _hold(work, group, [address for address in group.addresses if address not in gone])


async def _hold(work: Work, group: AddressGroup, addresses: list[str]) -> AddressGroup:
    await change(work.db, group, {"addresses": addresses})
    await touch(work, Kind.ADDRESS_GROUP, group.id)
    return group


async def delete(work: Work, group: AddressGroup) -> None:
    """Delete an address group that no rule names."""
    for model in (SecurityGroupRule, DefaultRule):
        if await work.db.exists(model, model.c.remote_address_group_id == group.id):
            raise AddressGroupInUse(id=group.id)
    await sharing.forget(work, group.id)
    await work.db.delete(AddressGroup, AddressGroup.c.id == group.id)
    await touch(work, Kind.ADDRESS_GROUP, group.id)
