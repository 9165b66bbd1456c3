"""Metering labels and their rules: for administrators."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from cumulo.core.http import Ctx
from cumulo.core.resource import Filterable, Resource, Sortable, View, Wire
from cumulo.services.network import policy
from cumulo.services.network.api.agents import administrators
from cumulo.services.network.api.ownership import columns, owner
from cumulo.services.network.domain import metering as domain
from cumulo.services.network.errors.metering import MeteringLabelNotFound, MeteringLabelRuleNotFound
from cumulo.services.network.model import MeteringLabel, MeteringRule
from cumulo.services.network.schema.standard import Name, Owned, TenantId


class LabelView(View, model=MeteringLabel):
    """A label as clients see it, with what it has counted until the hosts were last asked."""

    id: Annotated[str, Filterable, Sortable]
    tenant_id: TenantId
    project_id: Annotated[str, Filterable, Sortable]
    name: Annotated[str, Filterable, Sortable]
    description: Annotated[str, Filterable]
    shared: Annotated[bool, Filterable]
    packets: Annotated[int, Wire("cumulo:packets")]
    octets: Annotated[int, Wire("cumulo:bytes")]


class LabelCreate(Owned, kw_only=True):
    """A new label."""

    name: Name = ""
    description: Annotated[str, Meta(max_length=1024)] = ""
    shared: bool = False


class LabelRuleView(View, model=MeteringRule):
    """A rule of a label as clients see it."""

    id: Annotated[str, Filterable, Sortable]
    tenant_id: TenantId
    project_id: Annotated[str, Filterable, Sortable]
    label_id: Annotated[str, Wire("metering_label_id"), Filterable, Sortable]
    direction: Annotated[str, Filterable, Sortable]
    remote_ip_prefix: Annotated[str, Filterable, Sortable]
    excluded: Annotated[bool, Filterable]


class LabelRuleCreate(Owned, kw_only=True):
    """A new rule."""

    metering_label_id: str
    direction: Literal["ingress", "egress"]
    remote_ip_prefix: str
    excluded: bool = False


labels = Resource(
    "metering_label",
    "/metering/metering-labels",
    model=MeteringLabel,
    view=LabelView,
    scope=administrators,
    missing=MeteringLabelNotFound,
)
labels.list(policy=policy.GET_LABEL)
labels.show(policy=policy.GET_LABEL)


@labels.create(policy=policy.CREATE_LABEL)
async def create(ctx: Ctx, body: LabelCreate) -> MeteringLabel:
    """Make a label that counts nothing yet."""
    return await domain.create(ctx, owner(ctx, body), columns(body))


@labels.delete(policy=policy.DELETE_LABEL)
async def delete(ctx: Ctx, row: MeteringLabel) -> None:
    """Count no longer."""
    await domain.delete(ctx, row)


rules = Resource(
    "metering_label_rule",
    "/metering/metering-label-rules",
    model=MeteringRule,
    view=LabelRuleView,
    scope=administrators,
    missing=MeteringLabelRuleNotFound,
)
rules.list(policy=policy.GET_LABEL_RULE)
rules.show(policy=policy.GET_LABEL_RULE)


@rules.create(policy=policy.CREATE_LABEL_RULE)
async def create_rule(ctx: Ctx, body: LabelRuleCreate) -> MeteringRule:
    """Have a label count, or not count, the traffic with a prefix outside."""
    values: dict[str, Any] = columns(body, "metering_label_id")
    return await domain.create_rule(ctx, body.metering_label_id, values)


@rules.delete(policy=policy.DELETE_LABEL_RULE)
async def delete_rule(ctx: Ctx, row: MeteringRule) -> None:
    """Take a rule from its label."""
    await domain.delete_rule(ctx, row)
