"""What QoS policies mean for what follows them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cumulo.core.db import Reader
from cumulo.services.network.drivers.specs import QosSpec
from cumulo.services.network.model import QosRule


async def rules_of(db: Reader, policy_ids: Collection[str | None]) -> Mapping[str | None, list[QosRule]]:
    """Return the rules of policies, by policy; of None there are none."""
    found: dict[str | None, list[QosRule]] = defaultdict(list)
    wanted = sorted(id_ for id_ in set(policy_ids) if id_ is not None)
    where = QosRule.c.policy_id.in_(wanted)
    for rule in await db.all(QosRule, where, order_by=[QosRule.c.id]) if wanted else []:
        found[rule.policy_id].append(rule)
    return found


def specs(rules: Sequence[QosRule], limits: Mapping[str, Any] | None = None) -> tuple[QosSpec, ...]:
    """Return what holds for each direction: the lesser of what rules and `limits` allow, and marks."""
    found = []
    mark = next((r.dscp_mark for r in rules if r.kind == "dscp_marking"), None)
    for direction in ("egress", "ingress"):
        allowed = [
            (rule.max_kbps, rule.max_burst_kbps or None)
            for rule in rules
            if rule.kind == "bandwidth_limit" and rule.direction == direction and rule.max_kbps is not None
        ][:1]
        if own := (limits or {}).get(direction):
            allowed.append((own["rate"], own["burst"]))
        rate, burst = min(allowed, key=lambda each: each[0]) if allowed else (None, None)
        dscp = mark if direction == "egress" else None
        if rate is not None or dscp is not None:
            found.append(QosSpec(ingress=direction == "ingress", rate=rate, burst=burst, dscp=dscp))
    return tuple(found)


def minimum(rules: Sequence[QosRule]) -> int | None:
    """Return what is promised to what is sent."""
    promised = (r.min_kbps for r in rules if r.kind == "minimum_bandwidth" and r.direction == "egress")
    return next(promised, None)
