"""The rules that new security groups begin with."""

from collections.abc import Sequence
from typing import Annotated, Any

from cumulo.core.http import Ctx
from cumulo.core.resource import Body, Filterable, Resource, Sortable, View
from cumulo.services.network import policy
from cumulo.services.network.api.ownership import columns
from cumulo.services.network.domain import default_rules as domain
from cumulo.services.network.errors import DefaultSecurityGroupRuleNotFound
from cumulo.services.network.model import DefaultRule
from cumulo.services.network.schema.standard import Name


class DefaultRuleView(View, model=DefaultRule):
    """A rule of the template as clients see it."""

    id: Annotated[str, Filterable, Sortable]
    description: Annotated[str, Filterable]
    direction: Annotated[str, Filterable, Sortable]
    ethertype: Annotated[str, Filterable, Sortable]
    protocol: Annotated[str | None, Filterable, Sortable]
    port_range_min: Annotated[int | None, Filterable]
    port_range_max: Annotated[int | None, Filterable]
    remote_ip_prefix: Annotated[str | None, Filterable]
    remote_group_id: Annotated[str | None, Filterable]
    remote_address_group_id: Annotated[str | None, Filterable]
    used_in_default_sg: Annotated[bool, Filterable]
    used_in_non_default_sg: Annotated[bool, Filterable]


class DefaultRuleCreate(Body, kw_only=True):
    """A new rule of the template."""

    direction: str
    ethertype: str = "IPv4"
    protocol: str | int | None = None
    port_range_min: int | None = None
    port_range_max: int | None = None
    remote_ip_prefix: str | None = None
    remote_group_id: str | None = None
    remote_address_group_id: str | None = None
    description: Name = ""
    used_in_default_sg: bool = False
    used_in_non_default_sg: bool = True


def kept(ctx: Ctx, model: Any) -> Sequence[Any]:
    """Scope: every rule that was not taken away."""
    del ctx
    return (model.c.removed.is_(False),)


async def ensure(ctx: Ctx) -> None:
    """Have the rules that we ship there before rules are listed."""
    await domain.ensure(ctx)


rules = Resource(
    "default_security_group_rule",
    "/default-security-group-rules",
    model=DefaultRule,
    view=DefaultRuleView,
    scope=kept,
    missing=DefaultSecurityGroupRuleNotFound,
)
rules.list(policy=policy.GET_DEFAULT_RULE, before=ensure)
rules.show(policy=policy.GET_DEFAULT_RULE)


@rules.create(policy=policy.CREATE_DEFAULT_RULE)
async def create(ctx: Ctx, body: DefaultRuleCreate) -> DefaultRule:
    """Add a rule to those that new security groups begin with."""
    values = columns(body)
    values["protocol"] = None if body.protocol is None else str(body.protocol)
    return await domain.create(ctx, values)


@rules.delete(policy=policy.DELETE_DEFAULT_RULE)
async def delete(ctx: Ctx, rule: DefaultRule) -> None:
    """Take a rule out of those that new security groups begin with."""
    await domain.delete(ctx, rule)
