"""Which endpoints a project sees, which policy counts for which endpoint, and domains' own settings."""

from typing import Any

from cumulo.core import ids
from cumulo.core.db import Json, Model, String, Text, column

_ID = String(64)
_NAME = String(255)


class ProjectEndpoint(Model, table="identity_project_endpoints"):
    """An endpoint that a project sees. A project with none of these and of groups sees all."""

    project_id: str = column(_ID, key=True)
    endpoint_id: str = column(_ID, key=True, references="identity_endpoints.id", on_delete="CASCADE")


class EndpointGroup(Model, table="identity_endpoint_groups"):
    """The endpoints that fit `filters`: `service_id`, `region_id`, `interface`."""

    id: str = column(_ID, key=True, default_factory=ids.plain)
    name: str = column(_NAME)
    description: str | None = column(Text, default=None)
    filters: dict[str, Any] = column(Json)


class ProjectEndpointGroup(Model, table="identity_project_endpoint_groups"):
    """A group of endpoints that a project sees."""

    project_id: str = column(_ID, key=True)
    group_id: str = column(_ID, key=True, references="identity_endpoint_groups.id", on_delete="CASCADE")


class PolicyAssociation(Model, table="identity_policy_associations"):
    """Where a policy counts: at an endpoint, for a service, or for a service in a region. A place has one."""

    place: str = column(String(400), key=True)
    policy_id: str = column(_ID, index=True, references="identity_policies.id", on_delete="CASCADE")
    endpoint_id: str | None = column(_ID, default=None)
    service_id: str | None = column(_ID, default=None)
    region_id: str | None = column(_NAME, default=None)


class DomainOption(Model, table="identity_domain_options"):
    """One setting of a domain's own configuration."""

    domain_id: str = column(_ID, key=True, references="identity_domains.id", on_delete="CASCADE")
    group: str = column(String(64), key=True)
    option: str = column(String(64), key=True)
    value: Any = column(Json)
