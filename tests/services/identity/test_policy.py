"""Who may do what in identity: the personas that Keystone's defaults speak of, on their own and on others."""

from typing import Any

import pytest

from cumulo.core.auth import Enforcer, Identity, Rule
from cumulo.services.identity import policy

IMPLIED = {
    "admin": ("admin", "manager", "member", "reader"),
    "manager": ("manager", "member", "reader"),
    "member": ("member", "reader"),
    "reader": ("reader",),
    "service": ("service",),
}


def someone(role: str, **scope: Any) -> Identity:
    return Identity(user_id="me", roles=IMPLIED[role], **scope)


PERSONAS = {
    "admin": someone("admin", project_id="p", project_domain_id="d"),
    "system-reader": someone("reader", system=True),
    "domain-manager": someone("manager", domain_id="d"),
    "domain-reader": someone("reader", domain_id="d"),
    "member": someone("member", project_id="p", project_domain_id="d"),
    "service": someone("service", project_id="s", project_domain_id="d"),
}


def inside(noun: str, **values: Any) -> dict[str, Any]:
    return {"target": {noun: {"id": "x", "domain_id": "d", **values}}}


def outside(noun: str, **values: Any) -> dict[str, Any]:
    return {"target": {noun: {"id": "x", "domain_id": "other", **values}}}


def grant(role: str, home: str = "d") -> dict[str, Any]:
    where = {"id": "x", "domain_id": home}
    return {"target": {"user": where, "project": where, "role": {"name": role, "domain_id": None}}}


EVERYONE = frozenset(PERSONAS)
LOOK = {"admin", "system-reader"}
LOOK_INSIDE = LOOK | {"domain-manager", "domain-reader"}
MANAGE_INSIDE = {"admin", "domain-manager"}


@pytest.mark.parametrize(
    ("rule", "target", "allowed"),
    [
        (policy.GET_USER, inside("user"), LOOK_INSIDE),
        (policy.GET_USER, outside("user"), LOOK),
        (policy.GET_USER, outside("user", id="me"), EVERYONE),
        (policy.CREATE_USER, inside("user"), MANAGE_INSIDE),
        (policy.CREATE_USER, outside("user"), {"admin"}),
        (policy.UPDATE_USER, outside("user", id="me"), {"admin"}),
        (policy.DELETE_USER, inside("user"), MANAGE_INSIDE),
        (policy.GET_GROUP, inside("group"), LOOK_INSIDE),
        (
            policy.ADD_USER_TO_GROUP,
            {"target": inside("group")["target"] | inside("user")["target"]},
            MANAGE_INSIDE,
        ),
        (
            policy.ADD_USER_TO_GROUP,
            {"target": inside("group")["target"] | outside("user")["target"]},
            {"admin"},
        ),
        (policy.ADD_USER_TO_GROUP, outside("group"), {"admin"}),
        (policy.GET_PROJECT, inside("project"), LOOK_INSIDE),
        (policy.GET_PROJECT, outside("project", id="p"), LOOK | {"member"}),
        (policy.CREATE_PROJECT, inside("project"), MANAGE_INSIDE),
        (policy.DELETE_PROJECT, outside("project"), {"admin"}),
        (policy.GET_DOMAIN, {"target": {"domain": {"id": "d"}}}, EVERYONE),
        (policy.GET_DOMAIN, {"target": {"domain": {"id": "other"}}}, LOOK),
        (policy.CREATE_DOMAIN, None, {"admin"}),
        (policy.LIST_ROLES, None, LOOK | {"domain-manager"}),
        (policy.CREATE_ROLE, None, {"admin"}),
        (policy.LIST_GRANTS, grant("member"), LOOK_INSIDE),
        (policy.LIST_GRANTS, grant("member", "other"), LOOK),
        (policy.CREATE_GRANT, grant("member"), MANAGE_INSIDE),
        (policy.CREATE_GRANT, grant("member", "other"), {"admin"}),
        (policy.CREATE_GRANT, grant("admin"), {"admin"}),
        (policy.CREATE_SYSTEM_GRANT_FOR_USER, None, {"admin"}),
        (policy.VALIDATE_TOKEN, {"target": {"token": {"user_id": "other"}}}, LOOK | {"service"}),
        (policy.VALIDATE_TOKEN, {"target": {"token": {"user_id": "me"}}}, EVERYONE),
        (policy.REVOKE_TOKEN, {"target": {"token": {"user_id": "other"}}}, {"admin"}),
        (policy.LIST_SERVICES, None, LOOK),
        (policy.CREATE_ENDPOINT, None, {"admin"}),
        (policy.LIST_REGIONS, None, EVERYONE),
        (policy.CREATE_APPLICATION_CREDENTIAL, {"user_id": "me"}, {"admin", "member", "service"}),
        (policy.CREATE_APPLICATION_CREDENTIAL, {"user_id": "other"}, frozenset()),
        (policy.DELETE_APPLICATION_CREDENTIAL, {"user_id": "other"}, {"admin"}),
        (policy.GET_APPLICATION_CREDENTIAL, {"user_id": "other"}, LOOK),
    ],
)
def test_each_persona_may_do_what_keystones_defaults_say(rule: Rule, target: Any, allowed: set[str]) -> None:
    enforcer = Enforcer(policy.RULES)
    assert {name for name, who in PERSONAS.items() if enforcer.allows(rule, who, target)} == set(allowed)


def test_every_rule_has_a_name_of_keystones_and_a_sentence() -> None:
    for rule in policy.RULES:
        assert rule.description.endswith(".")
        assert rule.name.startswith("identity:") or rule in policy.BASE
    assert len({rule.name for rule in policy.RULES}) == len(policy.RULES)
