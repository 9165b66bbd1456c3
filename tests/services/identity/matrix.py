"""The scene of the matrix: two domains alike, with one of everything in each, and who calls.

Ids are words, so that a path says what it is about: `home` is where the personas are from, `away` is not.
"""

from datetime import timedelta
from typing import Any

import msgspec

from cumulo.core import clock
from cumulo.core.db import Transaction
from cumulo.services.identity.domain.secrets import CredentialKeys, Ec2Key, ec2_id
from cumulo.services.identity.model import (
    AccessToken,
    ApplicationCredential,
    Assignment,
    CatalogService,
    Consumer,
    Credential,
    DomainOption,
    Endpoint,
    EndpointGroup,
    Group,
    Implication,
    Limit,
    Policy,
    PolicyAssociation,
    ProjectEndpoint,
    ProjectEndpointGroup,
    Region,
    RegisteredLimit,
    RequestToken,
    Role,
    StoredAccessRule,
    Trust,
    User,
)

PLACES = ("home", "away")
#: A persona: the role and where it is held. `self` is the user that paths at home are about.
PERSONAS = {
    "unscoped": ("member", ""),
    **{f"sys-{role}": (role, "system") for role in ("admin", "manager", "member", "reader")},
    **{f"dom-{role}": (role, "domain") for role in ("admin", "manager", "member", "reader")},
    **{f"{role}": (role, "project") for role in ("admin", "manager", "member", "reader")},
    "service": ("service", "project"),
}


class Scene:
    """What the scene's names stand for where ids are not to choose. `roles`, `projects`: name → id."""

    def __init__(self, roles: dict[str, str], projects: dict[str, str]) -> None:
        self.roles, self.projects = roles, projects

    def params(self, place: str, role: str) -> dict[str, str]:
        """Return what paths' names stand for in one of the domains, with one of the roles."""
        return _ids(place) | {"project_id": self.projects[place], "role_id": self.roles[role]}


def _ids(place: str) -> dict[str, str]:
    return {
        "domain_id": place,
        "user_id": f"{place}-user",
        "group_id": f"{place}-group",
        "prior_role_id": "role-prior",
        "implied_role_id": "role-implied",
        "service_id": "service",
        "endpoint_id": "endpoint",
        "endpoint_group_id": "endpoints",
        "region_id": "region",
        "policy_id": "policy",
        "tag": "tag",
        "group": "identity",
        "option": "driver",
        "application_credential_id": f"{place}-app",
        "access_rule_id": f"{place}-rule",
        "credential_id": f"{place}-credential",
        "trust_id": f"{place}-trust",
        "registered_limit_id": "registered",
        "limit_id": f"{place}-limit",
        "consumer_id": "consumer",
        "request_token_id": f"{place}-request",
        "access_token_id": f"{place}-access",
    }


def body(operation: str, place: str, scene: Scene) -> Any:
    """Return a body that is valid, by the operation's method and path."""
    name, project = {"name": "new"}, scene.projects[place]
    role = [{"id": scene.roles["member"]}]
    made = _of_the_catalog(place, project, role) | {
        "POST /auth/tokens": {"auth": {"identity": {"methods": ["password"], "password": {"user": {
            "id": f"{place}-user", "password": "wrong"}}}}},
        "POST /users": {"user": name | {"domain_id": place}},
        "PATCH /users/{user_id}": {"user": {"description": "x"}},
        "POST /users/{user_id}/password": {"user": {"original_password": "wrong", "password": "x"}},
        "POST /groups": {"group": name | {"domain_id": place}},
        "PATCH /groups/{group_id}": {"group": {"description": "x"}},
        "POST /domains": {"domain": name},
        "PATCH /domains/{domain_id}": {"domain": {"description": "x"}},
        "POST /projects": {"project": name | {"domain_id": place}},
        "PATCH /projects/{project_id}": {"project": {"description": "x"}},
        "PUT /projects/{project_id}/tags": {"tags": ["x"]},
        "POST /roles": {"role": name},
        "PATCH /roles/{role_id}": {"role": {"description": "x"}},
    }  # fmt: skip
    return made.get(operation)


