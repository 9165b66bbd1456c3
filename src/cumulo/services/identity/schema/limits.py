"""Unified limits on the wire."""

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from cumulo.core.http import Body, Ctx
from cumulo.core.resource import Computed, Filterable, View
from cumulo.services.identity.model import Limit, RegisteredLimit
from cumulo.services.identity.schema.people import Name, self_link

Amount = Annotated[int, Meta(ge=-1, le=2**31 - 1)]


class RegisteredView(View, model=RegisteredLimit):
    """A registered limit."""

    id: str
    service_id: Annotated[str, Filterable]
    region_id: Annotated[str | None, Filterable]
    resource_name: Annotated[str, Filterable]
    default_limit: int
    description: str | None
    links: Annotated[Any, self_link("registered_limits")]


class RegisteredCreate(Body):
    """A new registered limit."""

    service_id: str
    resource_name: Name
    default_limit: Amount
    region_id: str | None = None
    description: str | None = None


class RegisteredUpdate(Body):
    """Changes of a registered limit."""

    service_id: str | UnsetType = UNSET
    resource_name: Name | UnsetType = UNSET
    default_limit: Amount | UnsetType = UNSET
    region_id: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET


def _registered(name: str) -> Computed:
    return Computed(lambda row, page: getattr(page.extra[row.registered_limit_id], name))


class LimitView(View, model=Limit):
    """A limit, with what the registered one says of it."""

    id: str
    service_id: Annotated[str, _registered("service_id")]
    region_id: Annotated[str | None, _registered("region_id")]
    resource_name: Annotated[str, _registered("resource_name")]
    resource_limit: int
    project_id: Annotated[str | None, Filterable]
    domain_id: Annotated[str | None, Filterable]
    description: str | None
    links: Annotated[Any, self_link("limits")]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Limit]) -> dict[str, RegisteredLimit]:
        """Fetch what the rows refer to."""
        wanted = sorted({row.registered_limit_id for row in rows})
        found = await ctx.db.all(RegisteredLimit, RegisteredLimit.c.id.in_(wanted)) if wanted else []
        return {row.id: row for row in found}


class LimitCreate(Body):
    """A new limit, of a project or of a domain."""

    service_id: str
    resource_name: Name
    resource_limit: Amount
    region_id: str | None = None
    project_id: str | None = None
    domain_id: str | None = None
    description: str | None = None


class LimitUpdate(Body):
    """Changes of a limit."""

    resource_limit: Amount | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
