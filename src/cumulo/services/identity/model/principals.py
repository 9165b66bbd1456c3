"""Who there is, which roles they have where, and the catalog.

Ids are 32 hexadecimal digits, as Keystone's are; the first domain's is `default`. Everything that decides
what a token may do raises the one `Revision` in the same transaction, by which every process learns of it.
"""

from datetime import datetime
from typing import Any

from cumulo.core import clock, ids
from cumulo.core.db import (
    Boolean,
    Index,
    Integer,
    Json,
    Model,
    String,
    Text,
    Unique,
    When,
    column,
)

DEFAULT_DOMAIN = "default"
SYSTEM = "system"

_ID = String(64)
_NAME = String(255)


class Revision(Model, table="identity_revisions"):
    """How often authority has changed: one row, whose id is 1."""

    id: int = column(Integer, key=True)
    value: int = column(Integer, default=0)


class Domain(Model, table="identity_domains"):
    """A name space of users, groups and projects."""

    id: str = column(_ID, key=True, default_factory=ids.plain)
    name: str = column(String(64), unique=True)
    description: str = column(Text, default="")
    enabled: bool = column(Boolean, default=True)
    tags: list[str] = column(Json, default_factory=list)
    extra: dict[str, Any] = column(Json, default_factory=dict)
    options: dict[str, Any] | None = column(Json, default=None)


class Project(Model, table="identity_projects"):
    """What resources belong to. A project directly below its domain has the domain's id as `parent_id`."""

    id: str = column(_ID, key=True, default_factory=ids.plain)
    domain_id: str = column(_ID, references="identity_domains.id")
    parent_id: str = column(_ID)
    name: str = column(String(64))
    description: str = column(Text, default="")
    enabled: bool = column(Boolean, default=True)
    tags: list[str] = column(Json, default_factory=list)
    extra: dict[str, Any] = column(Json, default_factory=dict)
    options: dict[str, Any] | None = column(Json, default=None)
    # Lists page by id: each index ends with it, so that a page costs as much among many as among few.
    __extra__ = (
        Unique("domain_id", "name"),
        Index("domain_id", "id"),
        Index("parent_id", "id"),
        Index("enabled", "id"),
        Index("name", "id"),
    )


class Lineage(Model, table="identity_lineage"):
    """A project and what it lies below: its domain, every project above it, and itself.

    With it, who inherits what is a look-up in either direction, however deep and wide the tree is.
    """

    ancestor_id: str = column(_ID, key=True)
    project_id: str = column(_ID, key=True, references="identity_projects.id", on_delete="CASCADE")
    __extra__ = (Index("project_id", "ancestor_id", unique=True),)


class User(Model, table="identity_users"):
    """Who may log in. Raising `generation` voids every token that the user holds."""

    id: str = column(_ID, key=True, default_factory=ids.plain)
    domain_id: str = column(_ID, references="identity_domains.id")
    name: str = column(_NAME)
    enabled: bool = column(Boolean, default=True)
    email: str | None = column(_NAME, default=None)
    description: str | None = column(Text, default=None)
    default_project_id: str | None = column(_ID, default=None)
    password_hash: str | None = column(String(255), default=None)
    password_expires_at: datetime | None = column(When, default=None)
    options: dict[str, Any] = column(Json, default_factory=dict)
    generation: int = column(Integer, default=1)
    created_at: datetime = column(When, default_factory=clock.now)
    extra: dict[str, Any] = column(Json, default_factory=dict)
    __extra__ = (
        Unique("domain_id", "name"),
        Index("domain_id", "id"),
        Index("enabled", "id"),
        Index("name", "id"),
    )


class Group(Model, table="identity_groups"):
    """Users who share role assignments."""

    id: str = column(_ID, key=True, default_factory=ids.plain)
    domain_id: str = column(_ID, references="identity_domains.id")
    name: str = column(String(64))
    description: str = column(Text, default="")
    extra: dict[str, Any] = column(Json, default_factory=dict)
    __extra__ = (Unique("domain_id", "name"), Index("domain_id", "id"), Index("name", "id"))


class Membership(Model, table="identity_memberships"):
    """A user in a group."""

    group_id: str = column(_ID, key=True, references="identity_groups.id", on_delete="CASCADE")
    user_id: str = column(_ID, key=True, references="identity_users.id", on_delete="CASCADE")
    __extra__ = (Index("user_id", "group_id", unique=True),)


class Role(Model, table="identity_roles"):
    """A name that policy rules ask for. One with a domain serves only to imply others."""

    id: str = column(_ID, key=True, default_factory=ids.plain)
    name: str = column(_NAME)
    domain_id: str | None = column(_ID, default=None, references="identity_domains.id")
    description: str | None = column(Text, default=None)
    options: dict[str, Any] | None = column(Json, default=None)
    __extra__ = (
        Unique("domain_id", "name"),
        Index("name", name="uq_identity_roles_global_name", unique=True, where="domain_id IS NULL"),
    )


