"""What ports ask of placement, as clients see it: `resource_request`."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy

from cumulo.contracts.placement import Demand
from cumulo.core.http import Ctx
from cumulo.services.network import demands, policy
from cumulo.services.network.model import QosRule


async def requests_of(
    ctx: Ctx,
    rows: Sequence[Any],
    policies: Mapping[str, str | None],
    physical: Mapping[str, str | None],
) -> dict[str, Any]:
    """Return the requests of those ports that ask for anything, by port.

    policies, physical: those of the ports' networks. Without a query where no port follows a policy, or the
    caller may not see it.
    """
    if not any(policies.values()) and not any(row.qos_policy_id for row in rows):
        return {}  # at once: most have none
    if not ctx.may(policy.GET_PORT_DEMANDS):
        return {}
    follow = {row.id: demands.policy_of(row, policies.get(row.network_id)) for row in rows}
    ids = {id_ for id_ in follow.values() if id_ is not None}
    c = QosRule.c
    columns = (c.policy_id, c.kind, c.direction, sqlalchemy.func.coalesce(c.min_kbps, c.min_kpps, 0))
    where = (c.policy_id.in_(sorted(ids)), c.kind.in_(demands.KINDS))
    rules: dict[str | None, list[demands.Promise]] = {}
    for policy_id, kind, direction, amount in await ctx.db.rows(sqlalchemy.select(*columns).where(*where)):
        rules.setdefault(policy_id, []).append((kind, direction, amount))
    if not rules:
        return {}
    asked = {
        row.id: demands.asked(
            row.id, row.vnic_type, physical.get(row.network_id), rules.get(follow[row.id], ())
        )
        for row in rows
    }
    return {id_: shown(wanted) for id_, wanted in asked.items() if wanted}


def shown(wanted: Sequence[Demand]) -> dict[str, Any]:
    """Show demands as neutron does: groups of resources and traits, of one part of a host's tree."""
    groups = [{"id": one.id, "required": sorted(one.required), "resources": one.resources} for one in wanted]
    return {"request_groups": groups, "same_subtree": [one.id for one in wanted]}
