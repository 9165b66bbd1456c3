"""What networks consist of at layer 2: their segments, and the ranges that VLANs are taken from."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy

from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.network.domain.changes import change, touch
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors import InvalidInput
from cumulo.services.network.errors.segments import (
    FlatNetworkInUse,
    NetworkSegmentRangeOverlaps,
    NetworkSegmentRangeReferencedByProject,
    NoNetworkAvailable,
    SegmentInUse,
    SegmentsContainDuplicateEntry,
    VlanIdInUse,
)
from cumulo.services.network.model import Network, Segment, SegmentRange, Subnet

Values = dict[str, Any]
PHYSICAL = ("flat", "vlan")
TYPES = (*PHYSICAL, "geneve", "local")
_VLANS = range(1, 4095)
_PROVIDER = {
    "network_type": "provider_type",
    "physical_network": "physical_network",
    "segmentation_id": "segmentation_id",
}


async def complete(work: Work, project_id: str, values: Values, *, besides: str | None = None) -> Values:
    """Return a new segment's values checked; a VLAN that is not named is taken from a range.

    Raises InvalidInput, VlanIdInUse, FlatNetworkInUse, NoNetworkAvailable.
    """
    kind, physical = values.get("network_type") or "geneve", values.get("physical_network")
    vlan = values.get("segmentation_id")
    if kind not in TYPES:
        raise InvalidInput(reason=f"network type '{kind}' is not supported")
    if (kind not in PHYSICAL and physical is not None) or (kind == "flat" and physical is None):
        raise InvalidInput(reason=f"a network of type {kind} and its physical network do not agree")
    if kind == "flat" and vlan is not None:
        raise InvalidInput(reason="a flat network has no segmentation id")
    if kind == "vlan":
        if vlan is None:
            physical, vlan = await _free_vlan(work, project_id, physical)
        if physical is None:
            raise InvalidInput(reason="a VLAN needs a physical network")
        if vlan not in _VLANS:
            raise InvalidInput(reason=f"VLAN {vlan} is not within {_VLANS[0]} to {_VLANS[-1]}")
    if kind in PHYSICAL:
        await _refuse_taken(work, physical, vlan, besides)
    return {"network_type": kind, "physical_network": physical, "segmentation_id": vlan}


async def _refuse_taken(work: Work, physical: str | None, vlan: int | None, besides: str | None) -> None:
    await work.db.lock(f"network.physical:{physical}")
    taken = Segment.c
    where = (taken.physical_network == physical, taken.network_type.in_(PHYSICAL))
    held = await work.db.one(Segment, *where, taken.segmentation_id.is_not_distinct_from(vlan))
    if held is not None and held.network_id != besides:
        if vlan is None:
            raise FlatNetworkInUse(physical=physical, id=held.network_id)
        raise VlanIdInUse(vlan=vlan, physical=physical, id=held.network_id)


async def _free_vlan(work: Work, project_id: str, physical: str | None) -> tuple[str, int]:
    """Return a VLAN that nothing has, of the project's own ranges first."""
    mine = SegmentRange.c
    where = [mine.shared | (mine.project_id == project_id)]
    where += [] if physical is None else [mine.physical_network == physical]
    for row in await work.db.all(SegmentRange, *where, order_by=[mine.shared, mine.created_at]):
        await work.db.lock(f"network.physical:{row.physical_network}")
        held = await used(work.db, row)
        free = next((n for n in range(row.minimum, row.maximum + 1) if str(n) not in held), None)
        if free is not None:
            return row.physical_network, free
    raise NoNetworkAvailable(physical=physical or "any physical network", project_id=project_id)


async def found(work: Work, network: Network, parts: Sequence[Values]) -> None:
    """Give a new network its segments, of which its own columns say the first."""
    for number, part in enumerate(parts):
        await work.db.insert(
            Segment(project_id=network.project_id, network_id=network.id, position=number, **part)
        )


async def several(work: Work, project_id: str, given: Sequence[Values]) -> list[Values]:
    """Return the segments of a new network checked."""
    parts: list[Values] = []
    for values in given:
        part = await complete(work, project_id, values)
        if part["network_type"] in PHYSICAL and part in parts:
            raise SegmentsContainDuplicateEntry
        parts.append(part)
    if not parts:
        raise InvalidInput(reason="a network has at least one segment")
    return parts


def first(part: Values) -> Values:
    """Return a segment's values as a network's own columns."""
    return {_PROVIDER[name]: value for name, value in part.items()}


