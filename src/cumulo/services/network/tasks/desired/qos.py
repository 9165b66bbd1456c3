"""What QoS policies mean for what follows them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

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


def specs(rules: Sequence[QosRule]) -> tuple[QosSpec, ...]:
    """Return what rules say of each direction: limits of either, marks of what is sent."""
    found = []
    for direction in ("egress", "ingress"):
        limit = next((r for r in rules if r.kind == "bandwidth_limit" and r.direction == direction), None)
        mark = next((r.dscp_mark for r in rules if r.kind == "dscp_marking"), None)
        rate = limit.max_kbps if limit is not None else None
        dscp = mark if direction == "egress" else None
        if rate is None and dscp is None:
            continue
        burst = limit.max_burst_kbps or None if limit is not None else None
        found.append(QosSpec(ingress=direction == "ingress", rate=rate, burst=burst, dscp=dscp))
    return tuple(found)


def minimum(rules: Sequence[QosRule]) -> int | None:
    """Return what is promised to what is sent."""
    promised = (r.min_kbps for r in rules if r.kind == "minimum_bandwidth" and r.direction == "egress")
    return next(promised, None)
