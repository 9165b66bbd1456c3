"""Identity's API: Keystone's version 3."""

from cumulo.core.http import Dialect, identity_links, microseconds
from cumulo.services.identity.api.catalog import endpoints, named_regions, regions, services
from cumulo.services.identity.api.credentials import below_user, credentials, rules
from cumulo.services.identity.api.discovery import discovery
from cumulo.services.identity.api.grants import grants
from cumulo.services.identity.api.projects import domains, projects
from cumulo.services.identity.api.roles import inferences, roles
from cumulo.services.identity.api.tokens import tokens
from cumulo.services.identity.api.users import groups, user_routes, users

DIALECT = Dialect(
    path="/identity",
    version_path="/v3",
    classic_port=5000,
    update_method="PATCH",
    links=identity_links,
    filter_suffixes=True,
    timestamp=microseconds,
    headers={"Vary": "X-Auth-Token"},
)

PARTS = (
    discovery,
    tokens,
    users,
    user_routes,
    groups,
    domains,
    projects,
    roles,
    inferences,
    grants,
    services,
    endpoints,
    regions,
    named_regions,
    credentials,
    below_user,
    rules,
)

__all__ = ["DIALECT", "PARTS"]
