"""Security groups and their rules."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy

from cumulo.core.db import Reader, Transaction
from cumulo.core.work import Work
from cumulo.services.network.domain import default_rules, logs, rules, sharing
from cumulo.services.network.domain.changes import change, revise, touch
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors import (
    SecurityGroupAmbiguous,
    SecurityGroupCannotRemoveDefault,
    SecurityGroupCannotUpdateDefault,
    SecurityGroupDefaultAlreadyExists,
    SecurityGroupInUse,
    SecurityGroupNotFound,
    SecurityGroupRuleExists,
)
from cumulo.services.network.model import PortSecurityGroup, SecurityGroup, SecurityGroupRule

DEFAULT = "default"
#: The groups that a transaction has given rules to, which no savepoint of it undoes by itself.
_TOUCHED: WeakKeyDictionary[Transaction, set[str]] = WeakKeyDictionary()


async def find(db: Reader, group_id: str, *, project_id: str | None, is_admin: bool = False) -> SecurityGroup:
    """Return a security group of the project; else SecurityGroupNotFound."""
    return await sharing.find(
        db, SecurityGroup, group_id, SecurityGroupNotFound, project_id=project_id, is_admin=is_admin
    )


async def resolve(db: Reader, names: Sequence[str], *, project_id: str) -> list[str]:
    """Return the ids of a project's groups, each given by id or name."""
    rows = await db.all(
        SecurityGroup,
        sharing.usable(SecurityGroup, project_id),
        SecurityGroup.c.id.in_(list(names)) | SecurityGroup.c.name.in_(list(names)),
    )
    found = []
    for name in names:
        by_id = [row.id for row in rows if row.id == name]
        named = [row for row in rows if row.name == name]
        own = [row.id for row in named if row.project_id == project_id]
        matching = by_id or own or [row.id for row in named]
        if len(matching) > 1:
            raise SecurityGroupAmbiguous(name=name)
        if not matching:
            raise SecurityGroupNotFound(id=name)
        found += matching
    return list(dict.fromkeys(found))


async def ensure_default(work: Work, project_id: str) -> str:
    """Return the id of the project's default group, made now if this is its first use."""
    found = await work.db.answer(_default_group, project=project_id)
    if not found:
        await work.db.lock(f"network.default_group:{project_id}")
        found = await work.db.answer(_default_group, project=project_id)
    if not found:
        made = {"name": DEFAULT, "description": "Default security group", "is_default": True}
        return (await create(work, project_id, made)).id
    return str(found[0][0])


def _default_group() -> Any:
    """Ask for the id of a project's default group."""
    c = SecurityGroup.c
    mine = c.project_id == sqlalchemy.bindparam("project", type_=c.project_id.type)
    return sqlalchemy.select(c.id).where(mine, c.is_default)


async def create(work: Work, project_id: str, values: dict[str, Any]) -> SecurityGroup:
    """Create a group with the rules that new ones begin with."""
    if values.get("name") == DEFAULT and not values.get("is_default"):
        await ensure_default(work, project_id)
        raise SecurityGroupDefaultAlreadyExists
    values.setdefault("stateful", await default_rules.statefulness(work.db, project_id))
    group = SecurityGroup(project_id=project_id, **values)
    await work.db.insert(group)
    await work.db.insert_all(await default_rules.rules_of(work, group))
    await touch(work, Kind.SECURITY_GROUP, group.id)
    return group


async def update(work: Work, group: SecurityGroup, values: dict[str, Any]) -> SecurityGroup:
    """Rename or describe a group, or make it stateless while no port is in it."""
    if group.is_default and values.get("name", DEFAULT) != DEFAULT:
        raise SecurityGroupCannotUpdateDefault
    if not group.is_default and values.get("name") == DEFAULT:
        raise SecurityGroupDefaultAlreadyExists
    if values.get("stateful", group.stateful) != group.stateful:
        await _refuse_used(work.db, group)
    await change(work.db, group, values)
    await touch(work, Kind.SECURITY_GROUP, group.id)
    return group


async def delete(work: Work, group: SecurityGroup, *, is_admin: bool) -> None:
    """Delete a group that no port is in; rules of others that refer to it go too."""
    if group.is_default and not is_admin:
        raise SecurityGroupCannotRemoveDefault
    await _refuse_used(work.db, group)
    referring = await work.db.all(SecurityGroupRule, SecurityGroupRule.c.remote_group_id == group.id)
    await sharing.forget(work, group.id)
    await logs.forget_group(work, group.id)
    await work.db.delete(SecurityGroup, SecurityGroup.c.id == group.id)
    await touch(work, Kind.SECURITY_GROUP, *{rule.security_group_id for rule in referring})
    await touch(work, Kind.SECURITY_GROUP, group.id)


async def _refuse_used(db: Reader, group: SecurityGroup) -> None:
    if await db.exists(PortSecurityGroup, PortSecurityGroup.c.security_group_id == group.id):
        raise SecurityGroupInUse(id=group.id)


async def create_rule(
    work: Work, group: SecurityGroup, project_id: str, values: dict[str, Any]
) -> SecurityGroupRule:
    """Add a rule to a group."""
    rule = SecurityGroupRule(project_id=project_id, security_group_id=group.id, **values)
    rules.check(rule)
    await revise(work.db, SecurityGroup, group.id)  # first: others that add to the group wait
    same = SecurityGroupRule.c
    others = await work.db.all(
        SecurityGroupRule,
        same.security_group_id == group.id,
        same.direction == rule.direction,
        same.ethertype == rule.ethertype,
        same.port_range_min == rule.port_range_min,  # of thousands, a few
        same.port_range_max == rule.port_range_max,
    )
    for other in others:
        if rules.meaning(other) == rules.meaning(rule):
            raise SecurityGroupRuleExists(rule_id=other.id)
    await work.db.insert(rule)
    touched = _TOUCHED.setdefault(work.db, set())  # once for all rules of a request
    if group.id not in touched:
        await touch(work, Kind.SECURITY_GROUP, group.id)
        touched.add(group.id)
    return rule


async def delete_rule(work: Work, rule: SecurityGroupRule) -> None:
    """Take a rule away; connections that only it allowed end."""
    await revise(work.db, SecurityGroup, rule.security_group_id)
    await work.db.delete(SecurityGroupRule, SecurityGroupRule.c.id == rule.id)
    await touch(work, Kind.SECURITY_GROUP, rule.security_group_id)
