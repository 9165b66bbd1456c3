"""Logs: what of security groups hosts write down."""

from typing import Any

import msgspec
import sqlalchemy

from cumulo.core.work import Work
from cumulo.services.network.domain.changes import change, touch
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors.extras import (
    InvalidLogResourceType,
    InvalidResourceConstraint,
    ResourceNotFound,
    TargetResourceNotFound,
)
from cumulo.services.network.model import Log, Port, PortSecurityGroup, SecurityGroup

KIND = "security_group"


async def create(work: Work, project_id: str, values: dict[str, Any]) -> Log:
    """Have hosts write down what a group lets pass, drops, or both; for one port where it is named."""
    row = Log(project_id=project_id, **values)
    if row.resource_type != KIND:
        raise InvalidLogResourceType(kind=row.resource_type, field="resource_type")
    if row.resource_id is not None and await work.db.get(SecurityGroup, row.resource_id) is None:
        raise ResourceNotFound(id=row.resource_id)
    if row.target_id is not None and await work.db.get(Port, row.target_id) is None:
        raise TargetResourceNotFound(id=row.target_id)
    member = PortSecurityGroup.c
    pair = (member.port_id == row.target_id, member.security_group_id == row.resource_id)
    if row.resource_id and row.target_id and not await work.db.exists(PortSecurityGroup, *pair):
        raise InvalidResourceConstraint(target_id=row.target_id, resource_id=row.resource_id)
    await work.db.insert(row)
    await _follow(work, row)
    return row


async def update(work: Work, row: Log, values: dict[str, Any]) -> Log:
    """Rename or describe a log, or switch it on or off."""
    await change(work.db, row, values)
    await _follow(work, row)
    return row


async def delete(work: Work, row: Log) -> None:
    """Write down no longer."""
    await work.db.delete(Log, Log.c.id == row.id)
    await _follow(work, row)


async def _follow(work: Work, row: Log) -> None:
    """Have the groups realised again that a log is of."""
    if row.resource_id is not None:
        await touch(work, Kind.SECURITY_GROUP, row.resource_id)
        return
    if row.target_id is not None:
        of_it = sqlalchemy.select(PortSecurityGroup.c.security_group_id)
        found = of_it.where(PortSecurityGroup.c.port_id == row.target_id)
    else:
        found = sqlalchemy.select(SecurityGroup.c.id).where(SecurityGroup.c.project_id == row.project_id)
    await touch(work, Kind.SECURITY_GROUP, *(one[0] for one in await work.db.rows(found)))


async def port_moves(work: Work, port_id: str, *, gone: bool = False) -> None:
    """Have a port's groups realised again where a log is of that port: before it moves, and after.

    gone: the port is about to be deleted, and its logs with it.
    """
    for row in await work.db.all(Log, Log.c.target_id == port_id):
        await _follow(work, msgspec.structs.replace(row, resource_id=None))
        if gone:
            await work.db.delete(Log, Log.c.id == row.id)


async def forget_group(work: Work, group_id: str) -> None:
    """Delete the logs of a group that is deleted."""
    await work.db.delete(Log, Log.c.resource_id == group_id)
