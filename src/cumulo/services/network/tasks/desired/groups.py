"""Security groups and address groups."""

from collections import defaultdict
from collections.abc import Sequence

from cumulo.core.db import Reader
from cumulo.services.network.config import NetworkSettings
from cumulo.services.network.drivers.specs import (
    AddressGroupSpec,
    LogSpec,
    RuleSpec,
    SecurityGroupSpec,
    Spec,
)
from cumulo.services.network.model import (
    AddressGroup,
    Log,
    PortSecurityGroup,
    SecurityGroup,
    SecurityGroupRule,
)
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
    logs = await _logs(db, rows)
    return [
        SecurityGroupSpec(
            id=row.id,
            name=row.name,
            rules=tuple(rules[row.id]),
            stateful=row.stateful,
            logs=tuple(logs[row.id]),
        )
        for row in rows
    ]


async def _logs(db: Reader, groups: Sequence[SecurityGroup]) -> dict[str, list[LogSpec]]:
    """Return what is written down of groups, by group: by their id, a port in them, or their project."""
    found: dict[str, list[LogSpec]] = defaultdict(list)
    rows = await db.all(Log, Log.c.enabled, order_by=[Log.c.created_at, Log.c.id])
    if not rows:
        return found
    targets = [row.target_id for row in rows if row.target_id]
    member = PortSecurityGroup.c
    held = await db.all(PortSecurityGroup, member.port_id.in_(targets)) if targets else []
    inside = {(row.security_group_id, row.port_id) for row in held}
    for group in groups:
        for row in rows:
            if row.resource_id not in (None, group.id):
                continue
            if row.target_id is not None and (group.id, row.target_id) not in inside:
                continue
            if row.resource_id is None and row.target_id is None and row.project_id != group.project_id:
                continue
            spec = LogSpec(
                id=row.id, passed=row.event != "DROP", dropped=row.event != "ACCEPT", port=row.target_id
            )
            found[group.id].append(spec)
    return found


async def address_groups(db: Reader, settings: NetworkSettings, ids: Sequence[str]) -> list[Spec]:
    """Return address groups."""
    del settings
    rows = await db.all(AddressGroup, AddressGroup.c.id.in_(ids))
    return [AddressGroupSpec(id=row.id, cidrs=tuple(row.addresses)) for row in rows]
