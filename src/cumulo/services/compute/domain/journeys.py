"""Moving servers between hosts while they run, and away from hosts that are lost."""

from typing import Any

from msgspec import UNSET

from cumulo.contracts.hypervisor import GuestMissing
from cumulo.contracts.migration import LiveMigration, Progress
from cumulo.core.bus import Bus, remote
from cumulo.core.db import Reader
from cumulo.core.drivers import DriverError
from cumulo.core.errors import Unavailable
from cumulo.core.http import Ctx
from cumulo.services.compute import cards, policy
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.domain.hosts import find_host, moment
from cumulo.services.compute.domain.moves import begun, hosts_of
from cumulo.services.compute.domain.servers import begin, check_lock, check_state, latest, write
from cumulo.services.compute.domain.volumes import check_in_place
from cumulo.services.compute.errors import (
    BadBlockMigration,
    HostIsUp,
    HostUnknown,
    LocalDiskStays,
    MigrationNotFound,
    MigrationNotRunning,
    SameHost,
    ServerOnNoHost,
)
from cumulo.services.compute.model import ComputeHost, Migration, Server, TaskState, VmState, Wish
from cumulo.services.compute.schema.bodies import EvacuateBody, LiveMigrateBody
from cumulo.services.compute.schema.catalogue import is_true
from cumulo.services.compute.tasks import EvacuateServer, LiveMigrateServer
from cumulo.services.compute.tasks.moves import is_from_volume

LIVE = "live-migration"
QUICK = 10.0  # seconds in which a host answers a mere question
_MOVABLE = frozenset({VmState.ACTIVE, VmState.PAUSED})
_LOST = frozenset({VmState.ACTIVE, VmState.STOPPED, VmState.ERROR})
_UNDER_WAY = ("accepted", "preparing", "running")
_LATEST = (2, 104)
_AUTO_SINCE = (2, 25)
_QUEUED_TOO = (2, 65)  # since when a migration can be aborted before it runs
_STOPPED_SINCE = (2, 95)  # since when evacuated servers are off


async def live_migrate(ctx: Ctx, server: Server, body: LiveMigrateBody) -> None:
    """Promise another host. CannotWhile, HostUnknown, SameHost, LocalDiskStays."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    check_state(server, "os-migrateLive", _MOVABLE)
    await check_in_place(ctx.db, server, "os-migrateLive")
    await cards.check_in_place(ctx, server, "os-migrateLive")
    if body.host is not None:
        ctx.authorise(policy.MIGRATE_LIVE_TO_HOST, server)
        if not await ctx.db.exists(ComputeHost, ComputeHost.c.host == body.host):
            raise HostUnknown(host=body.host)
        if body.host == server.host:
            raise SameHost(host=body.host)
    await _check_block(ctx, server, body)
    migration = begun(ctx, server, LIVE, "accepted")
    await ctx.db.insert(migration)
    operation = await ctx.start(
        LiveMigrateServer(
            server_id=server.id,
            migration_id=migration.id,
            action_id=await begin(ctx, server, "live-migration"),
            host=body.host,
            forced=body.force is not UNSET and is_true(body.force),
        )
    )
    await write(ctx.db, server, task_state=TaskState.MIGRATING, operation=operation)


async def _check_block(ctx: Ctx, server: Server, body: LiveMigrateBody) -> None:
    """Refuse what the version has no word for, and to leave a disk behind: none is shared by hosts."""
    version = ctx.version or _LATEST
    if version < _AUTO_SINCE and (body.block_migration == "auto" or body.disk_over_commit is UNSET):
        name = "block_migration" if body.block_migration == "auto" else "disk_over_commit"
        raise BadBlockMigration(name=name)
    if body.block_migration == "auto" or is_true(body.block_migration):
        return
    if not await is_from_volume(ctx.db, server.id):
        raise LocalDiskStays(id=server.id)


async def evacuate(ctx: Ctx, server: Server, body: EvacuateBody) -> None:
    """Promise to make a server anew on another host. CannotWhile, HostIsUp, HostNotFound, SameHost."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    check_state(server, "evacuate", _LOST)
    if server.host is None:
        raise ServerOnNoHost(id=server.id)
    wanted = body.host if isinstance(body.host, str) else None
    if wanted is not None:
        await find_host(ctx.db, wanted)
        if wanted == server.host:
            raise SameHost(host=wanted)
    here = await find_host(ctx.db, server.host)
    if here.is_up(ctx.use(ComputeSettings).host_silence):
        raise HostIsUp(host=server.host)
    migration = begun(ctx, server, "evacuation", "accepted")
    await ctx.db.insert(migration)
    operation = await ctx.start(
        EvacuateServer(
            server_id=server.id,
            migration_id=migration.id,
            action_id=await begin(ctx, server, "evacuate"),
            runs=server.vm_state is not VmState.STOPPED and (ctx.version or _LATEST) < _STOPPED_SINCE,
            host=wanted,
            forced=body.force is not UNSET and is_true(body.force),
        )
    )
    await write(ctx.db, server, task_state=TaskState.REBUILDING, operation=operation)