def _of_the_catalog(place: str, project: str, role: Any) -> dict[str, Any]:
    name = {"name": "new"}
    return {
        "POST /services": {"service": {"type": "x"}},
        "PATCH /services/{service_id}": {"service": {"type": "x"}},
        "POST /endpoints": {"endpoint": {"service_id": "service", "interface": "public", "url": "http://x/"}},
        "PATCH /endpoints/{endpoint_id}": {"endpoint": {"url": "http://y/"}},
        "POST /regions": {"region": {"id": "new"}},
        "PUT /regions/{region_id}": {"region": {"id": "region"}},
        "PATCH /regions/{region_id}": {"region": {"description": "x"}},
        "POST /users/{user_id}/application_credentials": {"application_credential": name},
        "POST /credentials": {"credential": {"type": "x", "blob": "x", "user_id": f"{place}-user"}},
        "PATCH /credentials/{credential_id}": {"credential": {"blob": "y"}},
        "POST /users/{user_id}/credentials/OS-EC2": {"tenant_id": project},
        "POST /ec2tokens": {"credentials": {"access": "none"}},
        "POST /s3tokens": {"credentials": {"access": "none"}},
        "POST /policies": {"policy": {"type": "x", "blob": "x"}},
        "PATCH /policies/{policy_id}": {"policy": {"blob": "y"}},
        "POST /OS-TRUST/trusts": {"trust": {
            "trustor_user_id": f"{place}-user", "trustee_user_id": "away-user",
            "project_id": project, "impersonation": True, "roles": role}},
        "POST /registered_limits": {"registered_limits": [
            {"service_id": "service", "resource_name": "new", "default_limit": 1}]},
        "PATCH /registered_limits/{registered_limit_id}": {"registered_limit": {"default_limit": 2}},
        "POST /limits": {"limits": [{"service_id": "service", "resource_name": "other",
            "project_id": project, "resource_limit": 1}]},
        "PATCH /limits/{limit_id}": {"limit": {"resource_limit": 2}},
        "POST /OS-EP-FILTER/endpoint_groups": {"endpoint_group": {"name": "x", "filters": {}}},
        "PATCH /OS-EP-FILTER/endpoint_groups/{endpoint_group_id}": {"endpoint_group": {"name": "y"}},
        "PUT /domains/{domain_id}/config": {"config": {"identity": {"driver": "sql"}}},
        "PATCH /domains/{domain_id}/config": {"config": {"identity": {"driver": "sql"}}},
        "PATCH /domains/{domain_id}/config/{group}": {"config": {"identity": {"driver": "sql"}}},
        "PATCH /domains/{domain_id}/config/{group}/{option}": {"config": {"driver": "sql"}},
        "POST /OS-OAUTH1/consumers": {"consumer": {"description": "x"}},
        "PATCH /OS-OAUTH1/consumers/{consumer_id}": {"consumer": {"description": "x"}},
        "PUT /OS-OAUTH1/authorize/{request_token_id}": {"roles": role},
        "POST /OS-CUMULO/projects/{project_id}/purge": {"keep_project": True},
        "POST /OS-CUMULO/policy/explain": {"question": {"rule": "x", "user": {"id": f"{place}-user"}}},
    }  # fmt: skip


async def furnish(db: Transaction, keys: CredentialKeys, scene: Scene, password_hash: str) -> None:
    """Insert what is in the domains; they and their projects are there already."""
    for row in (*_catalog(), Consumer(id="consumer", sealed=keys.seal_bytes(b"x", b"consumer"))):
        await db.insert(row)
    for place in PLACES:
        mine = (*_people(place, scene, password_hash), *_keepsakes(place, scene, password_hash))
        for row in (*mine, *_sealed(place, scene, keys)):
            await db.insert(row)
    for persona, (role, scope) in PERSONAS.items():
        await db.insert(User(id=persona, name=persona, domain_id="home", password_hash=password_hash))
        where = {"system": "all", "domain": "home"}.get(scope, scene.projects["home"])
        kind = scope or "project"
        await db.insert(_assigned("user", persona, kind, where, scene.roles[role]))


