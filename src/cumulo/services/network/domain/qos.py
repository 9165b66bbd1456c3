"""QoS policies: what they say, and which ports and floating IPs follow them."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy

from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.network.demands import KINDS, RATE
from cumulo.services.network.domain import promises, sharing
from cumulo.services.network.domain.changes import change, revise, touch
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors import (
    BadRequest,
    QoSPolicyDefaultAlreadyExists,
    QosPolicyInUse,
    QosPolicyNotFound,
    QoSRulesConflict,
)
from cumulo.services.network.model import FloatingIp, Network, Port, QosPolicy, QosRule, Router

LIMIT, MARK = "bandwidth_limit", "dscp_marking"
DIRECTIONS = ("ingress", "egress")
EITHER = "any"  # a packet rate that both directions share
DSCP = frozenset({0, *range(8, 41, 2), 46, 48, 56})
"""The marks that RFC 2474 and its kin give a meaning."""

_MOST_KBPS = 2**31 - 1
_USERS = (("network", Network), ("port", Port), ("floating IP", FloatingIp), ("router", Router))


async def find(db: Reader, policy_id: str, *, project_id: str | None, is_admin: bool = False) -> QosPolicy:
    """Return a policy that the project may use; else QosPolicyNotFound."""
    return await sharing.find(
        db, QosPolicy, policy_id, QosPolicyNotFound, project_id=project_id, is_admin=is_admin
    )


async def create(work: Work, project_id: str, values: dict[str, Any]) -> QosPolicy:
    """Create a policy without rules."""
    shared = values.pop("shared", False)
    policy = QosPolicy(project_id=project_id, **values)
    await _refuse_second_default(work.db, policy)
    await work.db.insert(policy)
    if shared:
        await sharing.share(work, policy, wanted=True)
    return policy


async def update(work: Work, policy: QosPolicy, values: dict[str, Any]) -> QosPolicy:
    """Rename, describe, share a policy, or make it the project's default."""
    reshared = "shared" in values and await sharing.share(work, policy, wanted=values.pop("shared"))
    if values.get("is_default") and not policy.is_default:
        policy.is_default = True
        await _refuse_second_default(work.db, policy)
        policy.is_default = False
    return await change(work.db, policy, values, always=reshared)


async def _refuse_second_default(db: Reader, policy: QosPolicy) -> None:
    mine = (QosPolicy.c.project_id == policy.project_id, QosPolicy.c.is_default)
    held = await db.one(QosPolicy, *mine, QosPolicy.c.id != policy.id) if policy.is_default else None
    if held is not None:
        raise QoSPolicyDefaultAlreadyExists(project_id=policy.project_id, id=held.id)


async def delete(work: Work, policy: QosPolicy) -> None:
    """Delete a policy that nothing follows."""
    for kind, model in _USERS:
        columns: Any = model
        user = await work.db.one(columns, columns.c.qos_policy_id == policy.id)
        if user is not None:
            raise QosPolicyInUse(id=policy.id, kind=kind, user=user.id)
    await sharing.forget(work, policy.id)
    await work.db.delete(QosPolicy, QosPolicy.c.id == policy.id)


async def default_of(db: Reader, project_id: str) -> str | None:
    """Return the policy for a project's new networks."""
    policy = await db.one(QosPolicy, QosPolicy.c.project_id == project_id, QosPolicy.c.is_default)
    return None if policy is None else policy.id


async def create_rule(work: Work, policy: QosPolicy, kind: str, values: dict[str, Any]) -> QosRule:
    """Add a rule to a policy; what follows it does so at once."""
    rule = QosRule(policy_id=policy.id, kind=kind, **values)
    await _check(work.db, rule)
    await work.db.insert(rule)
    await _changed(work, rule)
    return rule


async def update_rule(work: Work, rule: QosRule, values: dict[str, Any]) -> QosRule:
    """Change a rule's numbers or direction."""
    for name, value in values.items():
        setattr(rule, name, value)
    await _check(work.db, rule)
    if values:
        await work.db.save(rule, *values)
        await _changed(work, rule)
    return rule


