"""The composition root: settings and a state folder become one running cloud in this process."""

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import sqlalchemy
import structlog

from cumulo.contracts.hypervisor import HostReport
from cumulo.contracts.metadata import Metadata
from cumulo.contracts.migration import Tenure
from cumulo.contracts.ownership import Owners
from cumulo.contracts.sealing import Sealers
from cumulo.core import ids
from cumulo.core.auth import Authenticator, FileEnforcer
from cumulo.core.auth.tokens import Keyring
from cumulo.core.bus import Bus, verbs
from cumulo.core.config import Section, load
from cumulo.core.db import Database
from cumulo.core.errors import Unavailable
from cumulo.core.http import App, Engine, Request, Response, Service
from cumulo.core.quota import Quota, QuotaSettings
from cumulo.core.tasks import Tasks
from cumulo.node.host import Node
from cumulo.node.settings import NodeSettings
from cumulo.node.volumes.host import VolumeHost
from cumulo.node.volumes.settings import VolumesSettings
from cumulo.runtime import clouds
from cumulo.runtime.control import CONTROL, MetadataFromServices
from cumulo.runtime.database import open_database, reason_of
from cumulo.runtime.drivers import Drivers, connect, drivers_of
from cumulo.runtime.hosts.folder import socket_of
from cumulo.runtime.local import local_nodes, local_volumes
from cumulo.runtime.memory import Memory
from cumulo.runtime.services import all_services, catalog
from cumulo.runtime.settings import SECTIONS, Settings, runtime_settings
from cumulo.runtime.state import StateFolder
from cumulo.runtime.wire import Hub
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.domain.flavors import ensure_defaults
from cumulo.services.compute.domain.hosts import trust_after_absence
from cumulo.services.compute.tasks import listen
from cumulo.services.compute.tasks.tenure import TenureFromServers
from cumulo.services.identity.adapter import TokenAuthenticator, check_access
from cumulo.services.identity.config import IdentitySettings
from cumulo.services.identity.domain import Founding, bootstrap
from cumulo.services.identity.domain.audit import record
from cumulo.services.identity.domain.refusals import Refusals
from cumulo.services.identity.hashing import Passwords

log = structlog.get_logger(__name__)

_ANYTHING: Any = sqlalchemy.select(sqlalchemy.literal(1))
_HOST_PATIENCE = 20.0  # seconds that readiness waits for the host's first report


@dataclass(kw_only=True)
class Composition:
    """A whole cloud in this process. `ready` is what `/readyz` says."""

    state: StateFolder
    settings: Settings
    database: Database
    services: tuple[Service, ...]
    bindings: dict[type, Any]
    tasks: Tasks
    app: App
    drivers: Drivers
    nodes: tuple[Node, ...]
    volumes: VolumeHost
    passwords: Passwords
    ready: dict[str, bool]

    async def start(self) -> None:
        """Found what is missing, then begin to work."""
        await self._found()
        for begin in self.drivers.starting:
            await begin()
        connect(self.drivers, self.tasks)
        bus = cast("Hub", self.bindings[Bus])
        listen(bus, self.tasks)
        bus.subscribe("host.report", HostReport, self._host_came)
        await bus.serve(CONTROL, verbs("metadata", Metadata, self.bindings[Metadata]))
        await bus.serve(CONTROL, verbs("tenure", Tenure, TenureFromServers(self.database)))
        await self.volumes.start()
        for node in self.nodes:
            await node.start()
        await bus.open(socket_of(self.state))
        # Last: what a killed process left half done goes on at once, and asks this host.
        await self.tasks.start_workers()
        self.ready["founded"] = True
        # Where libvirt is broken, the rest of the cloud is of use all the same.
        asyncio.get_running_loop().call_later(_HOST_PATIENCE, self.ready.update, {"host": True})

    async def stop(self) -> None:
        """Stop working; promised work waits for the next start, guests go on."""
        await self.tasks.stop()
        await cast("Hub", self.bindings[Bus]).close()
        for node in self.nodes:
            await node.stop()
        await self.volumes.stop()
        for end in self.drivers.stopping:
            await end()
        self.passwords.close()
        await self.database.close()

    async def _host_came(self, report: HostReport) -> None:
        """Note that servers can be placed: libvirt takes seconds to know itself at its very first start."""
        del report
        self.ready["host"] = True

    async def _found(self) -> None:
        """Make the tables, the first rows and the files that clients log in with."""
        await self.database.migrate()
        url = self.settings.http.url
        password = clouds.password(self.state.admin_password)
        founding = Founding(password=password, region=clouds.REGION, services=catalog(self.services, url))
        async with self.tasks.work(ids.request()) as work:
            await work.db.lock("founding")
            await bootstrap(work, founding)
            await ensure_defaults(work.db)
            await trust_after_absence(work.db, self.bindings[ComputeSettings].host_silence)
        clouds.write(self.state, url)


