"""`/console`: the noVNC page, and the WebSocket behind it that a token opens once."""

from cumulo.contracts.compute import ConsoleGrant, Servers
from cumulo.contracts.hypervisor import GuestMissing, Hypervisor
from cumulo.core.bus import Bus, remote
from cumulo.core.db import Database
from cumulo.core.errors import Error, NotFound
from cumulo.core.http import Ctx, Dialect, Response, RouteSet, Service, WebSocket
from cumulo.node.console import find, proxy

routes = RouteSet()


class NoSuchPage(NotFound):
    """There is no page {path} here."""


@routes.route("GET", "", policy=None)
async def front(ctx: Ctx) -> Response:
    """Show the console's page."""
    del ctx
    return page("")


@routes.route("GET", "/{path+}", policy=None)
async def file(ctx: Ctx, path: str) -> Response:
    """Show a file of the console's page."""
    del ctx
    return page(path)


def page(path: str) -> Response:
    """Return a file of noVNC. Raises NoSuchPage."""
    found = find(path)
    if found is None:
        raise NoSuchPage(path=path)
    return Response(200, found.content, {"Content-Type": found.content_type, **found.headers})


@routes.websocket("/websockify")
async def opened(socket: WebSocket) -> None:
    """Use up the token, then carry bytes between the browser and the guest's screen or serial port."""
    grant = await redeem(socket, socket.query.get("token", ""))
    if grant is None:
        await socket.refuse()
        return
    hypervisor = remote(socket.use(Bus), grant.host, Hypervisor)  # type: ignore[type-abstract]  # a Protocol is asked for, never made
    try:
        address = await hypervisor.console(grant.server_id, serial=grant.is_serial)
    except (Error, GuestMissing):
        await socket.refuse()
        return
    await proxy(socket.raw_receive, socket.raw_send, address, subprotocols=tuple(socket.subprotocols))


async def redeem(socket: WebSocket, token: str) -> ConsoleGrant | None:
    """Use up a token; None when it opens nothing."""
    if not token:
        return None
    async with socket.use(Database).begin() as db:
        return await socket.use(Servers).redeem_console(db, token)  # type: ignore[type-abstract]  # a Protocol is asked for, never made


SERVICE = Service(
    name="console",
    types=(),
    dialect=Dialect(path="/console"),
    parts=(routes,),
    description="Guests' screens in a browser.",
)
