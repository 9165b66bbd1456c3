"""Hosts as they report themselves, and guests that change by themselves."""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
import structlog

from cumulo.contracts.hypervisor import (
    GuestState,
    HostReport,
    Hypervisor,
    LifecycleEvent,
    PowerState,
)
from cumulo.contracts.placement import Inventory, Placement
from cumulo.core import clock
from cumulo.core.bus import Bus, remote
from cumulo.core.db import Database, Transaction
from cumulo.core.drivers import DriverError
from cumulo.core.errors import Unavailable
from cumulo.core.tasks import ReconcileRun, Tasks, reconciler
from cumulo.core.tasks.journal import next_fence
from cumulo.core.work import Work
from cumulo.services.compute import guests as told
from cumulo.services.compute import history
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.demands import huge_pages
from cumulo.services.compute.model import ComputeHost, Server, TaskState, VmState
from cumulo.services.compute.tasks.deletion import fault as faulted
from cumulo.services.compute.tasks.power import POWERS, Change, ChangePower

log = structlog.get_logger()

OBSERVED: Mapping[PowerState, VmState] = {
    PowerState.RUNNING: VmState.ACTIVE,
    PowerState.PAUSED: VmState.PAUSED,
    PowerState.SHUTDOWN: VmState.STOPPED,
    PowerState.CRASHED: VmState.ERROR,
    PowerState.MISSING: VmState.STOPPED,
}
"""What a server is when its guest turns out to be so; a suspended guest says nothing."""

QUICK = 30.0  # seconds in which a host answers a mere question
ON_CRASH = "cumulo:on_crash"
"""The extra spec by which a flavor has guests that crash started anew: `restart`."""

SOON = timedelta(seconds=60)  # a guest that crashes again so soon stays down
_STRANGERS: dict[str, frozenset[str]] = {}  # host → what was said to run there that nobody knows
SETTLED = frozenset({VmState.ACTIVE, VmState.STOPPED, VmState.PAUSED})


async def host_reported(work: Work, report: HostReport) -> None:
    """Note that a host is there; what it is and has, only when that changed."""
    settings = work.use(ComputeSettings)
    digest = digest_of(report, settings)
    host = await work.db.one(ComputeHost, ComputeHost.c.host == report.host, for_update=True)
    now = clock.now()
    if host is not None and host.report == digest:
        await work.db.update(ComputeHost, ComputeHost.c.id == host.id, seen_at=now)
        return
    facts = msgspec.structs.asdict(report)
    facts = {n: v for n, v in facts.items() if n in ComputeHost.__struct_fields__}
    facts.update(
        supported_instances=[list(one) for one in report.supported_instances],
        report=digest,
        seen_at=now,
    )
    if host is None:
        host = ComputeHost(zone=settings.default_zone, **facts)
        await work.db.insert(host)
    else:
        await work.db.update(ComputeHost, ComputeHost.c.id == host.id, updated_at=now, **facts)
    await work.use(Placement).ensure_provider(
        work, host.id, report.host, inventories_of(report, settings), frozenset(report.traits)
    )


def digest_of(report: HostReport, settings: ComputeSettings) -> str:
    """Return a word that changes when what is known of the host must be written anew."""
    ratios = (
        settings.cpu_allocation_ratio,
        settings.memory_allocation_ratio,
        settings.disk_allocation_ratio,
        settings.reserved_memory_mib,
    )
    return hashlib.sha256(msgspec.json.encode([report, ratios])).hexdigest()


def inventories_of(report: HostReport, settings: ComputeSettings) -> dict[str, Inventory]:
    """Return what a host offers, by placement's resource classes."""
    vcpus, memory, disk = report.vcpus, report.memory_mib, report.disk_gib
    pages = {huge_pages(size): Inventory(total=count, max_unit=count) for size, count in report.huge_pages}
    if report.dedicated:
        pages["PCPU"] = Inventory(total=report.dedicated, max_unit=report.dedicated)
    return pages | {
        "VCPU": Inventory(total=vcpus, max_unit=vcpus, allocation_ratio=settings.cpu_allocation_ratio),
        "MEMORY_MB": Inventory(
            total=memory,
            reserved=min(settings.reserved_memory_mib, memory),
            max_unit=memory,
            allocation_ratio=settings.memory_allocation_ratio,
        ),
        "DISK_GB": Inventory(total=disk, max_unit=disk, allocation_ratio=settings.disk_allocation_ratio),
    }


async def guest_changed(work: Work, host: str, state: GuestState) -> None:
    """Note what a guest did by itself, unless something is being done to it."""
    server = await work.db.one(Server, Server.c.id == state.server_id, for_update=True)
    if server is None or server.host != host:
        return
    long_since = clock.now() - server.updated_at > SOON
    if await observe(work.db, server, state.power, state.reason) and long_since:
        await revive(work, server, state.power)


