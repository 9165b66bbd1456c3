"""The audit log: who changed what, who logged in, who was refused."""

from typing import Any

from cumulo.core.errors import Invalid
from cumulo.core.http import Ctx, Page, RouteSet, identity_links
from cumulo.core.resource import as_int, as_time
from cumulo.services.identity import policy
from cumulo.services.identity.domain import events

audit = RouteSet()
_MOST = 1000


def _whose(ctx: Ctx) -> dict[str, Any]:
    """Return whose events are asked for: a project's, a domain's, or what the token is for."""
    asked = {name: ctx.request.first(name) for name in ("project_id", "domain_id")}
    whose = asked if any(asked.values()) else ctx.own()
    return {"target": {name: whose[name] for name in asked}}


@audit.route("GET", "/OS-CUMULO/audit/events", policy=policy.LIST_AUDIT_EVENTS, target=_whose)
async def list_audit_events(ctx: Ctx) -> dict[str, Any]:
    """List who changed what and who was refused, the newest first."""
    first = ctx.request.first
    unknown = sorted(ctx.request.query.keys() - {*events.FILTERS, "since", "until", "limit", "marker"})
    if unknown:
        raise Invalid(f"Events cannot be asked for by {unknown[0]}.", field=unknown[0])
    asked = {name: first(name) for name in events.FILTERS}
    if not ctx.may(policy.LIST_AUDIT_EVENTS, {"project_id": "", "domain_id": ""}):
        asked |= {"project_id": ctx.identity.project_id, "domain_id": ctx.identity.domain_id}
    since, until = (as_time(name, text) if (text := first(name)) else None for name in ("since", "until"))
    limit = min(as_int("limit", first("limit") or "100", least=1), _MOST)
    wanted = events.Asked(having=asked, since=since, until=until, marker=first("marker"))
    found = await events.page(ctx.db, wanted, limit + 1)
    following = found[limit - 1].id if len(found) > limit else None
    url = ctx.root_url + ctx.request.path
    page = Page(url=url, query=ctx.request.query, collection="events", next_marker=following)
    return {"events": [events.shape(event) for event in found[:limit]], **identity_links(page)}
