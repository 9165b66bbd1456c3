"""Which endpoints a project sees, and which policy counts where."""

from collections.abc import Iterable
from typing import Any

import msgspec

from cumulo.core.db import Reader
from cumulo.core.errors import Invalid
from cumulo.core.work import Work
from cumulo.services.identity.domain.authority import changed
from cumulo.services.identity.errors import (
    EndpointGroupNotFound,
    EndpointNotFound,
    EndpointNotSeen,
    NoPolicyThere,
    PolicyNotFound,
    RegionNotFound,
    ServiceNotFound,
)
from cumulo.services.identity.model import (
    CatalogService,
    Endpoint,
    EndpointGroup,
    Policy,
    PolicyAssociation,
    ProjectEndpoint,
    ProjectEndpointGroup,
    Region,
)

FILTERS = frozenset({"service_id", "region_id", "interface"})


def check_filters(filters: dict[str, Any]) -> dict[str, Any]:
    """Return a group's filters; raise Invalid when one is not known."""
    if not FILTERS.issuperset(filters):
        raise Invalid(f"An endpoint group filters by {', '.join(sorted(FILTERS))}.", field="filters")
    return filters


def fits(endpoint: Endpoint, filters: dict[str, Any]) -> bool:
    """Say whether an endpoint belongs to a group with these filters."""
    return all(getattr(endpoint, name) == value for name, value in filters.items())


async def seen_by_project(db: Reader, endpoints: Iterable[Endpoint]) -> dict[str, frozenset[str]]:
    """Return, for each project that is limited in what it sees, the ids of the endpoints that it does see."""
    found: dict[str, set[str]] = {}
    for row in await db.all(ProjectEndpoint):
        found.setdefault(row.project_id, set()).add(row.endpoint_id)
    links = await db.all(ProjectEndpointGroup)
    groups = {group.id: group.filters for group in await db.all(EndpointGroup)}
    everything = list(endpoints)
    for link in links:
        if link.group_id in groups:  # else it was deleted between the two looks
            inside = {each.id for each in everything if fits(each, groups[link.group_id])}
            found.setdefault(link.project_id, set()).update(inside)
    return {project_id: frozenset(ids) for project_id, ids in found.items()}


async def require_endpoint(db: Reader, id: str) -> Endpoint:
    """Return an endpoint; raise EndpointNotFound."""
    endpoint = await db.get(Endpoint, id)
    if endpoint is None:
        raise EndpointNotFound(id=id)
    return endpoint


async def require_endpoint_group(db: Reader, id: str) -> EndpointGroup:
    """Return an endpoint group; raise EndpointGroupNotFound."""
    group = await db.get(EndpointGroup, id)
    if group is None:
        raise EndpointGroupNotFound(id=id)
    return group


async def save_group(work: Work, group: EndpointGroup, changes: dict[str, Any]) -> EndpointGroup:
    """Write changed columns of an endpoint group."""
    check_filters(changes.get("filters", group.filters))
    for name, value in changes.items():
        setattr(group, name, value)
    if changes:
        await work.db.save(group, *changes)
    await changed(work.db)
    return group


async def show_to(work: Work, link: ProjectEndpoint | ProjectEndpointGroup) -> None:
    """Let a project see an endpoint or a group; nothing changes when it does already."""
    if not await work.db.exists(type(link), *_same(link)):
        await work.db.insert(link)
        await changed(work.db)


async def hide_from(work: Work, link: ProjectEndpoint | ProjectEndpointGroup) -> None:
    """Undo `show_to`; raise EndpointNotSeen."""
    await require_link(work.db, link)
    await work.db.delete(type(link), *_same(link))
    await changed(work.db)


async def require_link(db: Reader, link: ProjectEndpoint | ProjectEndpointGroup) -> None:
    """Raise EndpointNotSeen unless the project sees the endpoint or group."""
    if not await db.exists(type(link), *_same(link)):
        raise EndpointNotSeen(project_id=link.project_id, id=next(iter(_columns(link).values())))


def _columns(link: ProjectEndpoint | ProjectEndpointGroup) -> dict[str, str]:
    values: dict[str, str] = msgspec.structs.asdict(link)
    return {name: values[name] for name in sorted(values)}


def _same(link: ProjectEndpoint | ProjectEndpointGroup) -> list[Any]:
    return [type(link).c[name] == value for name, value in _columns(link).items()]


async def association(
    db: Reader, policy_id: str, endpoint_id: str | None, service_id: str | None, region_id: str | None
) -> PolicyAssociation:
    """Return, not stored, a policy at a place; raise what is missing of the policy and the place."""
    if await db.get(Policy, policy_id) is None:
        raise PolicyNotFound(id=policy_id)
    if endpoint_id is not None:
        await require_endpoint(db, endpoint_id)
    if service_id is not None and await db.get(CatalogService, service_id) is None:
        raise ServiceNotFound(id=service_id)
    if region_id is not None and await db.get(Region, region_id) is None:
        raise RegionNotFound(id=region_id)
    place = f"endpoint {endpoint_id}" if endpoint_id else f"service {service_id} {region_id or ''}".strip()
    return PolicyAssociation(
        place=place, policy_id=policy_id, endpoint_id=endpoint_id, service_id=service_id, region_id=region_id
    )


async def associate(work: Work, row: PolicyAssociation) -> None:
    """Have a policy count at a place, in place of another that did."""
    await work.db.lock(f"identity.policy:{row.place}")
    if not await work.db.update(PolicyAssociation, _at(row), policy_id=row.policy_id):
        await work.db.insert(row)


async def require_association(db: Reader, row: PolicyAssociation) -> None:
    """Raise NoPolicyThere unless this very policy counts at the place."""
    if not await db.exists(PolicyAssociation, _at(row), PolicyAssociation.c.policy_id == row.policy_id):
        raise NoPolicyThere(place=row.place)


async def dissociate(work: Work, row: PolicyAssociation) -> None:
    """Have a policy no longer count at a place; raise NoPolicyThere."""
    await require_association(work.db, row)
    await work.db.delete(PolicyAssociation, _at(row))


def _at(row: PolicyAssociation) -> Any:
    return PolicyAssociation.c.place == row.place


async def policy_for(db: Reader, endpoint: Endpoint) -> Policy:
    """Return the policy at an endpoint; raise NoPolicyThere.

    Else it is the one for its service in its region or in one around it, else the one for its service.
    """
    places = [f"endpoint {endpoint.id}"]
    region_id, seen = endpoint.region_id, set[str]()
    while region_id is not None and region_id not in seen:
        seen.add(region_id)
        places.append(f"service {endpoint.service_id} {region_id}")
        region = await db.get(Region, region_id)
        region_id = region.parent_region_id if region is not None else None
    places.append(f"service {endpoint.service_id}")
    for place in places:
        row = await db.get(PolicyAssociation, place)
        policy = await db.get(Policy, row.policy_id) if row is not None else None
        if policy is not None:
            return policy
    raise NoPolicyThere(place=f"endpoint {endpoint.id}")


async def endpoints_of(db: Reader, policy_id: str) -> list[Endpoint]:
    """Return the endpoints for which a policy counts."""
    found = []
    for endpoint in await db.all(Endpoint, order_by=[Endpoint.c.id]):
        try:
            counts = await policy_for(db, endpoint)
        except NoPolicyThere:
            continue
        if counts.id == policy_id:
            found.append(endpoint)
    return found