def _assigned(actor: str, who: str, target: str, where: str, role: str, *, inherited: bool = False) -> Any:
    return Assignment(
        actor_type=actor, actor_id=who, target_type=target, target_id=where, role_id=role, inherited=inherited
    )


def _catalog() -> list[Any]:
    service, region = {"service_id": "service"}, {"region_id": "region"}
    return [
        Role(id="role-prior", name="prior"),
        Role(id="role-implied", name="implied"),
        Implication(prior_id="role-prior", implied_id="role-implied"),
        Region(id="region"),
        CatalogService(id="service", type="thing"),
        Endpoint(id="endpoint", **service, **region, interface="public", url="http://x/"),
        EndpointGroup(id="endpoints", name="endpoints", filters={}),
        Policy(id="policy", type="x", blob="x"),
        PolicyAssociation(place="endpoint endpoint", policy_id="policy", endpoint_id="endpoint"),
        PolicyAssociation(place="service service", policy_id="policy", **service),
        PolicyAssociation(place="service service region", policy_id="policy", **service, **region),
        RegisteredLimit(id="registered", **service, resource_name="thing", default_limit=9),
        RegisteredLimit(id="registered-2", **service, resource_name="other", default_limit=9),
    ]


def _people(place: str, scene: Scene, password_hash: str) -> list[Any]:
    project, user, group = scene.projects[place], f"{place}-user", f"{place}-group"
    given = [
        _assigned(actor, f"{place}-{actor}", target, where, scene.roles["member"], inherited=inherited)
        for actor in ("user", "group")
        for target, where in (("project", project), ("domain", place), ("system", "all"))
        for inherited in (False, True)
        if (target, inherited) != ("system", True)
    ]
    return [
        User(id=user, name=user, domain_id=place, password_hash=password_hash),
        Group(id=group, name=group, domain_id=place),
        DomainOption(domain_id=place, group="identity", option="driver", value="sql"),
        ProjectEndpoint(project_id=project, endpoint_id="endpoint"),
        ProjectEndpointGroup(project_id=project, group_id="endpoints"),
        Limit(id=f"{place}-limit", registered_limit_id="registered", project_id=project, resource_limit=5),
        *given,
    ]


def _keepsakes(place: str, scene: Scene, password_hash: str) -> list[Any]:
    """Return what is the user's own."""
    project, user = scene.projects[place], f"{place}-user"
    trust = {"trustor_user_id": user, "trustee_user_id": "away-user", "impersonation": True}
    member = [scene.roles["member"]]
    app = {"name": "app", "secret_hash": password_hash, "role_ids": member}
    return [
        StoredAccessRule(id=f"{place}-rule", user_id=user, service="x", method="GET", path="/"),
        ApplicationCredential(id=f"{place}-app", user_id=user, project_id=project, **app),
        Trust(id=f"{place}-trust", project_id=project, role_ids=member, **trust),
    ]


def _sealed(place: str, scene: Scene, keys: CredentialKeys) -> list[Any]:
    """Return a credential, an EC2 key whose access key has the same name, and what was granted by OAuth."""
    name = f"{place}-credential"
    key = msgspec.json.encode(Ec2Key(access=name, secret="x"))
    owner = {"user_id": f"{place}-user", "project_id": scene.projects[place]}
    grant = {"consumer_id": "consumer", "project_id": scene.projects[place]}
    request, access = (keys.seal_bytes(b"x", f"{place}-{kind}".encode()) for kind in ("request", "access"))
    later = clock.now() + timedelta(days=1)
    user = f"{place}-user"
    member = [scene.roles["member"]]
    return [
        RequestToken(id=f"{place}-request", expires_at=later, sealed=request, **grant),
        AccessToken(id=f"{place}-access", user_id=user, role_ids=member, sealed=access, **grant),
    ] + [
        Credential(id=id_, type=kind, sealed=keys.seal_bytes(text, id_.encode()), **owner)
        for id_, kind, text in ((name, "cert", b"text"), (ec2_id(name), "ec2", key))
    ]
