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
Id = Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$(?!\n)")]
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
    about = {"ids": [row.id for row in rows], "project": ctx.identity.project_id or EVERYONE}
    return {object_id for (object_id,) in await ctx.db.answer(_shared, **about)}


def _shared() -> Any:
    """Ask which of some objects a project, or everybody, is let use."""
    policy = RbacPolicy.c
    ids = sqlalchemy.bindparam("ids", type_=policy.object_id.type, expanding=True)
    project = sqlalchemy.bindparam("project", type_=policy.target_project.type)
    whose = sqlalchemy.or_(policy.target_project == project, policy.target_project == EVERYONE)
    return sqlalchemy.select(policy.object_id).where(
        policy.object_id.in_(ids), policy.action == SHARED, whose
    )


class Owned(Body):
    """Whose a new resource is: the caller's project unless an administrator names another."""

    tenant_id: Name | UnsetType | None = UNSET
    project_id: Name | UnsetType | None = UNSET

    @property
    def for_project(self) -> str | None:
        """Whose it is, and whose limits it is held against: the project named; None for the caller's."""
        return next((str(named) for named in (self.project_id, self.tenant_id) if named or named == ""), None)


class Described(Owned, kw_only=True):
    """A new resource with a name."""

    name: Name = ""
    description: Name = ""


class Redescribed(Body):
    """A changed resource with a name."""

    name: Name | UnsetType = UNSET
    description: Name | UnsetType = UNSET
