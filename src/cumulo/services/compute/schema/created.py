"""The answer to the creation of servers: little, for they do not run yet."""

from cumulo.core.http import Ctx, Response
from cumulo.core.resource import PageContext
from cumulo.services.compute.model import Server
from cumulo.services.compute.schema.bodies import ServerBody
from cumulo.services.compute.schema.catalogue import is_true
from cumulo.services.compute.schema.links import links


def created(ctx: Ctx, body: ServerBody, servers: list[Server], password: str) -> Response:
    """Return the first new server's id, links and password; or the reservation, where asked for."""
    first = servers[0]
    if is_true(body.return_reservation_id):
        return Response(202, {"reservation_id": first.reservation_id})
    page = PageContext(ctx)
    groups = [] if not isinstance(body.security_groups, list) else body.security_groups
    document = {
        "id": first.id,
        "links": links("servers", first.id, page),
        "OS-DCF:diskConfig": first.disk_config,
        "security_groups": [{"name": group.name} for group in groups] or [{"name": "default"}],
        "adminPass": password,
    }
    location = f"{ctx.base_url}/servers/{first.id}"
    return Response(202, {"server": document}, {"Location": location})
