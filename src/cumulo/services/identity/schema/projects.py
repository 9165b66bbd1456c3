"""Domains, projects and roles on the wire."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from cumulo.core.http import KeepingBody, OpenBody
from cumulo.core.resource import Computed, Filterable, View
from cumulo.services.identity.model import Domain, Project, Role
from cumulo.services.identity.schema.people import EXTRA, Name, ShortName, self_link

Tag = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^,/]*$(?!\n)")]
OPTIONS = Computed(lambda row, _page: row.options or {})


class DomainView(View, model=Domain):
    """A domain."""

    id: str
    name: Annotated[str, Filterable]
    description: str
    enabled: Annotated[bool, Filterable]
    tags: list[str]
    options: Annotated[dict[str, Any], OPTIONS]
    extra: Annotated[Any, EXTRA]
    links: Annotated[Any, self_link("domains")]


class DomainCreate(KeepingBody):
    """A new domain."""

    name: ShortName
    description: str | None = None
    enabled: bool = True
    explicit_domain_id: str | None = None
    tags: list[Tag] = []
    options: dict[str, Any] = {}


class DomainUpdate(KeepingBody):
    """Changes of a domain."""

    name: ShortName | UnsetType = UNSET
    description: str | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    tags: list[Tag] | UnsetType = UNSET
    options: dict[str, Any] | UnsetType = UNSET


class ProjectView(View, model=Project):
    """A project."""

    id: str
    name: Annotated[str, Filterable]
    domain_id: Annotated[str | None, Computed(lambda row, _page: row.domain_id or None), Filterable]
    description: str
    enabled: Annotated[bool, Filterable]
    parent_id: Annotated[str | None, Computed(lambda row, _page: row.parent_id or None), Filterable]
    is_domain: Annotated[bool, Computed(lambda row, _page: not row.domain_id)]
    tags: list[str]
    options: Annotated[dict[str, Any], OPTIONS]
    extra: Annotated[Any, EXTRA]
    links: Annotated[Any, self_link("projects")]


class ActingProjectView(View, model=Domain):
    """A domain as the project that it acts as."""

    id: str
    name: Annotated[str, Filterable]
    domain_id: Annotated[str | None, Computed(lambda _row, _page: None)]
    description: str
    enabled: Annotated[bool, Filterable]
    parent_id: Annotated[str | None, Computed(lambda _row, _page: None)]
    is_domain: Annotated[bool, Computed(lambda _row, _page: True)]
    tags: list[str]
    options: Annotated[dict[str, Any], OPTIONS]
    extra: Annotated[Any, EXTRA]
    links: Annotated[Any, self_link("projects")]


class ProjectCreate(KeepingBody):
    """A new project."""

    name: ShortName
    domain_id: str | None = None
    parent_id: str | None = None
    description: str | None = None
    enabled: bool = True
    is_domain: bool = False
    tags: list[Tag] = []
    options: dict[str, Any] = {}


class ProjectUpdate(KeepingBody):
    """Changes of a project."""

    name: ShortName | UnsetType = UNSET
    description: str | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    tags: list[Tag] | UnsetType = UNSET
    options: dict[str, Any] | UnsetType = UNSET


class Tags(OpenBody):
    """All the tags of a project."""

    tags: Annotated[list[Tag], Meta(max_length=80)]


class RoleView(View, model=Role):
    """A role."""

    id: str
    name: Annotated[str, Filterable]
    domain_id: Annotated[str | None, Filterable]
    description: str | None
    options: Annotated[dict[str, Any], OPTIONS]
    links: Annotated[Any, self_link("roles")]


class RoleCreate(OpenBody):
    """A new role."""

    name: Name
    domain_id: str | None = None
    description: str | None = None
    options: dict[str, Any] = {}


class RoleUpdate(OpenBody):
    """Changes of a role."""

    name: Name | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    options: dict[str, Any] | UnsetType = UNSET
