"""The rules that new security groups begin with: a template that administrators change."""

from collections.abc import Sequence
from typing import Any

from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.network.domain import rules
from cumulo.services.network.errors.security import DefaultSecurityGroupRuleExists
from cumulo.services.network.model import DefaultRule, DefaultStatefulness, SecurityGroup, SecurityGroupRule

PARENT = "PARENT"
_COPIED = (
    "direction",
    "ethertype",
    "protocol",
    "port_range_min",
    "port_range_max",
    "remote_ip_prefix",
    "remote_address_group_id",
    "description",
)
# Every group lets all out; a project's default group lets its own members in.
_SHIPPED: dict[str, dict[str, Any]] = {
    "00000000-0000-4000-8000-000000000001": {"direction": "egress", "ethertype": "IPv4"},
    "00000000-0000-4000-8000-000000000002": {"direction": "egress", "ethertype": "IPv6"},
    "00000000-0000-4000-8000-000000000003": {"direction": "ingress", "ethertype": "IPv4"},
    "00000000-0000-4000-8000-000000000004": {"direction": "ingress", "ethertype": "IPv6"},
}


async def ensure(work: Work) -> list[DefaultRule]:
    """Return the template, with what we ship written down at its first use."""
    found = await work.db.all(DefaultRule)
    if len(_SHIPPED.keys() & {row.id for row in found}) < len(_SHIPPED):
        await work.db.lock("network.default_rules")
        found = await work.db.all(DefaultRule)
        known = {row.id for row in found}
        missing = [_shipped(id_) for id_ in _SHIPPED if id_ not in known]
        await work.db.insert_all(missing)
        found += missing
    return [row for row in found if not row.removed]


def _shipped(id_: str) -> DefaultRule:
    values = _SHIPPED[id_]
    inward = values["direction"] == "ingress"
    return DefaultRule(
        id=id_,
        description=f"Legacy default SG rule for {values['direction']} traffic",
        remote_group_id=PARENT if inward else None,
        used_in_default_sg=True,
        used_in_non_default_sg=not inward,
        **values,
    )


async def rules_of(work: Work, group: SecurityGroup) -> Sequence[SecurityGroupRule]:
    """Return the rules with which a group begins."""
    return [
        SecurityGroupRule(
            project_id=group.project_id,
            security_group_id=group.id,
            remote_group_id=group.id if row.remote_group_id == PARENT else row.remote_group_id,
            **{name: getattr(row, name) for name in _COPIED},
        )
        for row in await ensure(work)
        if (row.used_in_default_sg if group.is_default else row.used_in_non_default_sg)
    ]


async def number(work: Work) -> int:
    """Return with how many rules a group begins that is no project's default."""
    return len([row for row in await ensure(work) if row.used_in_non_default_sg])


async def statefulness(db: Reader, project_id: str) -> bool:
    """Return whether a project's new groups are stateful that do not say: by its default, or everyone's."""
    rows = await db.all(DefaultStatefulness, DefaultStatefulness.c.project_id.in_((project_id, "")))
    said = {row.project_id: row.stateful for row in rows}
    return said.get(project_id, said.get("", True))


async def create(work: Work, values: dict[str, Any]) -> DefaultRule:
    """Add a rule to the template, once for each kind of group; groups that are there keep theirs."""
    row = DefaultRule(**values)
    rules.check(row)
    for other in await ensure(work):
        both = (row.used_in_default_sg and other.used_in_default_sg) or (
            row.used_in_non_default_sg and other.used_in_non_default_sg
        )
        if both and _whole(row) == _whole(other):
            raise DefaultSecurityGroupRuleExists(rule_id=other.id)
    await work.db.insert(row)
    return row


def _whole(row: DefaultRule) -> tuple[Any, ...]:
    return row.direction, row.ethertype, *rules.meaning(row)


async def delete(work: Work, row: DefaultRule) -> None:
    """Take a rule out of the template."""
    if row.id in _SHIPPED:
        await work.db.update(DefaultRule, DefaultRule.c.id == row.id, removed=True)
    else:
        await work.db.delete(DefaultRule, DefaultRule.c.id == row.id)
