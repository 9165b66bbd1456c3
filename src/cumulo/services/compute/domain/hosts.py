"""Hosts as operators see them: hypervisors."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, select

from cumulo.core import clock
from cumulo.core.db import Reader, Transaction
from cumulo.core.errors import Invalid
from cumulo.core.http import Ctx, Page, relation_links
from cumulo.core.resource import as_int
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.errors import HostNotFound, MarkerNotFound
from cumulo.services.compute.model import ComputeHost, Server
from cumulo.services.compute.schema.catalogue import is_true

_PAGED, _BY_UUID = (2, 33), (2, 53)
_COUNTS = (  # until 2.87: what a hypervisor's document said of its host's use
    "vcpus",
    "memory_mb",
    "local_gb",
    "vcpus_used",
    "memory_mb_used",
    "local_gb_used",
    "free_ram_mb",
    "free_disk_gb",
    "current_workload",
    "running_vms",
    "disk_available_least",
    "cpu_info",
)


class PagedSearch(Invalid):
    """Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported."""


def moment(when: datetime | None) -> str | None:
    """Write an instant as Nova's host documents do, without a zone."""
    return None if when is None else f"{when.isoformat()[:26]:0<26}"


def number_of(id: str) -> int:
    """Return an integer that stands for an id, for versions that knew only those."""
    return int(id[:7], 16)


async def find_host(db: Reader, name: str) -> ComputeHost:
    """Return a host by its name. HostNotFound."""
    row = await db.one(ComputeHost, ComputeHost.c.host == name)
    if row is None:
        raise HostNotFound(host=name)
    return row


async def find_hypervisor(ctx: Ctx, id: str) -> ComputeHost:
    """Return a hypervisor by its id; before 2.53 by its number. HostNotFound."""
    row = await ctx.db.get(ComputeHost, id)
    if row is None:
        rows = await ctx.db.all(ComputeHost) if id.isdecimal() else []
        row = next((host for host in rows if str(number_of(host.id)) == id), None)
    if row is None:
        raise HostNotFound(f"Compute host {id} could not be found.")
    return row


async def hypervisors(
    ctx: Ctx, *, detail: bool, pattern: str | None = None, with_servers: bool = False
) -> dict[str, Any]:
    """Return the hypervisors, or those whose name holds the pattern. HostNotFound when none does."""
    first = ctx.request.first
    wanted = pattern or first("hypervisor_hostname_pattern")
    rows = await ctx.db.all(ComputeHost, order_by=(ComputeHost.c.host,))
    rows = [row for row in rows if wanted is None or wanted in row.host]
    if wanted is not None and not rows:
        raise HostNotFound(f"No hypervisor matching '{wanted}' could be found.")
    rows, following = _page(ctx, rows)
    used = await use_of_hosts(ctx.db) if detail else {}
    documents = [
        hypervisor_document(ctx, row, used.get(row.host, _UNUSED) if detail else None) for row in rows
    ]
    if with_servers or is_true(first("with_servers")):
        there = await servers_on(ctx.db, [row.host for row in rows])
        for row, document in zip(rows, documents, strict=True):
            document["servers"] = there.get(row.host, [])
    url = ctx.root_url + ctx.request.path
    return {
        "hypervisors": documents,
        **relation_links(Page(url, ctx.request.query, "hypervisors", following)),
    }


def _page(ctx: Ctx, rows: list[ComputeHost]) -> tuple[list[ComputeHost], str | None]:
    """Return those of the hosts that a request is for, and the next page's marker; pages came with 2.33.

    MarkerNotFound; PagedSearch for a page of those whose name holds a pattern, as Nova has none since 2.53.
    """
    version, first = ctx.version or _PAGED, ctx.request.first
    marker, limit = first("marker"), first("limit")
    if version < _PAGED or (marker is None and limit is None):
        return rows, None
    if version >= _BY_UUID and first("hypervisor_hostname_pattern") is not None:
        raise PagedSearch
    if marker is not None:
        known = [row.id if version >= _BY_UUID else str(number_of(row.id)) for row in rows]
        if marker not in known:
            raise MarkerNotFound(marker=marker)
        rows = rows[known.index(marker) + 1 :]
    most = min(as_int("limit", limit or "1000", least=0), 1000)
    shown = rows[:most]
    if not shown or len(rows) == len(shown):
        return shown, None
    last = shown[-1].id
    return shown, last if version >= _BY_UUID else str(number_of(last))


async def hypervisor(ctx: Ctx, row: ComputeHost) -> dict[str, Any]:
    """Return one hypervisor in detail."""
    used = await use_of_hosts(ctx.db)
    document = hypervisor_document(ctx, row, used.get(row.host, _UNUSED))
    if is_true(ctx.request.first("with_servers")):
        document["servers"] = (await servers_on(ctx.db, [row.host])).get(row.host, [])
    return {"hypervisor": document}


