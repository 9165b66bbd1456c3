"""The catalog: services, their endpoints, and the regions these are in."""

import contextlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, select

from cumulo.core.auth import Identity
from cumulo.core.db import Reader, Transaction
from cumulo.core.errors import Duplicate
from cumulo.core.work import Work
from cumulo.services.identity.domain.authority import changed, revision
from cumulo.services.identity.domain.filters import seen_by_project
from cumulo.services.identity.errors import (
    AlreadyThere,
    RegionHasChildren,
    RegionNotFound,
    ServiceNotFound,
)
from cumulo.services.identity.model import CatalogService, Endpoint, Limit, Region, RegisteredLimit

_SHOWN = 4096  # catalogs kept as they are shown
_PLACE = re.compile(r"[$%]\((\w+)\)s")


class _Rows(msgspec.Struct, frozen=True):
    """What is enabled of the catalog, and the revision at which it was read."""

    revision: int
    services: list[CatalogService]
    endpoints: dict[str, list[Endpoint]]
    seen: dict[str, frozenset[str]]  # of projects that see only some endpoints: which
    entries: dict[str, msgspec.Raw]  # of services that are the same for everybody, as they are shown
    shown: dict[tuple[str | None, str | None], list[msgspec.Raw]]  # by project and user


class CatalogCache:
    """The rows of the catalog, kept with the revision at which they were read: every token asks for them."""

    def __init__(self) -> None:
        self._rows = _Rows(-1, [], {}, {}, {}, {})

    async def show(self, db: Reader, identity: Identity) -> list[msgspec.Raw]:
        """Return the catalog as a token carries it; an endpoint that needs a project is left out without."""
        rows = await self._current(db)
        whose = (identity.project_id, identity.user_id)
        shown = rows.shown.get(whose)
        if shown is None:
            if len(rows.shown) >= _SHOWN:
                del rows.shown[next(iter(rows.shown))]
            shown = rows.shown[whose] = _written(rows, *whose)
        return shown

    async def _current(self, db: Reader) -> _Rows:
        now = await revision(db)
        if now == self._rows.revision:
            return self._rows
        enabled = CatalogService.c.enabled.is_(True)
        order = [CatalogService.c.type, CatalogService.c.id]
        services = await db.all(CatalogService, enabled, order_by=order)
        endpoints: dict[str, list[Endpoint]] = {}
        for row in await db.all(Endpoint, Endpoint.c.enabled.is_(True), order_by=[Endpoint.c.id]):
            endpoints.setdefault(row.service_id, []).append(row)
        seen = await seen_by_project(db, (each for rows in endpoints.values() for each in rows))
        entries = {}
        for service in services:
            own = endpoints.get(service.id, [])
            if not any("(" in endpoint.url for endpoint in own):
                entries[service.id] = msgspec.Raw(msgspec.json.encode(_service(service, own, {}, None)))
        # At once: others may read while we wait.
        self._rows = _Rows(now, services, endpoints, seen, entries, {})
        return self._rows


def _written(rows: _Rows, project_id: str | None, user_id: str | None) -> list[msgspec.Raw]:
    """Return the services' entries for a user in a project, encoded."""
    known = {"project_id": project_id, "tenant_id": project_id, "user_id": user_id}
    seen = rows.seen.get(project_id) if project_id and rows.seen else None
    kept = rows.entries if seen is None else {}
    return [
        kept.get(service.id)
        or msgspec.Raw(
            msgspec.json.encode(_service(service, rows.endpoints.get(service.id, ()), known, seen))
        )
        for service in rows.services
    ]


def _service(
    service: CatalogService,
    endpoints: Iterable[Endpoint],
    known: dict[str, str | None],
    seen: frozenset[str] | None,
) -> dict[str, Any]:
    return {
        "id": service.id,
        "type": service.type,
        "name": service.name or "",
        "endpoints": list(_filled(endpoints, known, seen)),
    }


def _filled(
    endpoints: Iterable[Endpoint], known: dict[str, str | None], seen: frozenset[str] | None
) -> Iterator[dict[str, Any]]:
    for endpoint in endpoints:
        if seen is not None and endpoint.id not in seen:
            continue
        url = filled(endpoint.url, known)
        if url is not None:
            yield _entry(endpoint, url)


