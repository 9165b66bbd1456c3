"""QoS policies, their rules, and which kinds of rules there are."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from cumulo.core.http import Ctx, RouteSet
from cumulo.core.resource import Resource, View
from cumulo.core.resource.query import as_bool
from cumulo.services.network import demands, policy
from cumulo.services.network.api.ownership import columns, owner, usable
from cumulo.services.network.api.standard import StandardResource
from cumulo.services.network.domain import qos as domain
from cumulo.services.network.domain import sharing
from cumulo.services.network.errors import QosPolicyNotFound, QosRuleNotFound, QosRuleTypeNotFound
from cumulo.services.network.model import QosPolicy, QosRule
from cumulo.services.network.schema import qos as schema
from cumulo.services.network.schema.qos import QosPolicyCreate, QosPolicyUpdate, QosPolicyView

policies = StandardResource(
    "policy",
    "/qos/policies",
    plural="policies",
    model=QosPolicy,
    view=QosPolicyView,
    scope=usable,
    shared=True,
    missing=QosPolicyNotFound,
)
policies.list(policy=policy.GET_QOS)
policies.show(policy=policy.GET_QOS)


@policies.create(policy=policy.CREATE_QOS)
async def create(ctx: Ctx, body: QosPolicyCreate) -> QosPolicy:
    """Create a policy without rules."""
    return await domain.create(ctx, owner(ctx, body), columns(body))


@policies.update(policy=policy.UPDATE_QOS)
async def update(ctx: Ctx, row: QosPolicy, body: QosPolicyUpdate) -> QosPolicy:
    """Change a policy."""
    return await domain.update(ctx, row, columns(body))


@policies.delete(policy=policy.DELETE_QOS)
async def delete(ctx: Ctx, row: QosPolicy) -> None:
    """Delete a policy that nothing follows."""
    await domain.delete(ctx, row)


#: Clients find a policy's tags here, too: neutron's tags know kinds of resources by their plural alone.
tags = StandardResource(
    "policy_tags",
    "/policies",
    model=QosPolicy,
    view=QosPolicyView,
    scope=usable,
    missing=QosPolicyNotFound,
    parameter="policy_id",
)


class Kind(NamedTuple):
    """A kind of rule: its view and bodies."""

    view: type[View]
    create: Any
    update: Any


KINDS = {
    domain.LIMIT: Kind(schema.LimitView, schema.LimitCreate, schema.LimitUpdate),
    domain.MARK: Kind(schema.MarkView, schema.MarkCreate, schema.MarkUpdate),
    demands.MINIMUM: Kind(schema.MinimumView, schema.MinimumCreate, schema.MinimumUpdate),
    demands.RATE: Kind(schema.PacketsView, schema.PacketsCreate, schema.PacketsUpdate),
}


def within(kind: str, *, alias: bool) -> Callable[[Ctx, Any], Sequence[Any]]:
    """Return the scope: rules of a kind, of the policy in the path; by alias, of any that is in scope."""

    def scope(ctx: Ctx, model: Any) -> Sequence[Any]:
        own = [model.c.kind == kind]
        if not alias:
            own.append(model.c.policy_id == ctx.params["policy_id"])
        if not ctx.identity.is_admin:
            own.append(model.c.policy_id.in_(sharing.usable_ids(QosPolicy, ctx.identity.project_id)))
        return own

    return scope


async def exists(ctx: Ctx) -> None:
    """Have the policy there before its rules are listed."""
    ctx.target = await policies.load(ctx)


def rules_of(kind: str, *, alias: bool = False) -> Resource:
    """Declare the rules of one kind, below their policy or by their id alone."""
    known, (creating, seeing, changing, deleting) = KINDS[kind], policy.QOS_RULES[kind]
    name = f"{kind}_rule"
    path = f"/qos/alias_{name}s" if alias else f"{policies.item}/{name}s"
    resource = Resource(
        name, path, model=QosRule, view=known.view, scope=within(kind, alias=alias),
        parameter="rule_id", missing=QosRuleNotFound,
    )  # fmt: skip
    if alias:
        resource.name, resource.plural = f"alias_{name}", f"alias_{name}s"
    else:
        resource.list(policy=seeing, before=exists)
    resource.show(policy=seeing)

    async def add(ctx: Ctx, body: Any) -> QosRule:
        """Add a rule to a policy."""
        return await domain.create_rule(ctx, await policies.load(ctx), kind, body.given())

    async def change(ctx: Ctx, rule: QosRule, body: Any) -> QosRule:
        """Change a rule."""
        return await domain.update_rule(ctx, rule, body.given())

    async def remove(ctx: Ctx, rule: QosRule) -> None:
        """Take a rule out of its policy."""
        await domain.delete_rule(ctx, rule)

    add.__annotations__["body"], change.__annotations__["body"] = known.create, known.update
    if not alias:
        resource.create(policy=creating)(add)
    resource.update(policy=changing)(change)
    resource.delete(policy=deleting)(remove)
    return resource


RULES = tuple(rules_of(kind, alias=alias) for kind in KINDS for alias in (False, True))

routes = RouteSet()
_ELSEWHERE = ("packet_rate_limit",)  # OVN's QoS counts bits (0182)
_RANGE = {"parameter_values": {"start": 0, "end": 2147483647}, "parameter_type": "range"}
_DIRECTION = {"parameter_values": list(domain.DIRECTIONS), "parameter_type": "choices"}
_ANY_DIRECTION = _DIRECTION | {"parameter_values": [domain.EITHER, *domain.DIRECTIONS]}
_PARAMETERS: dict[str, dict[str, Any]] = {
    "direction": _DIRECTION,
    "dscp_mark": {"parameter_values": sorted(domain.DSCP), "parameter_type": "choices"},
}


def described(kind: str) -> dict[str, Any]:
    """Return a kind of rule with what it can say."""
    named = schema.NUMBERS[kind]
    known = _PARAMETERS | ({"direction": _ANY_DIRECTION} if kind == demands.RATE else {})
    parameters = [{"parameter_name": name, **known.get(name, _RANGE)} for name in named]
    return {"type": kind, "drivers": [{"name": "ovn", "supported_parameters": parameters}]}


@routes.route("GET", "/qos/rule-types", policy=policy.GET_RULE_TYPE)
async def rule_types(ctx: Ctx) -> dict[str, Any]:
    """List the kinds of rules; with `all_rules` those as well that neutron has and nothing here does."""
    said = {
        name: as_bool(name, ctx.request.first(name) or "false") for name in ("all_supported", "all_rules")
    }
    known = [*KINDS, *(_ELSEWHERE if said["all_rules"] else ())]
    wanted = ctx.request.query.get("type", known)
    return {"rule_types": [{"type": kind} for kind in known if kind in wanted]}


@routes.route("GET", "/qos/rule-types/{rule_type}", policy=policy.GET_RULE_TYPE_DETAILS)
async def rule_type(ctx: Ctx, rule_type: str) -> dict[str, Any]:
    """Show what rules of a kind can say."""
    del ctx
    if rule_type not in KINDS:
        raise QosRuleTypeNotFound(id=rule_type)
    return {"rule_type": described(rule_type)}
