"""Views and bodies of QoS policies and their rules."""

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import UNSET, UnsetType

from cumulo.core.http import Ctx
from cumulo.core.resource import Body, Computed, Filterable, Guarded, Sortable, View
from cumulo.services.network import policy
from cumulo.services.network.model import QosPolicy, QosRule
from cumulo.services.network.schema.standard import Described, Redescribed, SharedView, shared_of

NUMBERS = {
    "bandwidth_limit": ("max_kbps", "max_burst_kbps", "direction"),
    "dscp_marking": ("dscp_mark",),
    "minimum_bandwidth": ("min_kbps", "direction"),
    "minimum_packet_rate": ("min_kpps", "direction"),
}
"""What rules of each kind say."""


class QosPolicyView(SharedView, model=QosPolicy):
    """A policy with its rules as clients see it."""

    shared: Annotated[bool, Computed(lambda row, page: row.id in page.extra[0])]
    is_default: Annotated[bool, Filterable]
    rules: Annotated[list[Any], Computed(lambda row, page: page.extra[1].get(row.id, []))]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> Any:
        """Fetch which policies are shared, and all their rules."""
        found: dict[str, list[Any]] = {}
        of_these = QosRule.c.policy_id.in_([row.id for row in rows])
        for rule in await ctx.db.all(QosRule, of_these, order_by=[QosRule.c.created_at, QosRule.c.id]):
            shown = {name: getattr(rule, name) for name in NUMBERS[rule.kind]}
            shown |= {"id": rule.id, "type": rule.kind, "qos_policy_id": rule.policy_id}
            found.setdefault(rule.policy_id, []).append(shown)
        return await shared_of(ctx, rows), found


class QosPolicyCreate(Described, kw_only=True):
    """A new policy."""

    shared: Annotated[bool, Guarded(policy.CREATE_QOS)] = False
    is_default: bool = False


class QosPolicyUpdate(Redescribed):
    """A changed policy."""

    shared: bool | UnsetType = UNSET
    is_default: bool | UnsetType = UNSET


class LimitView(View, model=QosRule):
    """A rule that limits bandwidth."""

    id: Annotated[str, Filterable, Sortable]
    max_kbps: Annotated[int, Filterable]
    max_burst_kbps: Annotated[int, Filterable]
    direction: Annotated[str, Filterable]


class MarkView(View, model=QosRule):
    """A rule that marks packets."""

    id: Annotated[str, Filterable, Sortable]
    dscp_mark: Annotated[int, Filterable]


class MinimumView(View, model=QosRule):
    """A rule that promises bandwidth."""

    id: Annotated[str, Filterable, Sortable]
    min_kbps: Annotated[int, Filterable]
    direction: Annotated[str, Filterable]


class LimitCreate(Body, kw_only=True):
    """A new limit."""

    max_kbps: int
    max_burst_kbps: int = 0
    direction: str = "egress"


class LimitUpdate(Body):
    """A changed limit."""

    max_kbps: int | UnsetType = UNSET
    max_burst_kbps: int | UnsetType = UNSET
    direction: str | UnsetType = UNSET


class MarkCreate(Body, kw_only=True):
    """A new mark."""

    dscp_mark: int


class MarkUpdate(Body):
    """A changed mark."""

    dscp_mark: int | UnsetType = UNSET


class MinimumCreate(Body, kw_only=True):
    """A new promise."""

    min_kbps: int
    direction: str = "egress"


class MinimumUpdate(Body):
    """A changed promise."""

    min_kbps: int | UnsetType = UNSET
    direction: str | UnsetType = UNSET


class PacketsView(View, model=QosRule):
    """A rule that promises packets."""

    id: Annotated[str, Filterable, Sortable]
    min_kpps: Annotated[int, Filterable]
    direction: Annotated[str, Filterable]


class PacketsCreate(Body, kw_only=True):
    """A new promise of packets."""

    min_kpps: int
    direction: str = "egress"


class PacketsUpdate(Body):
    """A changed promise of packets."""

    min_kpps: int | UnsetType = UNSET
    direction: str | UnsetType = UNSET
