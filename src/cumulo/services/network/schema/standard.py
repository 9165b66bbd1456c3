"""What every view and body of neutron's resources has: the standard attributes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import sqlalchemy
from msgspec import UNSET, Meta, UnsetType

from cumulo.core.http import Ctx
from cumulo.core.resource import Body, Computed, Filterable, Sortable, Source, View
from cumulo.services.network.model import EVERYONE, SHARED, RbacPolicy

Name = Annotated[str, Meta(max_length=255)]
TenantId = Annotated[str, Source("project_id"), Filterable]


class StandardView(View):
    """The attributes of every resource."""

    id: Annotated[str, Filterable, Sortable]
    tenant_id: TenantId
    project_id: Annotated[str, Filterable, Sortable]
    description: Annotated[str, Filterable]
    created_at: Annotated[datetime, Filterable, Sortable]
    updated_at: Annotated[datetime, Filterable, Sortable]
    revision_number: Annotated[int, Filterable, Sortable]


class TaggedView(StandardView):
    """A resource that users put words on."""

    tags: list[str]


class NamedView(TaggedView):
    """A resource with a name."""

    name: Annotated[str, Filterable, Sortable]


class SharedView(NamedView):
    """A resource that others may be let use."""

    shared: Annotated[bool, Computed(lambda row, page: row.id in page.extra)]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> set[str]:
        """Return the ids of those that the caller sees as shared."""
        return await shared_of(ctx, rows)


async def shared_of(ctx: Ctx, rows: Sequence[Any]) -> set[str]:
    """Return the ids of rows that the caller sees as shared: with its own project, or with everyone."""
    policy = RbacPolicy.c
    statement = sqlalchemy.select(policy.object_id).where(
        policy.object_id.in_([row.id for row in rows]),
        policy.action == SHARED,
        policy.target_project.in_((ctx.identity.project_id or EVERYONE, EVERYONE)),
    )
    return {row[0] for row in await ctx.db.rows(statement)}


class Owned(Body):
    """Whose a new resource is: the caller's project unless an administrator names another."""

    tenant_id: Name | UnsetType | None = UNSET
    project_id: Name | UnsetType | None = UNSET


class Described(Owned, kw_only=True):
    """A new resource with a name."""

    name: Name = ""
    description: Name = ""


class Redescribed(Body):
    """A changed resource with a name."""

    name: Name | UnsetType = UNSET
    description: Name | UnsetType = UNSET