async def of_networks(db: Reader, network_ids: Sequence[str]) -> dict[str, list[Segment]]:
    """Return the segments of networks, by network."""
    order = [Segment.c.position, Segment.c.id]
    rows = await db.all(Segment, Segment.c.network_id.in_(list(network_ids)), order_by=order)
    result: dict[str, list[Segment]] = {id_: [] for id_ in network_ids}
    for row in rows:
        result[row.network_id].append(row)
    return result


async def create(work: Work, network: Network, values: Values) -> Segment:
    """Add a segment to a network."""
    part = await complete(work, network.project_id, values)
    there = (await of_networks(work.db, [network.id]))[network.id]
    row = Segment(
        project_id=network.project_id,
        network_id=network.id,
        name=values.get("name"),
        description=values.get("description") or "",
        position=max((one.position for one in there), default=-1) + 1,
        **part,
    )
    await work.db.insert(row)
    await touch(work, Kind.NETWORK, network.id)
    return row


async def delete(work: Work, row: Segment) -> None:
    """Take a segment from its network: not its only one, nor one that a subnet is on."""
    if await work.db.exists(Subnet, Subnet.c.segment_id == row.id):
        raise SegmentInUse(id=row.id, reason="a subnet is on it")
    rest = [o for o in (await of_networks(work.db, [row.network_id]))[row.network_id] if o.id != row.id]
    if not rest:
        raise SegmentInUse(id=row.id, reason="its network has no other")
    await work.db.delete(Segment, Segment.c.id == row.id)
    network = await work.db.get(Network, row.network_id)
    if network is not None and row.position < rest[0].position:
        part = {name: getattr(rest[0], name) for name in _PROVIDER}
        await change(work.db, network, first(part))
    await touch(work, Kind.NETWORK, row.network_id)


async def used(db: Reader, row: SegmentRange) -> dict[str, str]:
    """Return the VLANs of a range that networks have, each with the project."""
    taken = Segment.c
    inside = taken.segmentation_id.between(row.minimum, row.maximum)
    here = (taken.network_type == row.network_type, taken.physical_network == row.physical_network)
    statement = sqlalchemy.select(taken.segmentation_id, taken.project_id).where(*here, inside)
    return {str(number): project for number, project in await db.rows(statement)}


async def create_range(work: Work, values: Values, project_id: str) -> SegmentRange:
    """Set VLANs of a physical network aside for those networks that name none."""
    row = SegmentRange(project_id="" if values.get("shared", True) else project_id, **values)
    await _check_range(work, row)
    await work.db.insert(row)
    return row


async def update_range(work: Work, row: SegmentRange, values: Values) -> SegmentRange:
    """Rename a range, or move its ends; networks keep their VLANs."""
    trial = SegmentRange(**{name: getattr(row, name) for name in SegmentRange.__struct_fields__})
    for name, value in values.items():
        setattr(trial, name, value)
    await _check_range(work, trial)
    left = {n for n in await used(work.db, row) if not trial.minimum <= int(n) <= trial.maximum}
    if left:
        raise NetworkSegmentRangeReferencedByProject(id=row.id, used=", ".join(sorted(left)))
    return await change(work.db, row, values)


async def _check_range(work: Work, row: SegmentRange) -> None:
    if row.network_type != "vlan":
        reason = f"OVN chooses the tunnel keys of {row.network_type} networks by itself"
        raise InvalidInput(reason=reason, field="network_type")
    if not row.physical_network:
        raise InvalidInput(reason="a range of VLANs is of a physical network", field="physical_network")
    if not (row.minimum in _VLANS and row.maximum in _VLANS and row.minimum <= row.maximum):
        raise InvalidInput(reason=f"{row.minimum} to {row.maximum} is no range of VLANs", field="minimum")
    other = SegmentRange.c
    same = (other.physical_network == row.physical_network, other.network_type == row.network_type)
    apart = (other.minimum <= row.maximum, other.maximum >= row.minimum, other.id != row.id)
    overlapping = await work.db.one(SegmentRange, *same, *apart)
    if overlapping is not None:
        raise NetworkSegmentRangeOverlaps(id=overlapping.id)


async def delete_range(work: Work, row: SegmentRange) -> None:
    """Give a range up that no network has a VLAN of."""
    held = await used(work.db, row)
    if held:
        raise NetworkSegmentRangeReferencedByProject(id=row.id, used=", ".join(held))
    await work.db.delete(SegmentRange, SegmentRange.c.id == row.id)