def _entry(endpoint: Endpoint, url: str) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "interface": endpoint.interface,
        "region": endpoint.region_id,
        "region_id": endpoint.region_id,
        "url": url,
    }


def filled(url: str, known: dict[str, str | None]) -> str | None:
    """Fill `$(name)s` in an endpoint's URL; None when a value is missing."""
    if "(" not in url:
        return url
    missing = [name for name in _PLACE.findall(url) if known.get(name) is None]
    return None if missing else _PLACE.sub(lambda match: known[match[1]] or "", url)


async def require_service(db: Reader, id: str) -> CatalogService:
    """Return a service; raise ServiceNotFound."""
    service = await db.get(CatalogService, id)
    if service is None:
        raise ServiceNotFound(id=id)
    return service


async def create_service(work: Work, service: CatalogService) -> CatalogService:
    """Insert a service."""
    await work.db.insert(service)
    await changed(work.db)
    return service


async def update_service(work: Work, service: CatalogService, changes: dict[str, Any]) -> CatalogService:
    """Write changed columns."""
    for name, value in changes.items():
        setattr(service, name, value)
    if changes:
        await work.db.save(service, *changes)
    await changed(work.db)
    return service


async def delete_service(work: Work, service: CatalogService) -> None:
    """Delete a service with its endpoints and limits."""
    await _end_limits(work.db, RegisteredLimit.c.service_id == service.id)
    await work.db.delete(CatalogService, CatalogService.c.id == service.id)
    await changed(work.db)


async def _end_limits(db: Transaction, of: ColumnElement[bool]) -> None:
    """Delete registered limits and what refers to them. Keystone leaves them, limits of nothing, behind."""
    registered = select(RegisteredLimit.c.id).where(of)
    await db.delete(Limit, Limit.c.registered_limit_id.in_(registered))
    await db.delete(RegisteredLimit, of)


async def create_endpoint(work: Work, endpoint: Endpoint) -> Endpoint:
    """Insert an endpoint; a region that does not exist yet is made, as Keystone does."""
    await require_service(work.db, endpoint.service_id)
    await _ensure_region(work, endpoint.region_id)
    await work.db.insert(endpoint)
    await changed(work.db)
    return endpoint


async def update_endpoint(work: Work, endpoint: Endpoint, changes: dict[str, Any]) -> Endpoint:
    """Write changed columns."""
    await require_service(work.db, changes.get("service_id", endpoint.service_id))
    await _ensure_region(work, changes.get("region_id"))
    for name, value in changes.items():
        setattr(endpoint, name, value)
    if changes:
        await work.db.save(endpoint, *changes)
    await changed(work.db)
    return endpoint


async def delete_endpoint(work: Work, endpoint: Endpoint) -> None:
    """Delete an endpoint."""
    await work.db.delete(Endpoint, Endpoint.c.id == endpoint.id)
    await changed(work.db)


async def _ensure_region(work: Work, region_id: str | None) -> None:
    if region_id is None or await work.db.get(Region, region_id) is not None:
        return
    with contextlib.suppress(Duplicate):  # by somebody else, in this very moment
        async with work.db.savepoint():
            await work.db.insert(Region(id=region_id))


async def create_region(work: Work, region: Region) -> Region:
    """Insert a region; raise AlreadyThere, RegionNotFound for its parent."""
    parent = region.parent_region_id
    if parent is not None and await work.db.get(Region, parent) is None:
        raise RegionNotFound(id=parent)
    try:
        await work.db.insert(region)
    except Duplicate as error:
        raise AlreadyThere(kind="region", id=region.id) from error
    return region


async def delete_region(work: Work, region: Region) -> None:
    """Delete a region that has neither endpoints nor regions below it, with its limits."""
    used = await work.db.exists(Endpoint, Endpoint.c.region_id == region.id)
    if used or await work.db.exists(Region, Region.c.parent_region_id == region.id):
        raise RegionHasChildren(id=region.id)
    await _end_limits(work.db, RegisteredLimit.c.region_id == region.id)
    await work.db.delete(Region, Region.c.id == region.id)
