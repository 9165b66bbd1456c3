"""A server's consoles: what it wrote, and the right to its screen or its serial port, once.

A token is told to the user inside a URL and kept only as its hash; whoever serves the console redeems it.
"""

import hashlib
import secrets
from datetime import timedelta
from urllib.parse import quote

from cumulo.contracts.compute import ConsoleGrant
from cumulo.contracts.hypervisor import GuestMissing, Hypervisor
from cumulo.core import clock
from cumulo.core.bus import Bus, remote
from cumulo.core.db import Transaction
from cumulo.core.drivers import DriverError, Gone
from cumulo.core.errors import Unavailable
from cumulo.core.http import Ctx
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.domain.servers import check_state
from cumulo.services.compute.errors import (
    ConsoleTokenUnknown,
    ConsoleTypeUnavailable,
    InvalidParameter,
    ServerNotReady,
)
from cumulo.services.compute.model import ConsoleToken, Server, VmState
from cumulo.services.compute.schema.catalogue import MAX

SCREEN, SERIAL = "novnc", "serial"
WEBSOCKET = "console/websockify"  # below the cloud's own address, where a console's bytes go
QUICK = 30.0  # seconds in which a host tells what a guest wrote
_WITH_SCREEN = frozenset(VmState) - {VmState.BUILDING, VmState.DELETED}


async def output(ctx: Ctx, server: Server, length: int | str | None) -> str:
    """Return the last lines of what the guest wrote to its serial port; all for None and -1."""
    lines = _lines(length)
    if server.host is None:
        raise ServerNotReady(id=server.id)
    host = remote(ctx.use(Bus), server.host, Hypervisor, timeout=QUICK)
    try:
        text = await host.console_log(server.id, lines=lines)
    except (GuestMissing, Gone) as error:
        raise ServerNotReady(id=server.id) from error
    except DriverError as error:
        raise Unavailable(f"The host cannot tell: {error.public}") from error
    # Nova counts what a final line's end leaves over as a line too.
    return text if lines is None else "\n".join(text.split("\n")[-lines:] if lines else [])


def _lines(length: int | str | None) -> int | None:
    if length is None or length == "":
        return None
    try:
        number = int(length)
    except ValueError as error:
        reason = "It is no whole number."
        raise InvalidParameter(name="length", value=length, reason=reason) from error
    if number < -1:
        raise InvalidParameter(name="length", value=length, reason="It is less than -1.")
    return None if number == -1 else min(number, MAX)


async def open_console(ctx: Ctx, server: Server, kind: str) -> str:
    """Return a URL that shows the server's screen once, or opens a WebSocket to its serial port."""
    if kind not in (SCREEN, SERIAL):
        raise ConsoleTypeUnavailable(kind=kind)
    check_state(server, "get_vnc_console", _WITH_SCREEN)
    if server.host is None:
        raise ServerNotReady(id=server.id)
    settings = ctx.use(ComputeSettings)
    token = secrets.token_urlsafe(32)
    lifetime = timedelta(seconds=settings.console_lifetime)
    await ctx.db.insert(
        ConsoleToken(
            id=hashed(token),
            server_id=server.id,
            host=server.host,
            kind=kind,
            expires_at=clock.now() + lifetime,
        )
    )
    if kind == SERIAL:
        return f"{ctx.root_url.replace('http', 'ws', 1)}/{WEBSOCKET}?token={token}"
    page = settings.console_url.format(base=ctx.root_url)
    return f"{page}?path={quote(f'{WEBSOCKET}?token={token}')}"


async def redeem(db: Transaction, token: str) -> ConsoleGrant | None:
    """Use a token up; None when it is unknown, used or out of date."""
    row = await db.one(ConsoleToken, ConsoleToken.c.id == hashed(token), for_update=True)
    if row is None or not await db.delete(ConsoleToken, ConsoleToken.c.id == row.id):
        return None
    if row.expires_at < clock.now():
        return None
    return ConsoleGrant(server_id=row.server_id, host=row.host, is_serial=row.kind == SERIAL)


def hashed(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


async def told(ctx: Ctx, token: str) -> dict[str, object]:
    """Return what a token that is still valid opens; it is not used up. ConsoleTokenUnknown."""
    row = await ctx.db.get(ConsoleToken, hashed(token))
    if row is None or row.expires_at < clock.now():
        raise ConsoleTokenUnknown
    return {"instance_uuid": row.server_id, "host": row.host, "port": None, "internal_access_path": None}
