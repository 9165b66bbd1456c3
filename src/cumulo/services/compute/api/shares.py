"""File shares in servers (2.97): none can be there, for this cloud has no service of file shares."""

from typing import Any

from cumulo.core.http import Ctx
from cumulo.services.compute import policy
from cumulo.services.compute.api.insight import servers
from cumulo.services.compute.declined import ShareNotAttached, ShareUnknown
from cumulo.services.compute.domain import servers as domain
from cumulo.services.compute.model import Server, VmState
from cumulo.services.compute.schema.declined import ShareBody

SERVERS = servers
SINCE = "2.97"


@servers.member("GET", "/shares", policy=policy.SHARES_LIST, since=SINCE)
async def list_shares(ctx: Ctx, server: Server) -> Any:
    """List a server's shares."""
    del ctx, server
    return {"shares": []}


@servers.member("POST", "/shares", policy=policy.SHARES_ATTACH, envelope="share", since=SINCE, status=201)
async def attach_share(ctx: Ctx, server: Server, body: ShareBody) -> Any:
    """Attach a share to a stopped server, if there were one."""
    domain.check_lock(ctx, server)
    domain.check_state(server, "share_attach", frozenset({VmState.STOPPED}))
    raise ShareUnknown(id=body.share_id)


@servers.member("GET", "/shares/{share_id}", policy=policy.SHARES_SHOW, since=SINCE)
async def show_share(ctx: Ctx, server: Server, share_id: str) -> Any:
    """Show a share of a server."""
    del ctx
    raise ShareNotAttached(share_id=share_id, id=server.id)


@servers.member("DELETE", "/shares/{share_id}", policy=policy.SHARES_DETACH, since=SINCE)
async def detach_share(ctx: Ctx, server: Server, share_id: str) -> None:
    """Detach a share from a server."""
    del ctx
    raise ShareNotAttached(share_id=share_id, id=server.id)
