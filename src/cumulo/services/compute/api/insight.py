"""How servers lie on their hosts, and what the tokens of consoles are for."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.compute import policy
from cumulo.services.compute.api.actions import SERVERS
from cumulo.services.compute.domain import consoles, topology
from cumulo.services.compute.model import Server

routes = RouteSet()
servers = SERVERS


@servers.member("GET", "/topology", policy=policy.TOPOLOGY, since="2.78")
async def show_topology(ctx: Ctx, server: Server) -> Any:
    """Show a server's NUMA nodes, and the size of the pages of its memory."""
    del ctx
    return topology.of(server)


@routes.route("GET", "/os-console-auth-tokens/{console_token}", policy=policy.CONSOLE_TOKENS, since="2.31")
async def show_console(ctx: Ctx, console_token: str) -> Any:
    """Show which server's console a token opens."""
    return {"console": await consoles.told(ctx, console_token)}
