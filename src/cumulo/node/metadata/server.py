"""Metadata for every network that has a guest on this host, served in this process's own loop.

`realise` makes it so from whatever it finds; it is run at start, every few seconds, and when a guest
arrives. A control plane that does not answer leaves everything as it is.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator

import structlog
import uvicorn
from uvicorn.server import ServerState

from cumulo.contracts.compute import GuestMetadata, Kept
from cumulo.contracts.metadata import Metadata, MetadataNetwork
from cumulo.core.drivers import DriverError
from cumulo.node.metadata.app import MetadataApp
from cumulo.node.metadata.namespaces import Namespaces, listen
from cumulo.serving import BoundedProtocol, Bounds

log = structlog.get_logger(__name__)

IDLE = 5  # seconds that a silent connection is kept
BOUNDS = Bounds(
    connections=256,  # of one network's guests at a time
    head_bytes=16 << 10,
    head_seconds=10,
    idle_seconds=2 * IDLE,
    body_seconds=10,
    rest_seconds=IDLE,
    taking_seconds=60,
)
CHECK_EVERY = 60.0  # seconds; an unchanged network is looked at again, in case somebody broke it


class GuestsProtocol(BoundedProtocol):
    """A guest's connection: none of them may take the metadata from the others."""

    bounds = BOUNDS


class _Served:
    """A network as it is served now."""

    def __init__(self, network: MetadataNetwork, server: asyncio.Server, state: ServerState) -> None:
        self.network = network
        self.checked = asyncio.get_running_loop().time()
        self._server = server
        self._state = state

    def close(self) -> None:
        """Stop listening, and end each connection after its present answer."""
        self._server.close()
        for connection in list(self._state.connections):
            connection.shutdown()


class MetadataServer:
    """Serves what `source` says of networks and guests on the host `host`."""

    def __init__(self, host: str, namespaces: Namespaces, source: Metadata) -> None:
        self._host = host
        self._namespaces = namespaces
        self._source = source
        self._served: dict[str, _Served] = {}
        self._lock = asyncio.Lock()

    async def realise(self) -> None:
        """Serve exactly the networks that have a guest here."""
        async with self._lock:
            wanted = {item.network_id: item for item in await self._source.networks(self._host)}
            for network_id in self._served.keys() - wanted.keys():
                self._served.pop(network_id).close()
            names = {self._namespaces.name(network_id) for network_id in wanted}
            for name in self._namespaces.existing() - names:  # first: one may be a wanted network's former
                with _left_for_later(name):
                    await self._namespaces.remove(name)
            # Those that nobody serves yet come first: a guest waits there, and to look at others takes time.
            for network in sorted(wanted.values(), key=lambda one: one.network_id in self._served):
                with _left_for_later(network.network_id):
                    await self._ensure(network)

    async def stop(self) -> None:
        """Stop serving. Namespaces stay, so that nothing has to be made anew at the next start."""
        async with self._lock:
            for served in self._served.values():
                served.close()
            self._served.clear()

    async def remove_all(self) -> None:
        """Stop serving and remove every namespace of this cloud."""
        await self.stop()
        for name in self._namespaces.existing():
            await self._namespaces.remove(name)

    async def _ensure(self, network: MetadataNetwork) -> None:
        now = asyncio.get_running_loop().time()
        served = self._served.get(network.network_id)
        if served and served.network == network and now - served.checked < CHECK_EVERY:
            return
        fresh = self._namespaces.name(network.network_id) not in self._namespaces.existing()
        await self._namespaces.ensure(network)
        if served is not None and not fresh:
            served.network, served.checked = network, now
            return
        if served is not None:
            served.close()  # its socket was in a namespace that is gone
        self._served[network.network_id] = await self._serve(network)

    async def _serve(self, network: MetadataNetwork) -> _Served:
        name = self._namespaces.name(network.network_id)
        channel = await asyncio.to_thread(listen, name)

        async def lookup(address: str) -> GuestMetadata | None:
            return await self._source.guest(network.network_id, address)

        async def keep(address: str, password: str) -> Kept:
            return await self._source.keep_password(network.network_id, address, password)

        protocol, state = _protocol(MetadataApp(lookup, keep))
        server = await asyncio.get_running_loop().create_server(protocol, sock=channel)
        log.info("metadata.serving", network=network.network_id, namespace=name)
        return _Served(network, server, state)


@contextlib.contextmanager
def _left_for_later(network: str) -> Iterator[None]:
    """Have what fails for one network, or its namespace, keep no other from its turn."""
    try:
        yield
    except (DriverError, OSError) as error:
        log.warning("metadata.broken", network=network, reason=str(error))


def _protocol(app: MetadataApp) -> tuple[Callable[[], asyncio.Protocol], ServerState]:
    """Return uvicorn's HTTP protocol around an app, and the state that knows its connections."""
    config = uvicorn.Config(
        app,
        http=GuestsProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # a guest could claim any address by them
        server_header=False,
        date_header=False,
        timeout_keep_alive=IDLE,
    )
    config.load()
    state = ServerState()

    def make() -> asyncio.Protocol:
        return GuestsProtocol(config=config, server_state=state, app_state={})

    return make, state
