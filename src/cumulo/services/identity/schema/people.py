"""Users and groups on the wire."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from cumulo.core.http import KeepingBody, OpenBody
from cumulo.core.resource import Computed, Filterable, PageContext, Spread, View
from cumulo.services.identity.model import Group, User

Name = Annotated[str, Meta(min_length=1, max_length=255)]
ShortName = Annotated[str, Meta(min_length=1, max_length=64)]
Password = Annotated[str, Meta(min_length=1, max_length=4096)]


def self_link(collection: str) -> Computed:
    """Return the field `links` of a resource under this collection."""
    return Computed(lambda row, page: {"self": f"{page.base_url}/{collection}/{row.id}"})


def _when_set(attribute: str) -> Computed:
    """Return a field that is left out while it has no value."""

    def shown(row: Any, page: PageContext) -> Any:
        del page
        value = getattr(row, attribute)
        return UNSET if value is None else value

    return Computed(shown, optional=True)


#: What a client added of its own accord is shown beside the other fields, as Keystone does.
EXTRA = Spread(lambda row, _page: row.extra)
_RESERVED = frozenset({"id", "links", "domain_id", "parent_id", "is_domain", "password_expires_at"})


def with_extra(row: Any, changes: dict[str, Any]) -> dict[str, Any]:
    """Join what a client sends of its own accord to what the row (None: a new one) has of it already."""
    sent = {name: value for name, value in changes.pop("extra", {}).items() if name not in _RESERVED}
    return changes | {"extra": {**(row.extra if row is not None else {}), **sent}} if sent else changes


class UserView(View, model=User):
    """A user."""

    id: str
    name: Annotated[str, Filterable]
    domain_id: Annotated[str, Filterable]
    enabled: Annotated[bool, Filterable]
    password_expires_at: datetime | None
    options: dict[str, Any]
    email: Annotated[str | None, _when_set("email")]
    description: Annotated[str | None, _when_set("description")]
    default_project_id: Annotated[str | None, _when_set("default_project_id")]
    extra: Annotated[Any, EXTRA]
    links: Annotated[Any, self_link("users")]


class UserCreate(KeepingBody):
    """A new user."""

    name: Name
    domain_id: str | None = None
    password: Password | None = None
    enabled: bool = True
    email: str | None = None
    description: str | None = None
    default_project_id: str | None = None
    options: dict[str, Any] = {}


class UserUpdate(KeepingBody):
    """Changes of a user."""

    name: Name | UnsetType = UNSET
    password: Password | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    email: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    default_project_id: str | UnsetType | None = UNSET
    options: dict[str, Any] | UnsetType = UNSET


class PasswordChange(OpenBody):
    """A user's own change of password."""

    password: Password
    original_password: str


class GroupView(View, model=Group):
    """A group."""

    id: str
    name: Annotated[str, Filterable]
    domain_id: Annotated[str, Filterable]
    description: str
    extra: Annotated[Any, EXTRA]
    links: Annotated[Any, self_link("groups")]


class GroupCreate(KeepingBody):
    """A new group."""

    name: ShortName
    domain_id: str | None = None
    description: str | None = None


class GroupUpdate(KeepingBody):
    """Changes of a group."""

    name: ShortName | UnsetType = UNSET
    description: str | UnsetType = UNSET