async def compose(state: StateFolder) -> Composition:
    """Put the cloud of a state folder together; nothing runs yet. Raises BadSetting."""
    services = all_services()
    settings = runtime_settings(state)
    engines = settings.engines
    memory = Memory(state.fakes if engines.keep_fakes else None, engines.fake_delay)
    drivers = drivers_of(state, memory, engines=engines.start)
    bindings: dict[type, Any] = {**sections(state, services), **drivers.bindings, StateFolder: state}
    database = await open_database(state, settings.database)
    tasks = bind_core(state, database, services, bindings)
    bind_adapters(services, bindings)
    nodes = local_nodes(state, bindings[NodeSettings], bindings[Bus], engines, memory)
    volumes = local_volumes(state, bindings[VolumesSettings], bindings[Bus], memory, engines=engines.start)
    ready = {"founded": False, "host": False}
    extra = {"readyz": _readiness(state, ready, database)}
    app = App(engine_of(state, settings, services, bindings), services, extra)
    return Composition(
        state=state,
        settings=settings,
        database=database,
        services=services,
        bindings=bindings,
        tasks=tasks,
        app=app,
        drivers=drivers,
        nodes=nodes,
        volumes=volumes,
        passwords=bindings[Passwords],
        ready=ready,
    )


def bind_core(
    state: StateFolder, database: Database, services: tuple[Service, ...], bindings: dict[type, Any]
) -> Tasks:
    """Bind what the core offers to all services; return the tasks, which see all that is bound later."""
    tasks = Tasks(
        database,
        sagas=[saga for service in services for saga in service.sagas],
        reconcilers=[one for service in services for one in service.reconcilers],
        schedules=[one for service in services for one in service.schedules],
        bindings=bindings,
        instance=f"{state.host}/{state.instance}",  # the same after a restart, and no other's
    )
    limits = [service.limits for service in services if service.limits is not None]
    keyring = Keyring(state.path / "token-keys")
    bindings |= {
        Database: database,
        Bus: Hub(),
        Tasks: tasks,
        Passwords: Passwords(),
        Keyring: keyring,
        Authenticator: TokenAuthenticator(keyring, bindings[IdentitySettings].cached_tokens),
        Quota: Quota(limits, bindings[QuotaSettings]),
        Metadata: MetadataFromServices(database, bindings),
    }
    return tasks


def sections(state: StateFolder, services: tuple[Service, ...]) -> dict[type[Section], Section]:
    """Read every section of the settings file: the runtime's, the node's, the quota's, the services'."""
    kinds: list[type[Section]] = [*SECTIONS, NodeSettings, VolumesSettings, QuotaSettings]
    kinds += [service.settings for service in services if service.settings is not None]
    return load(state.config, kinds)


def bind_adapters(services: tuple[Service, ...], bindings: dict[type, Any]) -> None:
    """Make each service's adapters; one that takes an argument is given what returns what is bound."""

    def use(contract: type) -> Any:
        return bindings[contract]

    for service in services:
        for contract, factory in service.adapters.items():
            needs_others = bool(inspect.signature(factory).parameters)
            bindings[contract] = factory(use) if needs_others else factory()
    bindings[Owners] = Owners({each.name: each.owned for each in services if each.owned is not None})
    bindings[Sealers] = Sealers({each.name: each.sealed for each in services if each.sealed is not None})


def engine_of(
    state: StateFolder, settings: Settings, services: tuple[Service, ...], bindings: Mapping[type, Any]
) -> Engine:
    """Return what every request shares."""
    overrides = state.path / "policy.yaml"
    rules = [rule for service in services for rule in service.rules]
    return Engine(
        database=bindings[Database],
        authenticator=bindings[Authenticator],
        enforcer=FileEnforcer(rules, overrides),
        tasks=bindings[Tasks],
        quota=bindings[Quota],
        bindings=bindings,
        access=check_access,
        record=record,
        refused=bindings[Refusals].refused,
        public_url=settings.http.public_url or None,
    )


def _readiness(state: StateFolder, ready: Mapping[str, bool], database: Database) -> Callable[[Request], Any]:
    instance = state.instance

    async def answer(request: Request) -> Response:
        del request
        found = {**ready, "database": await _answers(database)}
        return Response(200 if all(found.values()) else 503, {"cloud": instance, "ready": found})

    return answer


async def _answers(database: Database) -> bool:
    """Say whether the database answers."""
    try:
        async with database.read() as db:
            await db.scalar(_ANYTHING)
    except Unavailable as error:
        log.warning("database.unavailable", reason=reason_of(error))
        return False
    return True
