"""What the oracle cannot show: rows as targets, scopes, overrides, circles, explanations."""

from pathlib import Path

import msgspec
import pytest

from cumulo.core.auth import (
    ADMIN,
    ANONYMOUS,
    PROJECT_MEMBER_OR_ADMIN,
    PROJECT_READER,
    Enforcer,
    Identity,
    Rule,
    read_policy,
)
from cumulo.core.auth.compiler import CircularRule
from cumulo.core.auth.enforcer import PolicyFileInvalid

CREATE = Rule("servers:create", PROJECT_MEMBER_OR_ADMIN, "Create.", ("project",))
MEMBER = Identity(user_id="u", project_id="p", roles=("member", "reader"))
ADMINISTRATOR = Identity(user_id="a", project_id="q", roles=("admin", "manager", "member", "reader"))


class Row(msgspec.Struct):
    project_id: str | None = None
    domain_id: str = ""
    shared: bool = False


def test_a_row_is_a_target() -> None:
    enforcer = Enforcer([CREATE])
    assert enforcer.allows(CREATE, MEMBER, Row("p"))
    assert not enforcer.allows(CREATE, MEMBER, Row("q"))
    assert enforcer.allows("servers:create", ADMINISTRATOR, Row("p"))


def test_without_a_target_the_identity_is_its_own() -> None:
    enforcer = Enforcer([CREATE])
    assert enforcer.allows(CREATE, MEMBER)
    assert not enforcer.allows(CREATE, Identity(user_id="u", roles=("member",)))
    assert not enforcer.allows(CREATE, ANONYMOUS)


def test_a_credential_that_is_absent_matches_nothing_not_even_a_target_of_none() -> None:
    unscoped = Identity(user_id="u", roles=("reader",))
    enforcer = Enforcer([Rule("look", PROJECT_READER)])
    assert not enforcer.allows("look", unscoped, Row(None))


def test_tenant_and_project_are_one_in_targets() -> None:
    enforcer = Enforcer([Rule("look", "tenant_id:%(tenant_id)s")])
    assert enforcer.allows("look", MEMBER, Row("p"))
    assert enforcer.allows("look", MEMBER, {"project_id": "p"})


def test_a_row_stands_for_the_noun_in_identitys_dotted_names() -> None:
    enforcer = Enforcer([Rule("look", "domain_id:%(target.user.domain_id)s")])
    who = Identity(domain_id="d")
    assert enforcer.allows("look", who, Row(domain_id="d"))
    assert enforcer.allows("look", who, {"target": {"user": Row(domain_id="d")}})
    assert enforcer.allows("look", who, {"target.user.domain_id": "d"})
    assert not enforcer.allows("look", who, Row(domain_id="e"))


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [
        ("field:networks:shared=True", True),
        ("field:networks:shared=False", False),
        ("field:networks:absent=True", False),
        ("field:networks:project_id=~^p", True),
        ("field:networks:project_id=~^x", False),
        ("field:nonsense", False),
    ],
)
def test_networks_own_kind_reads_a_field(rule: str, allowed: bool) -> None:
    assert Enforcer([Rule("look", rule)]).allows("look", MEMBER, Row("p1", shared=True)) is allowed


def test_a_rule_may_want_a_certain_scope() -> None:
    system = Identity(user_id="a", system=True, roles=("admin",))
    assert not Enforcer([CREATE]).allows(CREATE, system, Row("p"))
    assert Enforcer([Rule("x", ADMIN, "", ("system", "domain"))]).allows("x", system)


def test_a_declared_rule_may_replace_a_base_rule() -> None:
    enforcer = Enforcer([Rule("context_is_admin", "role:boss"), Rule("x", ADMIN)])
    assert not enforcer.allows("x", ADMINISTRATOR)
    assert enforcer.allows("x", Identity(roles=("boss",)))


def test_an_operator_overrides_a_rule_and_a_base_rule() -> None:
    enforcer = Enforcer([CREATE, Rule("x", ADMIN)], {"context_is_admin": "role:boss", "servers:create": "!"})
    assert enforcer.allows("x", Identity(roles=("boss",)))
    assert not enforcer.allows(CREATE, ADMINISTRATOR)
    enforcer.reload({})
    assert enforcer.allows(CREATE, ADMINISTRATOR)


def test_an_override_of_the_older_name_counts_until_the_new_one_is_overridden() -> None:
    rule = Rule("servers:resize", "!", "", deprecated="servers:grow")
    assert Enforcer([rule], {"servers:grow": "@"}).allows(rule, MEMBER)
    assert not Enforcer([rule], {"servers:grow": "@", "servers:resize": "!"}).allows(rule, MEMBER)


def test_a_circle_is_refused_and_the_present_rules_stay() -> None:
    enforcer = Enforcer([CREATE])
    with pytest.raises(CircularRule, match="a → b → a"):
        enforcer.reload({"a": "rule:b", "b": "not rule:a"})
    assert enforcer.allows(CREATE, MEMBER)


def test_an_unknown_rule_refuses() -> None:
    assert not Enforcer([]).allows("nothing", ADMINISTRATOR)


def test_explain_says_how_each_part_decided() -> None:
    text = Enforcer([CREATE]).explain(CREATE, MEMBER, Row("q"))
    assert text.startswith("servers:create: refused\n")
    assert "yes  role:member  (roles are member, reader)" in text
    assert "no   project_id:%(project_id)s  (project_id is 'p')" in text
    assert "the token's scope is domain" in Enforcer([CREATE]).explain(CREATE, Identity(domain_id="d"))
    assert "(no such rule)" in Enforcer([]).explain("nothing", MEMBER)


def test_explain_shows_every_kind_of_check() -> None:
    rule = "not @ or ! or 'x':%(y)s or field:networks:shared=True or word or http://h/%(x)s"
    text = Enforcer([Rule("r", rule)]).explain("r", MEMBER, Row("p"))
    for part in (
        "not @",
        "'x':%(y)s",
        "field:networks:shared=True",
        "not understood: word",
        "another server",
    ):
        assert part in text


def test_a_policy_file_is_read_as_yaml(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    assert read_policy(path) == {}
    path.write_text("# nothing\n")
    assert read_policy(path) == {}
    path.write_text('"servers:create": "role:boss"\nold: [["role:a", "role:b"], "role:c"]\n')
    assert read_policy(path) == {"servers:create": "role:boss", "old": [["role:a", "role:b"], "role:c"]}


@pytest.mark.parametrize("text", ["- a\n", "1: x\n", "a: 3\n", "a: [\n"])
def test_a_broken_policy_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    with pytest.raises(PolicyFileInvalid):
        read_policy(path)
