"""What projects used of compute over a while: hours times size, of servers living and deleted."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_

from cumulo.core import clock
from cumulo.core.db import Reader
from cumulo.core.http import Ctx
from cumulo.core.resource import as_bool, as_int, as_time
from cumulo.services.compute import guests
from cumulo.services.compute.domain.hosts import moment
from cumulo.services.compute.errors import BadPeriod, MarkerNotFound
from cumulo.services.compute.model import Server

HOUR = timedelta(hours=1)
DEFAULT_PERIOD = timedelta(weeks=4)
PAGED, LARGEST_PAGE = (2, 40), 1000
Period = tuple[datetime, datetime]


def period(ctx: Ctx) -> Period:
    """Return the while that a request asks about: `start` to `end`, the last four weeks by default."""
    now = clock.now()
    start, end = ctx.request.first("start"), ctx.request.first("end")
    since = as_time("start", start) if start else now - DEFAULT_PERIOD
    until = as_time("end", end) if end else now
    if until < since:
        raise BadPeriod
    return since, until


async def of_project(ctx: Ctx, project_id: str) -> tuple[dict[str, Any], str | None]:
    """Return what one project used, server by server; nothing at all as an empty object.

    With it comes the marker of the next page of servers, where there is one.
    """
    asked = period(ctx)
    servers, marker = await _lived(ctx, asked, Server.c.project_id == project_id)
    return summed(project_id, servers, asked, detailed=True) if servers else {}, marker


async def of_all(ctx: Ctx) -> tuple[list[dict[str, Any]], str | None]:
    """Return what each project used, server by server with `detailed=1`; and the next page's marker."""
    asked = period(ctx)
    detailed = as_bool("detailed", ctx.request.first("detailed") or "0")
    by_project: dict[str, list[Server]] = {}
    servers, marker = await _lived(ctx, asked)
    for server in servers:
        by_project.setdefault(server.project_id, []).append(server)
    return [summed(project, rows, asked, detailed=detailed) for project, rows in by_project.items()], marker


async def _lived(ctx: Ctx, asked: Period, *where: Any) -> tuple[list[Server], str | None]:
    """Return the servers that lived at any time of a while: all, since 2.40 a page of them."""
    since, until = asked
    alive = or_(Server.c.deleted_at.is_(None), Server.c.deleted_at >= since)
    conditions = (Server.c.launched_at <= until, alive, *where)
    order = (Server.c.created_at, Server.c.id)
    if ctx.version is not None and ctx.version < PAGED:
        return await ctx.db.all(Server, *conditions, order_by=order), None
    limit = min(as_int("limit", ctx.request.first("limit") or str(LARGEST_PAGE), least=0), LARGEST_PAGE)
    after = await _after(ctx.db, ctx.request.first("marker"), *where)
    rows = await ctx.db.all(Server, *conditions, *after, order_by=order, limit=limit + 1)
    return rows[:limit], rows[limit - 1].id if 0 < limit < len(rows) else None


async def _after(db: Reader, marker: str | None, *where: Any) -> tuple[Any, ...]:
    """Return the condition for servers behind a marker, which is one of those asked for. MarkerNotFound."""
    if marker is None:
        return ()
    row = await db.one(Server, Server.c.id == marker, *where)
    if row is None:
        raise MarkerNotFound(marker=marker)
    later, same = Server.c.created_at > row.created_at, Server.c.created_at == row.created_at
    return (or_(later, and_(same, Server.c.id > row.id)),)


def summed(project_id: str, servers: Sequence[Server], asked: Period, *, detailed: bool) -> dict[str, Any]:
    """Return a project's usage: hours, and hours times vCPUs, MiB and GiB."""
    hours = [hours_of(server, asked) for server in servers]
    pairs = list(zip(servers, hours, strict=True))
    document: dict[str, Any] = {
        "tenant_id": project_id,
        "start": moment(asked[0]),
        "stop": moment(asked[1]),
        "total_hours": sum(hours),
        "total_vcpus_usage": sum(server.vcpus * n for server, n in pairs),
        "total_memory_mb_usage": sum(server.memory_mib * n for server, n in pairs),
        "total_local_gb_usage": sum(server.disk_gib * n for server, n in pairs),
    }
    if detailed:
        document["server_usages"] = [server_usage(server, n, asked) for server, n in pairs]
    return document


def hours_of(server: Server, asked: Period) -> float:
    """Return how many hours of a while a server lived; those to come do not count."""
    began = max(server.launched_at or server.created_at, asked[0])
    ended = min(server.deleted_at or clock.now(), asked[1])
    return max((ended - began) / HOUR, 0.0)


def server_usage(server: Server, hours: float, asked: Period) -> dict[str, Any]:
    """Return what one server used."""
    ended = server.deleted_at
    until = ended or min(clock.now(), asked[1])
    return {
        "instance_id": server.id,
        "name": server.name,
        "tenant_id": server.project_id,
        "flavor": guests.flavor_of(server).original_name,
        "hours": hours,
        "vcpus": server.vcpus,
        "memory_mb": server.memory_mib,
        "local_gb": server.disk_gib,
        "started_at": moment(server.launched_at),
        "ended_at": moment(ended),
        "state": "terminated" if ended else server.vm_state.value,
        "uptime": int((until - (server.launched_at or until)).total_seconds()),
    }
