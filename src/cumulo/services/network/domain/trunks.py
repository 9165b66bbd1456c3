"""Trunks: a guest's card that carries other ports' traffic by VLAN tag."""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy

from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.network.domain.changes import change, touch
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors import (
    BadRequest,
    DuplicateSubPort,
    ParentPortInUse,
    PortInUseAsSubPort,
    PortInUseAsTrunkParent,
    SubPortNotFound,
    TrunkDisabled,
    TrunkInUse,
)
from cumulo.services.network.model import Network, Port, Subport, Trunk

OWNER = "trunk:subport"
_TAGS = range(1, 4095)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A subport as asked for. `tag` None: the VLAN of the port's own network (`inherit`)."""

    port: Port
    tag: int | None


async def create(
    work: Work, project_id: str, parent: Port, subports: Sequence[Wanted], values: dict[str, Any]
) -> Trunk:
    """Make a port a trunk."""
    await refuse_use(work.db, parent)
    if parent.device_owner and not parent.device_owner.startswith("compute:"):
        raise ParentPortInUse(port_id=parent.id, part="parent")
    trunk = Trunk(project_id=project_id, port_id=parent.id, **values)
    await work.db.insert(trunk)
    await _add(work, trunk, parent, subports)
    return trunk


async def refuse_use(db: Reader, port: Port) -> None:
    """Refuse a port that is part of a trunk."""
    trunk = await db.one(Trunk, Trunk.c.port_id == port.id)
    if trunk is not None:
        raise PortInUseAsTrunkParent(port_id=port.id, trunk_id=trunk.id)
    subport = await db.get(Subport, port.id)
    if subport is not None:
        raise PortInUseAsSubPort(port_id=port.id, trunk_id=subport.trunk_id)


async def update(work: Work, trunk: Trunk, values: dict[str, Any]) -> Trunk:
    """Change a trunk; one that is down carries nothing for its subports."""
    moved = values.get("admin_state_up", trunk.admin_state_up) != trunk.admin_state_up
    await change(work.db, trunk, values)
    if moved:
        await touch(work, Kind.PORT, *(row.port_id for row in await _subports(work.db, trunk)))
    return trunk


async def _subports(db: Reader, trunk: Trunk) -> list[Subport]:
    return await db.all(Subport, Subport.c.trunk_id == trunk.id)


async def add(work: Work, trunk: Trunk, subports: Sequence[Wanted]) -> Trunk:
    """Carry more ports."""
    _refuse_down(trunk)
    parent = await work.db.get(Port, trunk.port_id)
    if parent is not None:
        await _add(work, trunk, parent, subports)
    return await change(work.db, trunk, {}, always=True)


def _refuse_down(trunk: Trunk) -> None:
    if not trunk.admin_state_up:
        raise TrunkDisabled(trunk_id=trunk.id)


async def _add(work: Work, trunk: Trunk, parent: Port, subports: Sequence[Wanted]) -> None:
    for wanted in subports:
        port, tag = wanted.port, await _tag(work.db, wanted)
        await refuse_use(work.db, port)
        if port.device_id or port.id == parent.id:
            raise ParentPortInUse(port_id=port.id, part="subport")
        if await work.db.exists(Subport, Subport.c.trunk_id == trunk.id, Subport.c.segmentation_id == tag):
            raise DuplicateSubPort(trunk_id=trunk.id, segmentation_type="vlan", segmentation_id=tag)
        await work.db.insert(Subport(port_id=port.id, trunk_id=trunk.id, segmentation_id=tag))
        values = {"device_id": trunk.id, "device_owner": OWNER, "host": parent.host}
        await change(work.db, port, values)
        await touch(work, Kind.PORT, port.id)


async def _tag(db: Reader, wanted: Wanted) -> int:
    tag = wanted.tag
    if tag is None:
        network = await db.get(Network, wanted.port.network_id)
        tag = network.segmentation_id if network is not None and network.provider_type == "vlan" else None
    if tag not in _TAGS:
        reason = f"segmentation_id {tag} of port {wanted.port.id} is no VLAN tag (1 to 4094)"
        raise BadRequest(resource="trunk", reason=reason)
    return int(tag or 0)


async def remove(work: Work, trunk: Trunk, port_ids: Sequence[str]) -> Trunk:
    """Carry these ports no longer."""
    _refuse_down(trunk)
    held = {row.port_id for row in await _subports(work.db, trunk)}
    for port_id in port_ids:
        if port_id not in held:
            raise SubPortNotFound(trunk_id=trunk.id, port_id=port_id)
    await _let_go(work, port_ids)
    return await change(work.db, trunk, {}, always=True)


async def _let_go(work: Work, port_ids: Sequence[str]) -> None:
    await work.db.delete(Subport, Subport.c.port_id.in_(list(port_ids)))
    for port in await work.db.all(Port, Port.c.id.in_(list(port_ids))):
        await change(work.db, port, {"device_id": "", "device_owner": "", "host": ""})
    await touch(work, Kind.PORT, *port_ids)


async def delete(work: Work, trunk: Trunk, *, always: bool = False) -> None:
    """Make a trunk's port an ordinary one again, unless it is down or a server has it (or `always`)."""
    if not always:
        _refuse_down(trunk)
    parent = await work.db.get(Port, trunk.port_id)
    subports = await _subports(work.db, trunk)
    if not always and parent is not None and parent.device_id and subports:
        raise TrunkInUse(id=trunk.id)
    await _let_go(work, [row.port_id for row in subports])
    await work.db.delete(Trunk, Trunk.c.id == trunk.id)


async def drop_port(work: Work, port: Port) -> None:
    """Take a port that is deleted out of whatever trunk it is part of."""
    await work.db.delete(Subport, Subport.c.port_id == port.id)
    trunk = await work.db.one(Trunk, Trunk.c.port_id == port.id)
    if trunk is not None:
        await delete(work, trunk, always=True)


async def follow_parent(work: Work, parent: Port) -> None:
    """Have subports be where their trunk's port is."""
    mine = sqlalchemy.select(Trunk.c.id).where(Trunk.c.port_id == parent.id)
    carried = sqlalchemy.select(Subport.c.port_id).where(Subport.c.trunk_id.in_(mine))
    rows = await work.db.all(Port, Port.c.id.in_(carried), Port.c.host != parent.host)
    for port in rows:
        await change(work.db, port, {"host": parent.host})
    await touch(work, Kind.PORT, *(port.id for port in rows))
