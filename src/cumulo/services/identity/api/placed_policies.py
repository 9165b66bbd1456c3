"""Where a policy counts: at an endpoint, for a service, for a service in a region."""

from collections.abc import Awaitable, Callable
from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.identity import policy
from cumulo.services.identity.api.lists import listed, shown
from cumulo.services.identity.domain import filters as domain
from cumulo.services.identity.errors import PolicyNotFound
from cumulo.services.identity.model import Policy, PolicyAssociation
from cumulo.services.identity.schema.catalog import EndpointView
from cumulo.services.identity.schema.secrets import PolicyView

placed_policies = RouteSet()
_POLICY = "/policies/{policy_id}/OS-ENDPOINT-POLICY"
PLACES = {
    "endpoint": f"{_POLICY}/endpoints/{{endpoint_id}}",
    "service": f"{_POLICY}/services/{{service_id}}",
    "region_and_service": f"{_POLICY}/services/{{service_id}}/regions/{{region_id}}",
}
Does = Callable[[Ctx, PolicyAssociation], Awaitable[None]]


async def _load(ctx: Ctx) -> PolicyAssociation:
    get = ctx.params.get
    return await domain.association(
        ctx.db, ctx.params["policy_id"], get("endpoint_id"), get("service_id"), get("region_id")
    )


async def _check(ctx: Ctx, row: PolicyAssociation) -> None:
    await domain.require_association(ctx.db, row)


def _declare(method: str, verb: str, place: str, does: Does, text: str) -> None:
    async def run(ctx: Ctx, row: PolicyAssociation) -> None:
        await does(ctx, row)

    run.__doc__ = f"{text} {place.replace('_', ' ')}."
    run.__name__ = f"{verb}_policy_at_{place}"
    rule = policy.PLACE_RULES[verb, place]
    placed_policies.route(method, PLACES[place], policy=rule, status=204, load=_load)(run)


for _place in PLACES:
    _declare("PUT", "create", _place, domain.associate, "Have a policy count for a")
    _declare("GET", "check", _place, _check, "Check that a policy counts for a")
    _declare("DELETE", "delete", _place, domain.dissociate, "Have a policy no longer count for a")


@placed_policies.route("GET", f"{_POLICY}/endpoints", policy=policy.LIST_ENDPOINTS_FOR_POLICY)
async def list_endpoints_for_policy(ctx: Ctx, policy_id: str) -> dict[str, Any]:
    """List the endpoints for which a policy counts."""
    if await ctx.db.get(Policy, policy_id) is None:
        raise PolicyNotFound(id=policy_id)
    return await listed(ctx, "endpoints", EndpointView, await domain.endpoints_of(ctx.db, policy_id))


@placed_policies.route(
    "GET", "/endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy", policy=policy.GET_POLICY_FOR_ENDPOINT
)
async def show_policy_for_endpoint(ctx: Ctx, endpoint_id: str) -> dict[str, Any]:
    """Show the policy that counts for an endpoint."""
    endpoint = await domain.require_endpoint(ctx.db, endpoint_id)
    return await shown(ctx, "policy", PolicyView, await domain.policy_for(ctx.db, endpoint))
