"""Trusts on the wire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from cumulo.core.http import Ctx, OpenBody
from cumulo.core.resource import Computed, Filterable, PageContext, View
from cumulo.services.identity.model import Role, Trust


def role_shape(base_url: str, role: Role) -> dict[str, Any]:
    """Return a role as trusts and access tokens show it."""
    return {
        "id": role.id,
        "name": role.name,
        "domain_id": role.domain_id,
        "description": role.description,
        "options": {},
        "links": {"self": f"{base_url}/roles/{role.id}"},
    }


def _roles(row: Trust, page: PageContext) -> list[dict[str, Any]]:
    return [role_shape(page.base_url, page.extra[each]) for each in row.role_ids if each in page.extra]


def _path(row: Trust, page: PageContext) -> str:
    return f"{page.base_url}/OS-TRUST/trusts/{row.id}"


def _roles_links(row: Trust, page: PageContext) -> dict[str, Any]:
    return {"self": f"{_path(row, page)}/roles", "next": None, "previous": None}


class BriefTrustView(View, model=Trust):
    """A trust in a list."""

    id: str
    trustor_user_id: Annotated[str, Filterable]
    trustee_user_id: Annotated[str, Filterable]
    project_id: str | None
    impersonation: bool
    expires_at: datetime | None
    remaining_uses: int | None
    redelegated_trust_id: str | None
    redelegation_count: int
    deleted_at: Annotated[str | None, Computed(lambda _row, _page: None)]
    links: Annotated[Any, Computed(lambda row, page: {"self": _path(row, page)})]


class TrustView(BriefTrustView, model=Trust):
    """A trust with its roles."""

    roles: Annotated[list[dict[str, Any]], Computed(_roles)]
    roles_links: Annotated[dict[str, Any], Computed(_roles_links)]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Trust]) -> dict[str, Role]:
        """Fetch the roles that the rows name."""
        ids = sorted({each for row in rows for each in row.role_ids})
        return {role.id: role for role in await ctx.db.all(Role, Role.c.id.in_(ids))} if ids else {}


class TrustCreate(OpenBody):
    """A new trust."""

    trustor_user_id: str
    trustee_user_id: str
    impersonation: bool
    project_id: str | None = None
    roles: list[dict[str, Any]] = []
    expires_at: Annotated[str, Meta(max_length=64)] | None = None
    remaining_uses: Annotated[int, Meta(ge=1)] | None = None
    allow_redelegation: bool = False
    redelegation_count: Annotated[int, Meta(ge=0)] | None = None
