"""What other services tell of servers."""

import msgspec

from cumulo.core.http import Ctx, Response, RouteSet
from cumulo.services.compute import policy
from cumulo.services.compute.domain import events as domain
from cumulo.services.compute.schema.events import EventsBody

routes = RouteSet()


@routes.route("POST", "/os-server-external-events", policy=policy.EVENTS_CREATE)
async def receive_events(ctx: Ctx, body: EventsBody) -> Response:
    """Take note of what happened to servers' ports, volumes and power."""
    status, told = await domain.receive(ctx, body.events)
    return Response(status, msgspec.json.encode({"events": told}), {"Content-Type": "application/json"})
