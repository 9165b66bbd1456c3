"""Resizing servers and moving them between hosts."""

import zlib
from typing import Any

from msgspec import UNSET

from cumulo.core.auth import Rule
from cumulo.core.http import Ctx
from cumulo.core.resource import as_int, as_time
from cumulo.services.compute import cards, containers, guests, hardware, policy
from cumulo.services.compute.domain.creation import embedded, flavor_of
from cumulo.services.compute.domain.hosts import moment
from cumulo.services.compute.domain.servers import begin, check_lock, check_state, latest, write
from cumulo.services.compute.domain.volumes import check_in_place
from cumulo.services.compute.errors import (
    DiskShrinks,
    HostUnknown,
    MarkerNotFound,
    SameFlavor,
    SameHost,
)
from cumulo.services.compute.model import ComputeHost, Flavor, Migration, Server, TaskState, VmState
from cumulo.services.compute.schema.bodies import ResizeBody
from cumulo.services.compute.schema.instants import until_second
from cumulo.services.compute.tasks import ResizeServer, RevertResize
from cumulo.services.compute.tasks.moves import is_from_volume, note, promise_confirmation, waiting

_MOVABLE = frozenset({VmState.ACTIVE, VmState.STOPPED})
_WAITS = frozenset({VmState.RESIZED})


async def resize(ctx: Ctx, server: Server, body: ResizeBody) -> None:
    """Promise another flavor. SameFlavor, DiskShrinks, OverQuota."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    check_state(server, "resize", _MOVABLE)
    flavor = await flavor_of(ctx, str(body.flavor_ref))
    if flavor.id == server.flavor_id:
        raise SameFlavor
    now = guests.flavor_of(server)
    machine = hardware.of(embedded(flavor), guests.properties_of(server))
    roomy = bool(flavor.ephemeral_gib or flavor.swap_mib)
    containers.check_machine(guests.properties_of(server), machine, has_more_disks=roomy)
    if flavor.ephemeral_gib < now.ephemeral:
        raise DiskShrinks(have=now.ephemeral, wanted=flavor.ephemeral_gib)
    from_volume = await is_from_volume(ctx.db, server.id)
    if not from_volume and flavor.root_gib < now.disk:
        raise DiskShrinks(have=now.disk, wanted=flavor.root_gib)
    more = {"cores": flavor.vcpus - server.vcpus, "ram": flavor.memory_mib - server.memory_mib}
    wanted = {name: amount for name, amount in more.items() if amount > 0}
    await ctx.claim(wanted, project_id=server.project_id)
    values = {} if body.disk_config is UNSET else {"disk_config": body.disk_config}
    stays = server.host if hardware.is_container(guests.properties_of(server)) else None
    await _promise(ctx, server, flavor, "resize", host=stays, **values)


async def migrate(ctx: Ctx, server: Server, host: str | None) -> None:
    """Promise another host, of the operator's choice or the scheduler's. HostUnknown, SameHost."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    check_state(server, "migrate", _MOVABLE)
    if host is not None:
        if not await ctx.db.exists(ComputeHost, ComputeHost.c.host == host):
            raise HostUnknown(host=host)
        if host == server.host:
            raise SameHost(host=host)
    await _promise(ctx, server, None, "migrate", host=host)


async def _promise(
    ctx: Ctx, server: Server, flavor: Flavor | None, action: str, host: str | None = None, **values: Any
) -> None:
    await check_in_place(ctx.db, server, action)
    await cards.check_in_place(ctx, server, action)
    migration = begun(ctx, server, "migration" if flavor is None else "resize", "pre-migrating")
    if flavor is not None:
        migration.new_flavor_id = flavor.id
    await ctx.db.insert(migration)
    saga = ResizeServer(
        server_id=server.id,
        migration_id=migration.id,
        action_id=await begin(ctx, server, action),
        flavor_id=migration.new_flavor_id,
        flavor=guests.flavor_of(server) if flavor is None else embedded(flavor),
        elsewhere=flavor is None,
        host=host,
    )
    operation = await ctx.start(saga)
    await write(ctx.db, server, task_state=TaskState.RESIZE_PREP, operation=operation, **values)


