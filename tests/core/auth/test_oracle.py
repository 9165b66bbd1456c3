"""oslo.policy is the oracle: whatever rule and whoever asks, both must decide alike."""

import logging
import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oslo_config import cfg
from oslo_policy import policy as oslo

from cumulo.core.auth import Enforcer, Identity, Rule

WORDS = ("admin", "Member", "reader", "p1", "p2", "u1", "True", "None", "all")
ATTRIBUTES = ("project_id", "user_id", "name", "target.user.id", "shared", "absent")
CREDENTIALS = ("project_id", "user_id", "domain_id", "system_scope", "is_admin", "roles", "unknown", "a.b")

templates = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(ATTRIBUTES).map(lambda name: f"%({name})s"),
    st.sampled_from(ATTRIBUTES).map(lambda name: f"x-%({name})s"),
)
# `project_id:None` asks for a token without it; only there upstream's services give oslo.policy a None.
asked_of_tokens = templates.filter(lambda template: template != "None")
checks = st.one_of(
    st.sampled_from(["@", "!", "rule:one", "rule:two", "rule:absent", "nonsense", "'p1'", '"x"']),
    st.builds("role:{}".format, templates),
    st.builds("{}:{}".format, st.sampled_from(CREDENTIALS), asked_of_tokens),
    st.builds("{}:{}".format, st.sampled_from(["'p1'", "True", "None", "1", '"u1"']), templates),
)
expressions = st.recursive(
    checks,
    lambda inner: st.one_of(
        st.builds("not {}".format, inner),
        st.builds("({})".format, inner),
        st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or", "AND", "Or"]), inner),
        st.builds("( {} or {} )".format, inner, inner),
    ),
    max_leaves=8,
)
scraps = st.lists(
    st.sampled_from(["(", ")", "and", "or", "not", "@", "!", "role:admin", "p:q", "'a'", "((@", "!)"]),
    max_size=7,
).map(" ".join)
identities = st.builds(
    Identity,
    user_id=st.sampled_from([None, "u1", "u2"]),
    project_id=st.sampled_from([None, "p1", "p2"]),
    domain_id=st.sampled_from([None, "p1", "default"]),
    system=st.booleans(),
    roles=st.lists(st.sampled_from(["admin", "Admin", "member", "reader", "p1"]), max_size=3).map(tuple),
)
targets = st.dictionaries(
    st.sampled_from(ATTRIBUTES[:-1]),
    st.sampled_from(["p1", "u1", "admin", "reader", None, True, 1]),
)


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> None:
    logging.getLogger("oslo_policy").setLevel(logging.CRITICAL)


def decided_by_oslo(rules: dict[str, Any], identity: Identity, target: dict[str, Any]) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        conf = cfg.ConfigOpts()
        conf([])
        enforcer = oslo.Enforcer(conf, use_conf=False)
        enforcer.set_rules(oslo.Rules.from_dict(rules), use_conf=False)
        return bool(enforcer.enforce("asked", target, identity.credentials()))


def decided_by_us(rules: dict[str, Any], identity: Identity, target: dict[str, Any]) -> bool:
    return Enforcer([Rule("asked", "!")], rules).allows("asked", identity, target)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(asked=st.one_of(expressions, scraps), one=checks, two=expressions, who=identities, target=targets)
def test_each_decision_is_the_one_of_oslo_policy(
    asked: str, one: str, two: str, who: Identity, target: dict[str, Any]
) -> None:
    rules = {"asked": asked, "one": one.replace("rule:", "role:"), "two": two.replace("rule:", "role:")}
    assert decided_by_us(rules, who, target) == decided_by_oslo(rules, who, target)


@settings(deadline=None, max_examples=60)
@given(
    asked=st.lists(st.one_of(st.sampled_from(["role:admin", "@", "!"]), st.lists(checks, max_size=2))),
    who=identities,
    target=targets,
)
def test_the_older_lists_of_lists_mean_the_same(
    asked: list[Any], who: Identity, target: dict[str, Any]
) -> None:
    rules = {"asked": asked, "one": "role:admin", "two": "!"}
    assert decided_by_us(rules, who, target) == decided_by_oslo(rules, who, target)


@pytest.mark.parametrize("default", ["role:admin", "!"])
def test_a_rule_named_default_stands_for_every_unknown_one(default: str) -> None:
    rules = {"asked": "rule:absent", "default": default}
    who = Identity(roles=("admin",))
    assert decided_by_us(rules, who, {}) == decided_by_oslo(rules, who, {}) == (default == "role:admin")


def test_a_rule_may_ask_for_a_token_without_a_thing() -> None:
    rules = {"asked": "not domain_id:None"}
    assert decided_by_us(rules, Identity(user_id="u1", domain_id="default"), {})
    assert not decided_by_us(rules, Identity(user_id="u1"), {})
