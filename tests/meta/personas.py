"""Who asks, in which scope, and the thing that is asked for: what rules are compared by."""

from typing import Any

from cumulo.core.auth import Identity
from cumulo.testing.cloud import IMPLIED

ROLES = ("admin", "manager", "member", "reader", "service")
SCOPES: dict[str, dict[str, Any]] = {
    "": {"project_id": "own", "project_domain_id": "own", "user_id": "own", "user_domain_id": "own"},
    "@other": {"project_id": "other", "project_domain_id": "other", "user_id": "other"},
    "@domain": {"domain_id": "own", "user_id": "another", "user_domain_id": "own"},
    "@other-domain": {"domain_id": "other", "user_id": "other"},
    "@system": {"system": True, "user_id": "another"},
}
PEOPLE = {
    f"{role}{where}": Identity(roles=IMPLIED[role], **scope)
    for where, scope in SCOPES.items()
    for role in ROLES
} | {"unscoped": Identity(user_id="own", user_domain_id="own")}

_ROW = {
    "project_id": "own",
    "tenant_id": "own",
    "owner": "own",
    "user_id": "own",
    "domain_id": "own",
    "member_id": "",
    "visibility": "private",
}
_DOMAIN = {"id": "own", "domain_id": "own", "domain": {"id": "own"}}
#: A thing that belongs to the project, the user and the domain `own`, in every service's words.
OWNED: dict[str, Any] = _ROW | {
    "shared": False,
    "router:external": False,
    "network:project_id": "own",
    "network:tenant_id": "own",
    "ext_parent:project_id": "own",
    "security_group:project_id": "own",
    "security_group:tenant_id": "own",
    "network": {"project_id": "own"},
    "target": {
        "domain_id": "own",
        "user": {"id": "own", "domain_id": "own"},
        "project": {"id": "own", "domain_id": "own"},
        "domain": {"id": "own"},
        "group": {"domain_id": "own"},
        "credential": {"user_id": "own"},
        "token": {"user_id": "own"},
        "trust": {"trustor_user_id": "own", "trustee_user_id": "other"},
        "role": {"domain_id": "own", "name": "member"},
        "prior_role": {},
        "limit": {**_DOMAIN, "project_id": "own", "project": {"domain_id": "own"}},
    },
}