Used = tuple[int, int, int, int]  # servers, vCPUs, memory MiB, disk GiB
_UNUSED: Used = (0, 0, 0, 0)


async def use_of_hosts(db: Reader) -> Mapping[str, Used]:
    """Sum up what the servers on each host take."""
    statement = (
        select(
            Server.c.host,
            func.count(),
            func.sum(Server.c.vcpus),
            func.sum(Server.c.memory_mib),
            func.sum(Server.c.disk_gib),
        )
        .where(Server.c.host.is_not(None), Server.c.deleted_at.is_(None))
        .group_by(Server.c.host)
    )
    rows = await db.rows(statement)
    return {host: (int(n), int(v), int(m), int(d)) for host, n, v, m, d in rows}


async def servers_on(db: Reader, hosts: Sequence[str]) -> dict[str, list[dict[str, str]]]:
    """Return the servers on each of these hosts, by name and id."""
    here = Server.c.host.in_(hosts) & Server.c.deleted_at.is_(None)
    found: dict[str, list[dict[str, str]]] = {}
    for row in await db.all(Server, here, order_by=(Server.c.created_at,)):
        found.setdefault(row.host or "", []).append({"uuid": row.id, "name": f"instance-{row.id[:8]}"})
    return found


def hypervisor_document(ctx: Ctx, row: ComputeHost, used: Used | None) -> dict[str, Any]:
    """Return a hypervisor as this version of the API shows it; in detail when `used` is given."""
    version = ctx.version or (2, 1)
    document: dict[str, Any] = {
        "id": row.id if version >= (2, 53) else number_of(row.id),
        "hypervisor_hostname": row.host,
        "state": "up" if row.is_up(ctx.use(ComputeSettings).host_silence) else "down",
        "status": "disabled" if row.disabled else "enabled",
    }
    if used is None:
        return document
    servers, vcpus, memory, disk = used
    document.update(
        hypervisor_type=row.hypervisor_type,
        hypervisor_version=row.hypervisor_version,
        host_ip=row.host_ip,
        service={
            "id": row.service_id if version >= (2, 53) else number_of(row.service_id),
            "host": row.host,
            "disabled_reason": row.disabled_reason,
        },
        servers=[],
        uptime=None,
        vcpus=row.vcpus,
        memory_mb=row.memory_mib,
        local_gb=row.disk_gib,
        vcpus_used=vcpus,
        memory_mb_used=memory,
        local_gb_used=disk,
        free_ram_mb=row.memory_mib - memory,
        free_disk_gb=row.disk_gib - disk,
        current_workload=0,
        running_vms=servers,
        disk_available_least=row.disk_gib - disk,
        cpu_info=_cpu_info(row, version),
    )
    gone = _COUNTS if version >= (2, 88) else ("uptime",)
    if version < (2, 75):
        gone = (*gone, "servers")
    return {name: value for name, value in document.items() if name not in gone}


def _cpu_info(row: ComputeHost, version: tuple[int, int]) -> Any:
    """Return what is known of the processor: an object since 2.28, its text before."""
    return msgspec.json.decode(row.cpu_info) if version >= (2, 28) else row.cpu_info


async def statistics(ctx: Ctx) -> dict[str, Any]:
    """Sum up all hypervisors (until 2.87)."""
    rows = await ctx.db.all(ComputeHost)
    used = await use_of_hosts(ctx.db)
    total = [sum(column) for column in zip(*used.values(), strict=True)] or [0, 0, 0, 0]
    memory, disk = sum(row.memory_mib for row in rows), sum(row.disk_gib for row in rows)
    return {
        "hypervisor_statistics": {
            "count": len(rows),
            "vcpus": sum(row.vcpus for row in rows),
            "memory_mb": memory,
            "local_gb": disk,
            "vcpus_used": total[1],
            "memory_mb_used": total[2],
            "local_gb_used": total[3],
            "free_ram_mb": memory - total[2],
            "free_disk_gb": disk - total[3],
            "current_workload": 0,
            "running_vms": total[0],
            "disk_available_least": disk - total[3],
        }
    }


async def trust_after_absence(db: Transaction, silence: float) -> None:
    """At a start, take every host for one that is up when none was heard of lately.

    Then it was we who were away: what a killed process left half done must not fail because the hosts'
    next reports come a moment later.
    """
    hosts = await db.all(ComputeHost)
    if not any(host.is_up(silence) for host in hosts):
        await db.update(ComputeHost, ComputeHost.c.forced_down.is_(False), seen_at=clock.now())
