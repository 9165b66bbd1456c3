"""Every operation of every service, walked: documented, guarded, unambiguous, and who may do it."""

from collections import Counter
from collections.abc import Callable

import msgspec
import pytest

from cumulo.core.auth import ANONYMOUS, Enforcer, Identity
from cumulo.core.http import Operation, Service, openapi
from cumulo.testing.cloud import persona

OWN, OTHER = "own-project", "other-project"
USER = "own-user"
# What rules compare with: the row's owner under every name that upstream's rules give it.
TARGET = {
    "project_id": OWN,
    "tenant_id": OWN,
    "owner": OWN,
    "user_id": USER,
    "domain_id": "default",
    "network_id": "own-network",
    "target": {},
}
PERSONAS: dict[str, Identity] = {
    "anonymous": ANONYMOUS,
    "reader": persona("reader", OWN, user_id=USER),
    "member": persona("member", OWN, user_id=USER),
    "manager": persona("manager", OWN, user_id=USER),
    "admin": persona("admin", OWN, user_id=USER),
    "service": persona("service", "service-project"),
    "other": persona("member", OTHER),
}


def _key(operation: Operation) -> str:
    action = f" {operation.action}" if operation.action else ""
    return f"{operation.method} {operation.path or '/'}{action}"


def _none(findings: list[str]) -> None:
    if findings:
        pytest.fail("\n".join(findings), pytrace=False)


def test_there_are_services(services: list[Service]):
    assert {service.name for service in services} >= {"identity", "image", "network", "compute", "placement"}


def test_every_operation_says_in_a_sentence_what_it_does(services: list[Service]):
    _none(
        [
            f"{service.name}: {_key(operation)}: {operation.summary!r}"
            for service in services
            for operation in service.operations()
            if not operation.summary.endswith((".", "?")) or " " not in operation.summary
        ]
    )


def test_no_two_operations_answer_the_same_request(services: list[Service]):
    def shape(operation: Operation) -> str:
        return "/".join("{}" if part.startswith("{") else part for part in operation.path.split("/"))

    for service in services:
        served = Counter(
            (each.method, shape(each), each.action, each.at_root, each.since, each.until)
            for each in service.operations()
        )
        _none([f"{service.name}: {' '.join(map(str, key))}" for key, times in served.items() if times > 1])


def test_every_policy_is_a_declared_rule(services: list[Service]):
    _none(
        [
            f"{service.name}: {_key(operation)}: {operation.policy.name}"
            for service in services
            for operation in service.operations()
            if operation.policy is not None
            and operation.policy.name not in {rule.name for rule in service.rules}
        ]
    )


def test_every_rule_is_described(services: list[Service]):
    _none(
        [
            f"{service.name}: {rule.name}"
            for service in services
            for rule in service.rules
            if not rule.description
        ]
    )


def test_services_that_share_a_rules_name_mean_the_same(services: list[Service]):
    meanings: dict[str, dict[str, str]] = {}
    for service in services:
        for rule in service.rules:
            meanings.setdefault(rule.name, {})[service.name] = rule.default
    _none([f"{name}: {each}" for name, each in meanings.items() if len(set(each.values())) > 1])


def test_every_service_has_an_openapi_document(services: list[Service]):
    for service in services:
        told = msgspec.json.decode(msgspec.json.encode(openapi.document(service)))
        assert told["openapi"] == "3.1.0"
        assert bool(told["paths"]) == bool(service.operations())


def test_who_may_do_what_changes_only_on_purpose(
    services: list[Service], matches_golden: Callable[[str, str], None]
):
    for service in services:
        enforcer = Enforcer(service.rules, {})
        head = "  ".join((*PERSONAS, "operation"))
        lines = sorted((_line(enforcer, each) for each in service.operations()), key=_after_verdicts)
        matches_golden(f"{service.name}-personas", "\n".join([head, *lines]) + "\n")


def _line(enforcer: Enforcer, operation: Operation) -> str:
    rule = operation.policy
    verdicts = [
        "yes" if rule is None or (who is not ANONYMOUS and enforcer.allows(rule, who, TARGET)) else "-"
        for who in PERSONAS.values()
    ]
    cells = [f"{verdict:<{len(name)}}" for name, verdict in zip(PERSONAS, verdicts, strict=True)]
    return "  ".join((*cells, _key(operation), f"({rule.name if rule else 'open to all'})"))


def _after_verdicts(line: str) -> str:
    return line[len("  ".join(PERSONAS)) :]