class Implication(Model, table="identity_implications"):
    """Whoever has the prior role has the implied one too."""

    prior_id: str = column(_ID, key=True, references="identity_roles.id", on_delete="CASCADE")
    implied_id: str = column(_ID, key=True, references="identity_roles.id", on_delete="CASCADE")
    __extra__ = (Index("implied_id", "prior_id", unique=True),)


class Assignment(Model, table="identity_assignments"):
    """A role of a user or group on a project, a domain or the system.

    `actor_type` is `user` or `group`; `target_type` is `project`, `domain` or `system` (then `target_id` is
    `all`). With `inherited` it counts for the projects below the target, not for the target itself.
    """

    actor_type: str = column(String(8), key=True)
    actor_id: str = column(_ID, key=True)
    target_type: str = column(String(8), key=True)
    target_id: str = column(_ID, key=True)
    role_id: str = column(_ID, key=True, references="identity_roles.id", on_delete="CASCADE")
    inherited: bool = column(Boolean, key=True, default=False)
    # The key's columns in the orders in which lists go through them: all or one actor's, one target's, one
    # role's. Each is unique, which tells the database that nothing is left to sort.
    __extra__ = (
        Index(
            "actor_type", "inherited", "actor_id", "target_type", "target_id", "role_id",
            name="ix_identity_assignments_by_actor", unique=True,
        ),
        Index(
            "target_id", "inherited", "actor_type", "actor_id", "role_id", "target_type",
            name="ix_identity_assignments_by_target", unique=True,
        ),
        Index(
            "role_id", "actor_type", "inherited", "actor_id", "target_type", "target_id",
            name="ix_identity_assignments_by_role", unique=True,
        ),
    )  # fmt: skip


class Region(Model, table="identity_regions"):
    """A place that endpoints are in."""

    id: str = column(_NAME, key=True, default_factory=ids.plain)
    description: str = column(Text, default="")
    parent_region_id: str | None = column(_NAME, default=None, references="identity_regions.id")


class CatalogService(Model, table="identity_services"):
    """A service in the catalog."""

    id: str = column(_ID, key=True, default_factory=ids.plain)
    type: str = column(_NAME)
    name: str | None = column(_NAME, default=None)
    description: str | None = column(Text, default=None)
    enabled: bool = column(Boolean, default=True)


class Endpoint(Model, table="identity_endpoints"):
    """Where a service is, for one interface; `url` may hold `$(project_id)s` and `$(user_id)s`."""

    id: str = column(_ID, key=True, default_factory=ids.plain)
    service_id: str = column(_ID, index=True, references="identity_services.id", on_delete="CASCADE")
    region_id: str | None = column(_NAME, default=None, references="identity_regions.id")
    interface: str = column(String(8))
    url: str = column(Text)
    name: str | None = column(_NAME, default=None)
    description: str | None = column(Text, default=None)
    enabled: bool = column(Boolean, default=True)


class ApplicationCredential(Model, table="identity_application_credentials"):
    """A secret that logs a program in as its user, with some of the user's roles on one project.

    `access_rule_ids` is None when every call is allowed; `unrestricted` lets it manage others of its kind.
    """

    id: str = column(_ID, key=True, default_factory=ids.plain)
    name: str = column(_NAME)
    user_id: str = column(_ID, references="identity_users.id", on_delete="CASCADE")
    project_id: str = column(_ID, index=True)
    description: str | None = column(Text, default=None)
    secret_hash: str = column(String(255))
    expires_at: datetime | None = column(When, default=None)
    unrestricted: bool = column(Boolean, default=False)
    role_ids: list[str] = column(Json, default_factory=list)
    access_rule_ids: list[str] | None = column(Json, default=None)
    created_at: datetime = column(When, default_factory=clock.now)
    __extra__ = (Unique("user_id", "name"),)


class StoredAccessRule(Model, table="identity_access_rules"):
    """One call that application credentials of its user may be limited to."""

    id: str = column(_ID, key=True, default_factory=ids.plain)
    user_id: str = column(_ID, references="identity_users.id", on_delete="CASCADE")
    service: str = column(_NAME)
    method: str = column(String(16))
    path: str = column(String(128))
    __extra__ = (Unique("user_id", "service", "method", "path"),)


class RevokedToken(Model, table="identity_revoked_tokens"):
    """A token that was revoked before its time, by its audit id; kept while it could still be looked at."""

    audit_id: str = column(String(32), key=True)
    expires_at: datetime = column(When, index=True)
    revoked_at: datetime | None = column(When, default_factory=clock.now)
