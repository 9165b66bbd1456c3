"""Limits on what a project may hold. Usage is always a query, never a counter, so it cannot drift.

A service states its `Limits`: the default of each resource and one function that counts what a project holds.
A claim is made inside the request's transaction and before the rows are inserted; claims of one project and
service wait for each other, so two requests cannot both take the last place.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
from sqlalchemy import bindparam, or_, select

from cumulo.core.config import Section
from cumulo.core.db import Integer, Model, Reader, String, Transaction, column
from cumulo.core.errors import NotFound, OverQuota
from cumulo.core.work import Work

UNLIMITED = -1
STANDARD = "class:default"

Usage = Callable[[Reader, str], Awaitable[Mapping[str, int]]]


class QuotaSettings(Section, frozen=True, kw_only=True):
    """`[quota.limits.compute] instances = 20` changes a default; -1 means no limit."""

    section: ClassVar[str] = "quota"
    limits: dict[str, dict[str, int]] = {}


class QuotaLimit(Model, table="quota_limits"):
    """A project's own limit, in place of the default."""

    project_id: str = column(String(64), key=True)
    service: str = column(String(32), key=True)
    resource: str = column(String(64), key=True)
    value: int = column(Integer)


@dataclass(frozen=True)
class Limits:
    """What a service limits. `defaults`: resource → limit (-1: none); `usage`: counts what is held now."""

    service: str
    defaults: Mapping[str, int]
    usage: Usage


class Standing(msgspec.Struct, frozen=True):
    """One resource of one project: its limit (-1: none) and what is held."""

    limit: int
    used: int


class UnknownResource(NotFound):
    """There is no quota for {resource} in {service}."""


class Quota:
    """The limits of all services."""

    def __init__(self, limits: Iterable[Limits] = (), settings: QuotaSettings | None = None) -> None:
        self._limits: dict[str, Limits] = {}
        self._settings = settings or QuotaSettings()
        for each in limits:
            self.register(each)

    def register(self, limits: Limits) -> None:
        """Add what a service limits."""
        self._limits[limits.service] = limits

    def defaults(self, service: str) -> dict[str, int]:
        """Return the limits of a project that has none of its own; empty for a service without limits."""
        known = self._limits.get(service)
        return {} if known is None else {**known.defaults, **self._settings.limits.get(service, {})}

    async def limits(self, db: Reader, service: str, project_id: str) -> dict[str, int]:
        """Return a project's limits, its own in place of the defaults."""
        found = self.defaults(service)
        rows = await db.answer(_changed, service=service, project_id=project_id)
        return found | {resource: value for resource, value in rows if resource in found}

    async def standard(self, db: Reader, service: str) -> dict[str, int]:
        """Return the limits of a project that has none of its own, as an operator changed them by the API.

        Those changes are the limits of a project of the name STANDARD.
        """
        return await self.limits(db, service, STANDARD)

    async def standing(self, db: Reader, service: str, project_id: str) -> dict[str, Standing]:
        """Return limit and usage of each resource."""
        limits = await self.limits(db, service, project_id)
        used = await self._limits[service].usage(db, project_id) if service in self._limits else {}
        return {name: Standing(limit, used.get(name, 0)) for name, limit in limits.items()}

    async def claim(self, work: Work, service: str, project_id: str, resources: Mapping[str, int]) -> None:
        """Check that the project may hold this much more; raise OverQuota naming what would be passed.

        The error's fields: `overs` (names), and by name `requested`, `used` and `limits`.
        """
        wanted = {name: amount for name, amount in resources.items() if amount > 0}
        if not wanted or service not in self._limits:
            return
        await work.db.lock(f"quota:{service}:{project_id}")
        limits = await self.limits(work.db, service, project_id)
        limited = {name for name in wanted if limits.get(name, UNLIMITED) >= 0}
        if not limited:
            return
        used = await self._limits[service].usage(work.db, project_id)
        overs = [
            name for name in wanted if name in limited and used.get(name, 0) + wanted[name] > limits[name]
        ]
        if overs:
            raise _over(overs, wanted, used, limits)

    async def set(self, db: Transaction, service: str, project_id: str, values: Mapping[str, int]) -> None:
        """Give a project limits of its own; raise UnknownResource before anything is written."""
        known = self.defaults(service)
        for resource in values:
            if resource not in known:
                raise UnknownResource(resource=resource, service=service)
        await db.lock(f"quota:{service}:{project_id}")
        for resource, value in values.items():
            where = (*_of(service, project_id), QuotaLimit.c.resource == resource)
            if not await db.update(QuotaLimit, *where, value=value):
                await db.insert(
                    QuotaLimit(project_id=project_id, service=service, resource=resource, value=value)
                )

    async def reset(self, db: Transaction, service: str, project_id: str) -> None:
        """Return a project to the defaults."""
        await db.delete(QuotaLimit, *_of(service, project_id))


def _changed() -> Any:
    """Ask for the limits that differ from the defaults: everybody's, then a project's own."""
    c = QuotaLimit.c
    given = {name: bindparam(name, type_=c[name].type) for name in ("service", "project_id")}
    whose = or_(c.project_id == STANDARD, c.project_id == given["project_id"])
    asked = select(c.resource, c.value).where(c.service == given["service"], whose)
    return asked.order_by((c.project_id == STANDARD).desc())


def _of(service: str, project_id: str) -> tuple[object, object]:
    return (QuotaLimit.c.service == service, QuotaLimit.c.project_id == project_id)


def _over(
    overs: list[str], wanted: Mapping[str, int], used: Mapping[str, int], limits: Mapping[str, int]
) -> OverQuota:
    def listed(values: Mapping[str, int]) -> str:
        return ", ".join(str(values.get(name, 0)) for name in overs)

    names = ", ".join(overs)
    return OverQuota(
        f"Quota exceeded for {names}: Requested {listed(wanted)}, but already used {listed(used)} "
        f"of {listed(limits)} {names}",
        resource=names,
        overs=tuple(overs),
        requested={name: wanted[name] for name in overs},
        used={name: used.get(name, 0) for name in overs},
        limits={name: limits[name] for name in overs},
    )
