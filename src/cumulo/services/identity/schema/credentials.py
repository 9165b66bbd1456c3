"""Application credentials and access rules on the wire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from cumulo.core.http import Ctx, OpenBody, bare_microseconds
from cumulo.core.resource import Computed, Filterable, PageContext, View
from cumulo.services.identity.model import ApplicationCredential, Role, StoredAccessRule
from cumulo.services.identity.schema.people import Name


def _roles(row: Any, page: PageContext) -> list[dict[str, Any]]:
    roles, _ = page.extra
    return [roles[each] for each in row.role_ids if each in roles]


def _rules(row: Any, page: PageContext) -> list[dict[str, Any]] | None:
    _, rules = page.extra
    if row.access_rule_ids is None:
        return None
    return [rules[each] for each in row.access_rule_ids if each in rules]


def _expires(row: Any, _page: PageContext) -> str | None:
    return None if row.expires_at is None else bare_microseconds(row.expires_at)


def _credential_link(row: Any, page: PageContext) -> dict[str, str]:
    return {"self": f"{page.base_url}/users/{row.user_id}/application_credentials/{row.id}"}


def _rule_link(row: Any, page: PageContext) -> dict[str, str]:
    return {"self": f"{page.base_url}/users/{row.user_id}/access_rules/{row.id}"}


class CredentialView(View, model=ApplicationCredential):
    """An application credential, without its secret."""

    id: str
    name: Annotated[str, Filterable]
    description: str | None
    user_id: str
    project_id: str
    system: Annotated[str | None, Computed(lambda _row, _page: None)]
    expires_at: Annotated[datetime | None, Computed(_expires)]
    unrestricted: bool
    roles: Annotated[list[dict[str, Any]], Computed(_roles)]
    access_rules: Annotated[list[dict[str, Any]] | None, Computed(_rules)]
    links: Annotated[Any, Computed(_credential_link)]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[ApplicationCredential]) -> Any:
        """Fetch the roles and access rules that the rows name."""
        role_ids = sorted({each for row in rows for each in row.role_ids})
        rule_ids = sorted({each for row in rows for each in row.access_rule_ids or ()})
        roles = await ctx.db.all(Role, Role.c.id.in_(role_ids)) if role_ids else []
        rules = await ctx.db.all(StoredAccessRule, StoredAccessRule.c.id.in_(rule_ids)) if rule_ids else []
        return (
            {role.id: {"id": role.id, "name": role.name, "domain_id": role.domain_id} for role in roles},
            {r.id: {"id": r.id, "service": r.service, "method": r.method, "path": r.path} for r in rules},
        )


class AccessRuleView(View, model=StoredAccessRule):
    """An access rule."""

    id: str
    service: Annotated[str, Filterable]
    method: Annotated[str, Filterable]
    path: Annotated[str, Filterable]
    links: Annotated[Any, Computed(_rule_link)]


class CredentialCreate(OpenBody):
    """A new application credential."""

    name: Name
    secret: str | None = None
    description: str | None = None
    expires_at: str | None = None
    unrestricted: bool = False
    roles: list[dict[str, Any]] | None = None
    access_rules: list[dict[str, Any]] | None = None
