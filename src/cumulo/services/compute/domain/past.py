"""What was done to a server, as the API tells it; of a deleted server too (2.21)."""

from typing import Any

from cumulo.core.auth import Identity
from cumulo.core.db import Reader
from cumulo.core.http import Ctx
from cumulo.core.resource import as_int, as_time
from cumulo.services.compute import policy
from cumulo.services.compute.domain.hosts import moment
from cumulo.services.compute.errors import ActionNotFound, ServerNotFound
from cumulo.services.compute.model import Event, Server, ServerAction
from cumulo.services.compute.schema.instants import until_second

FROM_DELETED = (2, 21)
FROM_PAGING = (2, 58)
FROM_EVENTS = (2, 51)


def target(ctx: Ctx) -> dict[str, Any]:
    """Return what the policy is checked against; whose the server is, `_server` sees to."""
    return ctx.own()


async def _server(db: Reader, identity: Identity, id: str, version: tuple[int, int]) -> Server:
    server = await db.get(Server, id)
    hidden = server is None or not (identity.is_admin or server.project_id == identity.project_id)
    if server is None or hidden or (server.deleted_at is not None and version < FROM_DELETED):
        raise ServerNotFound(id=id)
    return server


async def actions(ctx: Ctx, server_id: str) -> list[dict[str, Any]]:
    """Return what was done to a server, newest first."""
    version = ctx.version or FROM_PAGING
    await _server(ctx.db, ctx.identity, server_id, version)
    where = [ServerAction.c.server_id == server_id]
    limit = None
    if version >= FROM_PAGING:
        limit, more = await _paging(ctx, server_id)
        where += more
    order = (ServerAction.c.started_at.desc(), ServerAction.c.id.desc())
    rows = await ctx.db.all(ServerAction, *where, order_by=order, limit=limit)
    return [document(row, version) for row in rows]


async def _paging(ctx: Ctx, server_id: str) -> tuple[int | None, list[Any]]:
    """Read the list parameters that 2.58 and 2.66 brought."""
    first, where = ctx.request.first, []
    if since := first("changes-since"):
        where.append(ServerAction.c.updated_at >= as_time("changes-since", since))
    if before := first("changes-before"):
        where.append(ServerAction.c.updated_at <= until_second("changes-before", before))
    if marker := first("marker"):
        row = await _by_request(ctx.db, server_id, marker)
        where.append(ServerAction.c.started_at < row.started_at)
    asked = first("limit")
    return (as_int("limit", asked, least=0) if asked else None), where


async def _by_request(db: Reader, server_id: str, request_id: str) -> ServerAction:
    where = (ServerAction.c.server_id == server_id) & (ServerAction.c.request_id == request_id)
    row = await db.one(ServerAction, where)
    if row is None:
        raise ActionNotFound(request_id=request_id, id=server_id)
    return row


async def action(ctx: Ctx, server_id: str, request_id: str) -> dict[str, Any]:
    """Return what one request did to a server, with its parts."""
    version = ctx.version or FROM_PAGING
    server = await _server(ctx.db, ctx.identity, server_id, version)
    row = await _by_request(ctx.db, server_id, request_id)
    shape = document(row, version)
    operator = ctx.may(policy.ACTIONS_EVENTS, server)
    if operator or version >= FROM_EVENTS:
        shape["events"] = [event_document(ctx, server, event) for event in reversed(row.events)]
    return shape


def document(row: ServerAction, version: tuple[int, int]) -> dict[str, Any]:
    """Return an action as this version of the API shows it."""
    shape = {
        "action": row.action,
        "instance_uuid": row.server_id,
        "request_id": row.request_id,
        "user_id": row.user_id,
        "project_id": row.project_id,
        "start_time": moment(row.started_at),
        "message": row.message,
    }
    if version >= FROM_PAGING:
        shape["updated_at"] = moment(row.updated_at or row.started_at)
    return shape


def event_document(ctx: Ctx, server: Server, event: Event) -> dict[str, Any]:
    """Return a part of an action; its host and its failure for those who may see them."""
    version = ctx.version or (2, 104)
    shape: dict[str, Any] = {
        "event": event.event,
        "start_time": moment(event.started_at),
        "finish_time": moment(event.finished_at),
        "result": event.result,
    }
    operator = ctx.may(policy.ACTIONS_EVENTS, server)
    if operator:
        shape["traceback"] = event.details
    if version >= (2, 62):
        if operator:
            shape["host"] = event.host or ""
        shape["hostId"] = server.host_id
    if version >= (2, 84) and ctx.may(policy.EVENT_DETAILS, server):
        shape["details"] = event.details
    return shape
