"""Views of security groups and their rules."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Any

import sqlalchemy

from cumulo.core.http import Ctx
from cumulo.core.resource import Computed, Filterable, Sortable
from cumulo.services.network.model import SecurityGroup, SecurityGroupRule
from cumulo.services.network.prefixes import normalized
from cumulo.services.network.schema.standard import NamedView, StandardView, shared_of


class RuleView(StandardView, model=SecurityGroupRule):
    """A rule of a security group as clients see it."""

    security_group_id: Annotated[str, Filterable, Sortable]
    direction: Annotated[str, Filterable, Sortable]
    ethertype: Annotated[str, Filterable, Sortable]
    protocol: Annotated[str | None, Filterable, Sortable]
    port_range_min: Annotated[int | None, Filterable]
    port_range_max: Annotated[int | None, Filterable]
    remote_ip_prefix: Annotated[str | None, Filterable]
    remote_group_id: Annotated[str | None, Filterable]
    remote_address_group_id: Annotated[str | None, Filterable]
    belongs_to_default_sg: Annotated[bool, Computed(lambda row, page: row.security_group_id in page.extra)]
    normalized_cidr: Annotated[str | None, Computed(lambda row, _: normalized(row.remote_ip_prefix))]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> Any:
        """Fetch which of their groups are projects' default ones."""
        ids = {row.security_group_id for row in rows}
        where = (SecurityGroup.c.id.in_(ids), SecurityGroup.c.is_default)
        found = await ctx.db.rows(sqlalchemy.select(SecurityGroup.c.id).where(*where))
        return {row[0] for row in found}


class SecurityGroupView(NamedView, model=SecurityGroup):
    """A security group with its rules as clients see it."""

    stateful: Annotated[bool, Filterable]
    shared: Annotated[bool, Computed(lambda row, page: row.id in page.extra[1])]
    security_group_rules: Annotated[list[Any], Computed(lambda row, page: page.extra[0].get(row.id, []))]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> Any:
        """Fetch the rules of all groups, and which groups are shared."""
        wanted = SecurityGroupRule.c.security_group_id.in_([row.id for row in rows])
        order = [SecurityGroupRule.c.created_at, SecurityGroupRule.c.id]
        rules = await ctx.db.all(SecurityGroupRule, wanted, order_by=order)
        found: dict[str, list[Any]] = defaultdict(list)
        for shape in await RuleView.render(ctx, rules):
            found[shape["security_group_id"]].append(shape)
        return found, await shared_of(ctx, rows)