async def delete_rule(work: Work, rule: QosRule) -> None:
    """Take a rule out of its policy."""
    await work.db.delete(QosRule, QosRule.c.id == rule.id)
    await _changed(work, rule)


async def _check(db: Reader, rule: QosRule) -> None:
    known = (*DIRECTIONS, EITHER) if rule.kind == RATE else DIRECTIONS
    if rule.kind != MARK and rule.direction not in known:
        raise _bad(rule, f"direction '{rule.direction}' is none of {', '.join(known)}")
    if rule.kind == MARK and rule.dscp_mark not in DSCP:
        raise _bad(rule, f"dscp_mark {rule.dscp_mark} is none of {', '.join(map(str, sorted(DSCP)))}")
    for name in ("max_kbps", "max_burst_kbps", "min_kbps", "min_kpps"):
        if not 0 <= (getattr(rule, name) or 0) <= _MOST_KBPS:
            raise _bad(rule, f"{name} {getattr(rule, name)} is not within 0 to {_MOST_KBPS}")
    same = QosRule.c
    for other in await db.all(QosRule, same.policy_id == rule.policy_id, same.id != rule.id):
        shared = rule.kind == other.kind == RATE and EITHER in (rule.direction, other.direction)
        if other.direction != rule.direction and not shared:
            continue
        if other.kind == rule.kind:
            raise _conflict(rule, other, "there is one such rule a direction")
        least = (rule.min_kbps or 0) + (other.min_kbps or 0)
        most = [number for number in (rule.max_kbps, other.max_kbps) if number]
        if most and least > min(most):
            raise _conflict(rule, other, "the minimum is more than the maximum")


def _bad(rule: QosRule, reason: str) -> BadRequest:
    return BadRequest(resource=f"{rule.kind}_rule", reason=reason)


def _conflict(rule: QosRule, other: QosRule, reason: str) -> QoSRulesConflict:
    return QoSRulesConflict(rule_type=other.kind, rule_id=other.id, policy_id=rule.policy_id, reason=reason)


async def _changed(work: Work, rule: QosRule) -> None:
    """Note a new revision of a rule's policy, and have all that follows it do so again."""
    policy_id = rule.policy_id
    await revise(work.db, QosPolicy, policy_id)
    networks = await work.db.rows(sqlalchemy.select(Network.c.id).where(Network.c.qos_policy_id == policy_id))
    for row in networks:
        await network_changed(work, row[0], promised=rule.kind in KINDS)
    if rule.kind in KINDS:
        await _keep(work, Port.c.qos_policy_id == policy_id)
    for kind, model in ((Kind.PORT, Port), (Kind.FLOATING_IP, FloatingIp), (Kind.ROUTER, Router)):
        columns: Any = model
        await _touch(work, kind, columns, columns.c.qos_policy_id == policy_id)


async def network_changed(work: Work, network_id: str, *, promised: bool = True) -> None:
    """Have what follows its network's policy do so again: what has no policy of its own.

    `promised`: what it is promised may be another now. QosPlacementAllocationConflict.
    """
    ports = (Port.c.network_id == network_id, Port.c.qos_policy_id.is_(None))
    await _touch(work, Kind.PORT, Port, *ports)
    if promised:
        await _keep(work, *ports)
    floating = FloatingIp.c
    outside = (floating.floating_network_id == network_id, floating.qos_policy_id.is_(None))
    await _touch(work, Kind.FLOATING_IP, FloatingIp, *outside)


async def _keep(work: Work, *where: Any) -> None:
    """Have what is claimed for servers' ports be what they are promised now."""
    await promises.follow(work, await work.db.all(Port, *where, Port.c.host != "", order_by=[Port.c.id]))


async def _touch(work: Work, kind: Kind, model: Any, *where: Any) -> None:
    ids: Sequence[Any] = await work.db.rows(sqlalchemy.select(model.c.id).where(*where))
    await touch(work, kind, *(row[0] for row in ids))