async def of_server(ctx: Ctx, server: Server) -> list[dict[str, Any]]:
    """Return the documents of a server's live migrations that are under way."""
    mine = (Migration.c.server_id == server.id, Migration.c.kind == LIVE)
    rows = await ctx.db.all(Migration, *mine, Migration.c.status.in_(_UNDER_WAY))
    return [await document(ctx, row) for row in rows]


async def find(db: Reader, server: Server, id: str) -> Migration:
    """Return a live migration of a server that is under way, by its number or id. MigrationNotFound."""
    mine = (Migration.c.server_id == server.id, Migration.c.kind == LIVE)
    for row in await db.all(Migration, *mine, order_by=(Migration.c.created_at.desc(),)):
        if id in (row.id, str(row.number)):
            return row
    raise MigrationNotFound(id=id)


async def shown(ctx: Ctx, server: Server, id: str) -> dict[str, Any]:
    """Return the document of one that is under way. MigrationNotFound."""
    row = await find(ctx.db, server, id)
    if row.status not in _UNDER_WAY:
        raise MigrationNotFound(id=id)
    return await document(ctx, row)


async def wish(ctx: Ctx, server: Server, id: str, what: Wish) -> None:
    """Write down what is asked of a migration; the saga that does it looks there. MigrationNotRunning."""
    check_lock(ctx, server)
    row = await find(ctx.db, server, id)
    early = what is Wish.ABORT and (ctx.version or _LATEST) >= _QUEUED_TOO
    if row.status not in (_UNDER_WAY if early else ("running",)):
        raise MigrationNotRunning(id=id, server=server.id, state=row.status)
    action = "live_migration_abort" if what is Wish.ABORT else "live_migration_force_complete"
    await begin(ctx, server, action, done=True)
    await ctx.db.update(Migration, Migration.c.id == row.id, wish=what)


async def document(ctx: Ctx, row: Migration) -> dict[str, Any]:
    """Return a live migration as this version of the API shows it, with what is left of it to do."""
    version, done = ctx.version or _LATEST, await _progress(ctx, row)
    shape: dict[str, Any] = {
        "id": row.number,
        "server_uuid": row.server_id,
        "status": row.status,
        **hosts_of(ctx, row, policy.JOURNEYS_HOSTS),
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "memory_total_bytes": done.memory_total,
        "memory_processed_bytes": done.memory_processed,
        "memory_remaining_bytes": done.memory_remaining,
        "disk_total_bytes": done.disk_total,
        "disk_processed_bytes": done.disk_processed,
        "disk_remaining_bytes": done.disk_remaining,
    }
    if version >= (2, 59):
        shape["uuid"] = row.id
    if version >= (2, 80):
        shape |= {"user_id": row.user_id, "project_id": row.project_id}
    return shape


async def _progress(ctx: Ctx, row: Migration) -> Progress:
    """Ask the old host how far the guest is; nothing while it does not say."""
    try:
        return await remote(ctx.use(Bus), row.source, LiveMigration, timeout=QUICK).progress(row.server_id)
    except (DriverError, GuestMissing, Unavailable):
        return Progress()
