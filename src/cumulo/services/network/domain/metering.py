"""Metering labels: what of routers' traffic is counted."""

import ipaddress
from typing import Any

import sqlalchemy

from cumulo.core.work import Work
from cumulo.services.network.domain.changes import touch
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors import InvalidInput
from cumulo.services.network.errors.metering import MeteringLabelNotFound, MeteringLabelRuleOverlaps
from cumulo.services.network.model import MeteringLabel, MeteringRule, Router
from cumulo.services.network.prefixes import unscoped

DIRECTIONS = ("ingress", "egress")


async def create(work: Work, project_id: str, values: dict[str, Any]) -> MeteringLabel:
    """Make a label that counts nothing yet."""
    row = MeteringLabel(project_id=project_id, **values)
    await work.db.insert(row)
    return row


async def delete(work: Work, row: MeteringLabel) -> None:
    """Count no longer."""
    await work.db.delete(MeteringLabel, MeteringLabel.c.id == row.id)
    await _follow(work, row)


async def create_rule(work: Work, label_id: str, values: dict[str, Any]) -> MeteringRule:
    """Have a label count, or not count, the traffic with a prefix outside."""
    label = await work.db.get(MeteringLabel, label_id)
    if label is None:
        raise MeteringLabelNotFound(id=label_id)
    try:
        net = ipaddress.ip_network(unscoped(values["remote_ip_prefix"]), strict=False)
    except ValueError:
        reason = f"'{values['remote_ip_prefix']}' is not a valid CIDR"
        raise InvalidInput(reason=reason, field="remote_ip_prefix") from None
    row = MeteringRule(
        label_id=label.id, project_id=label.project_id, **values | {"remote_ip_prefix": str(net)}
    )
    mine = MeteringRule.c
    same = (mine.label_id == label.id, mine.direction == row.direction, mine.excluded.is_(row.excluded))
    for other in await work.db.all(MeteringRule, *same):
        theirs = ipaddress.ip_network(other.remote_ip_prefix)
        if theirs.version == net.version and theirs.overlaps(net):
            raise MeteringLabelRuleOverlaps(prefix=str(net), id=other.id)
    await work.db.insert(row)
    await _follow(work, label)
    return row


async def delete_rule(work: Work, row: MeteringRule) -> None:
    """Take a rule from its label."""
    await work.db.delete(MeteringRule, MeteringRule.c.id == row.id)
    label = await work.db.get(MeteringLabel, row.label_id)
    if label is not None:
        await _follow(work, label)


async def _follow(work: Work, label: MeteringLabel) -> None:
    """Have the routers realised again whose traffic a label counts."""
    whose = () if label.shared else (Router.c.project_id == label.project_id,)
    rows = await work.db.rows(
        sqlalchemy.select(Router.c.id).where(Router.c.gateway_network_id.is_not(None), *whose)
    )
    await touch(work, Kind.ROUTER, *(row[0] for row in rows))
