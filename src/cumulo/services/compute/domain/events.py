"""What other services tell of servers. Ours tell by contracts: this is for those beside this cloud."""

from typing import Any

from msgspec import UNSET

from cumulo.contracts.block_storage import Volumes
from cumulo.contracts.network import Ports
from cumulo.core.errors import NotFound
from cumulo.core.http import Ctx
from cumulo.services.compute import addresses, disks
from cumulo.services.compute.domain.volumes import grown
from cumulo.services.compute.errors import InvalidParameter
from cumulo.services.compute.model import Server
from cumulo.services.compute.schema.events import FAILED, GROWN, NETWORK, SINCE, EventBody

OK, NOT_FOUND, UNFIT, MIXED = 200, 404, 422, 207


async def receive(ctx: Ctx, events: list[EventBody]) -> tuple[int, list[dict[str, Any]]]:
    """Take note of events; return the status of the answer and what became of each. NotFound."""
    for event in events:
        _check(ctx, event)
    codes = [await _take(ctx, event) for event in events]
    told = [_document(event, code) for event, code in zip(events, codes, strict=True)]
    if OK not in codes:
        raise NotFound("No instances found for any event")
    return (OK if set(codes) == {OK} else MIXED), told


def _check(ctx: Ctx, event: EventBody) -> None:
    """Refuse events that the version does not know."""
    since = SINCE.get(event.name)
    known = event.name in NETWORK or (since is not None and (ctx.version or (2, 1)) >= since)
    if not known:
        raise InvalidParameter(name="name", value=event.name, reason="No such event is known.")


async def _take(ctx: Ctx, event: EventBody) -> int:
    """Act on one event; return its code."""
    server = await ctx.db.get(Server, event.server_uuid)
    if server is None or server.deleted_at is not None:
        return NOT_FOUND
    if server.host is None:
        return UNFIT
    if event.name in NETWORK:
        await addresses.refresh(ctx.db, ctx.use(Ports), [server.id])
    elif event.name == GROWN:
        return await _grown(ctx, server, event)
    return OK  # the guest's power is looked after, and a reimaged volume is found by who reads it


async def _grown(ctx: Ctx, server: Server, event: EventBody) -> int:
    """Have a guest see how large a volume of its is now."""
    volume_id = "" if event.tag is UNSET else event.tag
    if await disks.one(ctx.db, server.id, volume_id) is None:
        return NOT_FOUND
    volume = await ctx.use(Volumes).get(ctx.db, volume_id, project_id=None, is_admin=True)
    await grown(ctx, [server.id], volume.id, volume.size_gib)
    return OK


def _document(event: EventBody, code: int) -> dict[str, Any]:
    status = event.status if code == OK else FAILED
    shown = {"name": event.name, "server_uuid": event.server_uuid, "status": status, "code": code}
    return shown if event.tag is UNSET else {**shown, "tag": event.tag}
