"""Options of domains, projects and roles: `immutable` keeps one from being changed or deleted."""

from typing import Any

from cumulo.core.errors import Invalid
from cumulo.services.identity.errors import Immutable
from cumulo.services.identity.model import Domain, Project, Role

Kept = Domain | Project | Role
IMMUTABLE = "immutable"


def check_deletable(kind: str, row: Kept) -> None:
    """Raise Immutable for what may not be deleted."""
    if (row.options or {}).get(IMMUTABLE):
        raise Immutable(verb="delete", kind=kind, id=row.id)


def with_options(kind: str, row: Kept | None, changes: dict[str, Any]) -> dict[str, Any]:
    """Return changes with the options joined to those of a row (None: a new one); raise Immutable, Invalid.

    What is immutable changes only together with the end of being so.
    """
    before = (row.options if row is not None else None) or {}
    sent = changes.get("options", {})
    if set(sent) - {IMMUTABLE} or not isinstance(sent.get(IMMUTABLE), bool | None):
        raise Invalid("The only option is immutable: true, false or null.", field="options")
    if row is not None and before.get(IMMUTABLE) and sent.get(IMMUTABLE, True):
        raise Immutable(verb="update", kind=kind, id=row.id)
    if "options" not in changes:
        return changes
    joined = {name: value for name, value in {**before, **sent}.items() if value is not None}
    return changes | {"options": joined}
