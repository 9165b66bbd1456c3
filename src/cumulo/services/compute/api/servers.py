"""Servers and what can be done to them."""

from typing import Any

from msgspec import UNSET

from cumulo.contracts.network import Ports
from cumulo.core.http import Ctx, Response
from cumulo.core.resource import Resource
from cumulo.services.compute import addresses, policy
from cumulo.services.compute.domain import consoles, creation, images, search
from cumulo.services.compute.domain import servers as domain
from cumulo.services.compute.errors import ServerNotFound
from cumulo.services.compute.model import Server
from cumulo.services.compute.schema.bodies import (
    ConsoleOutputBody,
    CreateImageBody,
    LockBody,
    RebootBody,
    RemoteConsoleBody,
    ResetStateBody,
    ServerBody,
    ServerChange,
    VncBody,
)
from cumulo.services.compute.schema.created import created
from cumulo.services.compute.schema.declined import SerialBody, SpiceBody
from cumulo.services.compute.schema.servers import (
    ServerBrief,
    ServerShown,
    ServerUpdated,
    ServerView,
)
from cumulo.services.compute.tasks import Change

servers = Resource(
    "server",
    "/servers",
    model=Server,
    view=ServerView,
    scope=search.scope,
    order=("created_at:desc", "id:desc"),
    missing=ServerNotFound,
)
servers.list(policy=policy.LIST, detail=policy.DETAIL, brief=ServerBrief)
servers.show(policy=policy.SHOW, view=ServerShown)
for _name, _filter in search.FILTERS.items():
    servers.filter(_name)(_filter)


@servers.create(policy=policy.CREATE, status=202)
async def create(ctx: Ctx, body: ServerBody) -> Response:
    """Create one server or several."""
    password = creation.password() if body.admin_pass is UNSET else body.admin_pass
    made = await creation.create(ctx, body, password)
    return created(ctx, body, made, password)


@servers.update(policy=policy.UPDATE, view=ServerUpdated)
async def update(ctx: Ctx, server: Server, body: ServerChange) -> Server:
    """Change a server's name, description, hostname or access addresses."""
    return await domain.update(ctx, server, body)


@servers.delete(policy=policy.DELETE, status=204)
async def delete(ctx: Ctx, server: Server) -> None:
    """Delete a server."""
    await domain.delete(ctx, server)


@servers.action("forceDelete", policy=policy.FORCE_DELETE, status=202)
async def force_delete(ctx: Ctx, server: Server) -> None:
    """Delete a server at once, which is how every server is deleted here."""
    await domain.delete(ctx, server)


@servers.action("restore", policy=policy.RESTORE, status=202)
async def restore(ctx: Ctx, server: Server) -> None:
    """Restore a softly deleted server, which none is: every deletion here is at once."""
    del ctx
    domain.check_state(server, "restore", frozenset())


@servers.action("os-start", policy=policy.START, status=202)
async def start(ctx: Ctx, server: Server) -> None:
    """Start a stopped server."""
    await domain.change_power(ctx, server, Change.START)


@servers.action("os-stop", policy=policy.STOP, status=202)
async def stop(ctx: Ctx, server: Server) -> None:
    """Stop a running server."""
    await domain.change_power(ctx, server, Change.STOP)


@servers.action("reboot", policy=policy.REBOOT, status=202)
async def reboot(ctx: Ctx, server: Server, body: RebootBody) -> None:
    """Reboot a server: softly from inside, or hard."""
    hard = body.type.upper() == "HARD"
    await domain.change_power(ctx, server, Change.HARD_REBOOT if hard else Change.SOFT_REBOOT)


@servers.action("pause", policy=policy.PAUSE, status=202)
async def pause(ctx: Ctx, server: Server) -> None:
    """Freeze a server in memory."""
    await domain.change_power(ctx, server, Change.PAUSE)


@servers.action("unpause", policy=policy.UNPAUSE, status=202)
async def unpause(ctx: Ctx, server: Server) -> None:
    """Let a paused server go on."""
    await domain.change_power(ctx, server, Change.UNPAUSE)


@servers.action("lock", policy=policy.LOCK, status=202)
async def lock(ctx: Ctx, server: Server, body: LockBody | None) -> None:
    """Lock a server against changes."""
    reason = body.locked_reason if body is not None else UNSET
    await domain.lock(ctx, server, reason if isinstance(reason, str) else None)


@servers.action("unlock", policy=policy.UNLOCK, status=202)
async def unlock(ctx: Ctx, server: Server) -> None:
    """Unlock a server."""
    await domain.unlock(ctx, server)


@servers.action("os-resetState", policy=policy.RESET_STATE, status=202)
async def reset_state(ctx: Ctx, server: Server, body: ResetStateBody) -> None:
    """Set a server's state by hand."""
    await domain.reset_state(ctx, server, body.state)


@servers.action("injectNetworkInfo", policy=policy.INJECT_NETWORK_INFO, status=202)
async def inject_network_info(ctx: Ctx, server: Server) -> None:
    """Write a server's addresses anew from its ports; a guest always reads the present ones."""
    domain.check_lock(ctx, server)
    await addresses.refresh(ctx.db, ctx.use(Ports), [server.id])


@servers.action("createImage", policy=policy.CREATE_IMAGE, status=202)
async def create_image(ctx: Ctx, server: Server, body: CreateImageBody) -> Response:
    """Make an image of a server. Until 2.44 only the address in the answer's header names it."""
    image_id = await images.create(ctx, server, body)
    if ctx.version is not None and ctx.version >= (2, 45):
        return Response(202, {"image_id": image_id})
    return Response(202, b"", {"Location": f"{ctx.root_url}/image/v2/images/{image_id}"})


@servers.action("os-getConsoleOutput", policy=policy.CONSOLE_OUTPUT, status=200)
async def console_output(ctx: Ctx, server: Server, body: ConsoleOutputBody) -> Any:
    """Show the end of what a server wrote to its console."""
    length = None if body.length is UNSET else body.length
    return {"output": await consoles.output(ctx, server, length)}


@servers.action("os-getVNCConsole", policy=policy.REMOTE_CONSOLES, status=200, until="2.5")
async def vnc_console(ctx: Ctx, server: Server, body: VncBody) -> Any:
    """Get a URL that shows a server's screen once."""
    url = await consoles.open_console(ctx, server, body.type)
    return {"console": {"type": body.type, "url": url}}


@servers.action("os-getSPICEConsole", policy=policy.REMOTE_CONSOLES, status=200, until="2.5")
async def spice_console(ctx: Ctx, server: Server, body: SpiceBody) -> Any:
    """Get a URL that shows a server's screen by SPICE, where it has that."""
    return {"console": {"type": body.type, "url": await consoles.open_console(ctx, server, body.type)}}


@servers.action("os-getSerialConsole", policy=policy.REMOTE_CONSOLES, status=200, until="2.5")
async def serial_console(ctx: Ctx, server: Server, body: SerialBody) -> Any:
    """Get the URL of a WebSocket that is a server's serial port, once."""
    return {"console": {"type": body.type, "url": await consoles.open_console(ctx, server, body.type)}}


@servers.member(
    "POST",
    "/remote-consoles",
    policy=policy.REMOTE_CONSOLES,
    envelope="remote_console",
    since="2.6",
)
async def remote_console(ctx: Ctx, server: Server, body: RemoteConsoleBody) -> Any:
    """Get a URL that shows a server's screen once."""
    url = await consoles.open_console(ctx, server, body.type)
    return {"remote_console": {"protocol": body.protocol, "type": body.type, "url": url}}