async def revive(work: Work, server: Server, power: PowerState) -> None:
    """Promise that a guest that crashed is started anew, where its flavor says so."""
    wish = told.flavor_of(server).extra_specs.get(ON_CRASH)
    if power is not PowerState.CRASHED or wish != "restart" or server.vm_state is not VmState.ACTIVE:
        return
    owner = {"user_id": server.user_id, "project_id": server.project_id}
    action = await history.begin(work, server.id, "reboot", **owner)
    saga = ChangePower(server_id=server.id, action_id=action, change=Change.HARD_REBOOT)
    operation = await work.start(saga)
    log.warning("server.revived", server_id=server.id)
    rebooting = TaskState.REBOOTING_HARD
    await work.db.update(Server, Server.c.id == server.id, operation=operation, task_state=rebooting)


async def observe(db: Transaction, server: Server, power: PowerState, reason: str = "") -> bool:
    """Bring a server's row in line with its guest; return whether anything changed."""
    busy = server.operation is not None or server.deleted_at is not None
    if busy or power not in OBSERVED or server.vm_state not in {*SETTLED, VmState.ERROR}:
        return False
    state = OBSERVED[power] if server.vm_state in SETTLED else server.vm_state
    number = int(POWERS[power])
    if state == server.vm_state and number == server.power_state:
        return False
    was = server.vm_state
    fault = {"fault": faulted(f"The guest crashed: {reason or 'its machine ended'}.")}
    changed = await db.update(
        Server,
        Server.c.id == server.id,
        Server.c.operation.is_(None),  # what began since the row was read knows better
        Server.c.updated_at == server.updated_at,
        vm_state=state,
        power_state=number,
        updated_at=clock.now(),
        **(fault if power is PowerState.CRASHED else {}),
    )
    if changed:
        log.info("server.changed_by_itself", server_id=server.id, power=power, was=was, reason=reason)
    return bool(changed)


def listen(bus: Bus, tasks: Tasks) -> None:
    """Have what hosts publish on the bus written down."""

    async def reported(report: HostReport) -> None:
        async with tasks.work() as work:
            await host_reported(work, report)

    async def changed(event: LifecycleEvent) -> None:
        try:  # what the guest does now counts, for an event may be late
            state = await remote(bus, event.host, Hypervisor, timeout=QUICK).describe(event.server_id)
        except (Unavailable, DriverError):
            state = GuestState(server_id=event.server_id, power=event.power)
        async with tasks.work() as work:
            await guest_changed(work, event.host, state)

    heard: set[str] = set()

    async def came(event: LifecycleEvent) -> None:
        """Have each host's events wait for one another only: a host that is silent holds up no other."""
        topic = f"host.lifecycle.{event.host}"
        if event.host not in heard:
            heard.add(event.host)
            bus.subscribe(topic, LifecycleEvent, changed)
        await bus.publish(topic, event)

    bus.subscribe("host.report", HostReport, reported)
    bus.subscribe("host.lifecycle", LifecycleEvent, came)


@reconciler(every=60.0, name="compute.power")
async def power_states(run: ReconcileRun) -> None:
    """Ask each host that is up for its guests; follow what they do, remove what must not be there."""
    async with run.database.read() as db:
        hosts = await db.all(ComputeHost)
    silence = run.use(ComputeSettings).host_silence
    looks = (_look_at(run, row.host) for row in hosts if row.is_up(silence))
    for trouble in await asyncio.gather(*looks, return_exceptions=True):
        if isinstance(trouble, BaseException):
            raise trouble


async def _look_at(run: ReconcileRun, name: str) -> None:
    """Do so at one host. What takes an orphan up again meanwhile has a newer fence, and keeps it."""
    host = remote(run.use(Bus), name, Hypervisor, timeout=QUICK)
    asked_at, fence = clock.now(), next_fence()
    try:
        guests = await host.guests()
    except (Unavailable, DriverError) as error:
        log.warning("host.silent", host=name, reason=str(error))
        return
    for server_id in await follow(run.database, name, guests, asked_at):
        try:  # one that stays must not keep the others from being removed
            await host.remove(server_id, fence=fence)
        except (Unavailable, DriverError) as error:
            log.warning("host.orphan_stays", host=name, server_id=server_id, reason=str(error))


async def follow(database: Database, host: str, guests: list[GuestState], asked_at: datetime) -> list[str]:
    """Write down what a host's guests do; return those whose server is deleted or elsewhere."""
    powers = {guest.server_id: guest.power for guest in guests}
    async with database.begin() as db:
        here = await db.all(Server, (Server.c.host == host) & Server.c.deleted_at.is_(None))
        for server in here:
            if server.updated_at < asked_at:  # else the answer may be older than the row
                await observe(db, server, powers.get(server.id, PowerState.MISSING))
        unknown = powers.keys() - {server.id for server in here}
        rows = await db.all(Server, Server.c.id.in_(sorted(unknown))) if unknown else []
    report_strangers(host, frozenset(unknown - {row.id for row in rows}))
    return [row.id for row in rows if is_orphan(row, host)]


def report_strangers(host: str, strangers: frozenset[str]) -> None:
    """Say once of guests that no server of this cloud ever was: they are left alone."""
    if strangers and _STRANGERS.get(host) != strangers:
        log.warning("host.strangers", host=host, guests=sorted(strangers))
    _STRANGERS[host] = strangers


def is_orphan(server: Server, host: str) -> bool:
    """Say whether a guest on `host` has no business there any more."""
    if server.operation is not None:
        return False
    return server.deleted_at is not None or host not in (server.host, told.aside_of(server).host)
