"""Security groups and address groups."""

from collections import defaultdict
from collections.abc import Sequence

from cumulo.core.db import Reader
from cumulo.services.network.config import NetworkSettings
from cumulo.services.network.drivers.specs import AddressGroupSpec, RuleSpec, SecurityGroupSpec, Spec
from cumulo.services.network.model import AddressGroup, SecurityGroup, SecurityGroupRule
from cumulo.services.network.prefixes import normalized


async def security_groups(db: Reader, settings: NetworkSettings, ids: Sequence[str]) -> list[Spec]:
    """Return security groups with their rules."""
    del settings
    rows = await db.all(SecurityGroup, SecurityGroup.c.id.in_(ids))
    rules: dict[str, list[RuleSpec]] = defaultdict(list)
    where = SecurityGroupRule.c.security_group_id.in_(ids)
    for rule in await db.all(SecurityGroupRule, where, order_by=[SecurityGroupRule.c.id]):
        spec = RuleSpec(
            id=rule.id,
            ingress=rule.direction == "ingress",
            version=4 if rule.ethertype == "IPv4" else 6,
            protocol=rule.protocol,
            first=rule.port_range_min,
            last=rule.port_range_max,
            remote_cidr=normalized(rule.remote_ip_prefix),
            remote_group=rule.remote_group_id,
            remote_addresses=rule.remote_address_group_id,
        )
        rules[rule.security_group_id].append(spec)
    return [
        SecurityGroupSpec(id=row.id, name=row.name, rules=tuple(rules[row.id]), stateful=row.stateful)
        for row in rows
    ]


async def address_groups(db: Reader, settings: NetworkSettings, ids: Sequence[str]) -> list[Spec]:
    """Return address groups."""
    del settings
    rows = await db.all(AddressGroup, AddressGroup.c.id.in_(ids))
    return [AddressGroupSpec(id=row.id, cidrs=tuple(row.addresses)) for row in rows]