def begun(ctx: Ctx, server: Server, kind: str, status: str) -> Migration:
    """Return the row of a move that begins: the server stays what it is."""
    return Migration(
        server_id=server.id,
        project_id=ctx.identity.project_id or "",
        user_id=ctx.identity.user_id or "",
        kind=kind,
        status=status,
        source=server.host or "",
        old_flavor_id=server.flavor_id,
        new_flavor_id=server.flavor_id,
    )


async def confirm(ctx: Ctx, server: Server) -> None:
    """Promise that the move is for good."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    check_state(server, "confirmResize", _WAITS)
    await promise_confirmation(ctx, server, await begin(ctx, server, "confirmResize"))


async def revert(ctx: Ctx, server: Server) -> None:
    """Promise to take the move back."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    check_state(server, "revertResize", _WAITS)
    migration = await waiting(ctx.db, server)
    action_id = await begin(ctx, server, "revertResize")
    saga = RevertResize(server_id=server.id, migration_id=migration.id, action_id=action_id)
    operation = await ctx.start(saga)
    await write(ctx.db, server, operation=operation, task_state=TaskState.RESIZE_REVERTING)
    await note(ctx.db, migration.id, "reverting")


async def listed(ctx: Ctx) -> tuple[list[Migration], bool]:
    """Return the migrations that a request asks for, the newest first, and whether more follow.

    A project's manager sees those of the project, and may not ask by hosts.
    """
    first, version = ctx.request.first, ctx.version or (2, 104)
    where = [
        getattr(Migration.c, column) == value
        for name, column in _FILTERS.items()
        if (value := first(name)) is not None
    ]
    if first("host") or first("source_compute"):
        ctx.authorise(policy.MIGRATIONS_HOSTS)
    visible = [] if ctx.may(policy.MIGRATIONS_ALL) else [Migration.c.project_id == ctx.identity.project_id]
    where += visible
    if host := first("host"):
        where.append((Migration.c.source == host) | (Migration.c.destination == host))
    if version < (2, 59):
        return await ctx.db.all(Migration, *where, order_by=_ORDER), False
    if since := first("changes-since"):
        where.append(Migration.c.updated_at >= as_time("changes-since", since))
    if before := first("changes-before"):
        where.append(Migration.c.updated_at <= until_second("changes-before", before))
    if marker := first("marker"):
        row = await ctx.db.one(Migration, *visible, Migration.c.id == marker)
        if row is None:
            raise MarkerNotFound(marker=marker)
        same, earlier = Migration.c.created_at == row.created_at, Migration.c.created_at < row.created_at
        where.append(earlier | (same & (Migration.c.id > row.id)))
    limit = min(as_int("limit", first("limit") or "1000", least=0), 1000)
    rows = await ctx.db.all(Migration, *where, order_by=_ORDER, limit=limit + 1)
    return rows[:limit], len(rows) > limit


_FILTERS = {
    "status": "status",
    "instance_uuid": "server_id",
    "source_compute": "source",
    "migration_type": "kind",
    "user_id": "user_id",
    "project_id": "project_id",
}
_ORDER = (Migration.c.created_at.desc(), Migration.c.id)


def number(flavor_id: str) -> int:
    """Return an integer that stands for a flavor, as the API wants one: its id where that is one."""
    return int(flavor_id) if flavor_id.isdecimal() else zlib.crc32(flavor_id.encode()) >> 1


def hosts_of(ctx: Ctx, row: Migration, rule: Rule) -> dict[str, str | None]:
    """Return between which hosts a migration is, for those who may know that."""
    source, destination = (row.source, row.destination) if ctx.may(rule) else (None, None)
    return {
        "source_compute": source,
        "source_node": source,
        "dest_compute": destination,
        "dest_node": destination,
        "dest_host": None,
    }


def document(ctx: Ctx, row: Migration) -> dict[str, Any]:
    """Return a migration as this version of the API shows it."""
    version = ctx.version or (2, 104)
    shape: dict[str, Any] = {
        "id": row.number,
        "instance_uuid": row.server_id,
        "status": row.status,
        **hosts_of(ctx, row, policy.MIGRATIONS_HOSTS),
        "old_instance_type_id": number(row.old_flavor_id),
        "new_instance_type_id": number(row.new_flavor_id),
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
    }
    if version >= (2, 23):
        shape["migration_type"] = row.kind
    if version >= (2, 59):
        shape["uuid"] = row.id
    if version >= (2, 80):
        shape |= {"user_id": row.user_id, "project_id": row.project_id}
    return shape
