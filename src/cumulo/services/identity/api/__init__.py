"""Identity's API: Keystone's version 3."""

from cumulo.core.http import Dialect, identity_links, microseconds
from cumulo.services.identity.api.assignments import assignments
from cumulo.services.identity.api.audit import audit
from cumulo.services.identity.api.catalog import endpoints, named_regions, regions, services
from cumulo.services.identity.api.configuration import configuration
from cumulo.services.identity.api.credentials import below_user, credentials, rules
from cumulo.services.identity.api.discovery import discovery
from cumulo.services.identity.api.filters import endpoint_groups, filter_routes
from cumulo.services.identity.api.grants import grants
from cumulo.services.identity.api.limits import limit_routes, limits, registered
from cumulo.services.identity.api.oauth import consumers, oauth
from cumulo.services.identity.api.oauth2 import oauth2
from cumulo.services.identity.api.operator import operator
from cumulo.services.identity.api.placed_policies import placed_policies
from cumulo.services.identity.api.projects import domains, project_routes, projects
from cumulo.services.identity.api.purges import purges
from cumulo.services.identity.api.revocations import revocations
from cumulo.services.identity.api.roles import inferences, roles
from cumulo.services.identity.api.secrets import credentials as secrets
from cumulo.services.identity.api.secrets import ec2, policies
from cumulo.services.identity.api.signed import signed
from cumulo.services.identity.api.tokens import tokens
from cumulo.services.identity.api.trusts import trust_routes, trusts
from cumulo.services.identity.api.users import groups, user_routes, users
from cumulo.services.identity.errors import TrustNotFound

DIALECT = Dialect(
    path="/identity",
    version_path="/v3",
    classic_port=5000,
    update_method="PATCH",
    links=identity_links,
    filter_suffixes=True,
    timestamp=microseconds,
    reveals=(TrustNotFound,),
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
    project_routes,
    roles,
    inferences,
    grants,
    assignments,
    services,
    endpoints,
    regions,
    named_regions,
    credentials,
    below_user,
    rules,
    secrets,
    ec2,
    signed,
    policies,
    trusts,
    trust_routes,
    registered,
    limits,
    limit_routes,
    endpoint_groups,
    filter_routes,
    placed_policies,
    configuration,
    consumers,
    oauth,
    oauth2,
    revocations,
    operator,
    purges,
    audit,
)

__all__ = ["DIALECT", "PARTS"]
