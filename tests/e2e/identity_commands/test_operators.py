"""`cumulo keys rotate` and `cumulo policy explain` on a running cloud, beside the official client."""

import subprocess
import sys

import pytest

from cumulo.testing.launched import until

RULE = "identity:list_policies"


@pytest.fixture
def cumulo(state):
    """Run a command of Cumulo's own; return its status, output and what it said to standard error."""

    def run(*words: str) -> tuple[int, str, str]:
        line = [sys.executable, "-m", "cumulo.runtime.cli", "--state", str(state.path), *words]
        done = subprocess.run(line, check=False, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def policy_file(state):
    """The operator's overrides, absent again after the test."""
    path = state.path / "policy.yaml"
    yield path
    path.unlink(missing_ok=True)


def test_keys_turn_while_tokens_and_secrets_go_on(admin, person, cumulo, state):
    me = person()
    issued = me.json("token issue")
    kept = me.json("ec2 credentials create")
    by_token = me.but(auth_type="v3token", token=issued["id"], username="", password="", user_domain_name="")
    before = {path.name for path in (state.path / "token-keys").iterdir()}
    for _ in range(2):
        status, output, said = cumulo("keys", "rotate")
        assert (status, said) == (0, "")
        assert output.startswith("new keys are in use; ")
        assert int(output.split("; ")[1].split()[0]) >= 1
        assert by_token.json("token issue")["user_id"] == issued["user_id"]
        assert me.json("ec2 credentials show", kept["access"]) == kept
    after = {path.name for path in (state.path / "token-keys").iterdir()}
    assert max(after) > max(before)
    cumulo("keys", "rotate")  # the third turn is one more than tokens outlive
    assert "Could not find token" in by_token.refused("token issue")
    assert me.json("ec2 credentials show", kept["access"]) == kept
    assert admin.json("token issue")


def test_a_refusal_is_explained_part_by_part(person, cumulo):
    who = person("reader").environment["OS_USERNAME"]
    status, output, said = cumulo("policy", "explain", RULE, "--user", who, "--project", who)
    assert (status, said) == (3, "")
    lines = output.splitlines()
    assert lines[0] == f"{RULE}: refused"
    assert any(line.strip() == "no   role:admin  (roles are reader)" for line in lines)
    assert not any(line.strip().startswith("yes  rule:admin_required") for line in lines)


def test_what_is_allowed_is_explained_too_for_the_system_and_for_a_target(admin, person, cumulo):
    status, output, _said = cumulo("policy", "explain", RULE, "--user", "admin", "--system")
    assert (status, output.splitlines()[0]) == (0, f"{RULE}: allowed")
    me = person("reader")
    own = me.json("token issue")
    question = ("policy", "explain", "identity:get_user", "--user", own["user_id"],
                "--project", own["project_id"], "--target")  # fmt: skip
    status, output, _said = cumulo(*question, f"target.user.id={own['user_id']}")
    assert (status, output.splitlines()[0]) == (0, "identity:get_user: allowed")
    other = admin.json("user show", "admin")["id"]
    assert cumulo(*question, f"target.user.id={other}")[0] == 3


def test_overrides_count_without_a_restart_for_calls_and_for_explanations(person, cumulo, policy_file):
    me = person("reader")
    who = me.environment["OS_USERNAME"]
    question = ("policy", "explain", RULE, "--user", who, "--project", who)
    assert cumulo(*question)[0] == 3
    assert "403" in me.refused("policy list")
    policy_file.write_text(f'"{RULE}": "role:reader"\n')
    until(lambda: cumulo(*question)[0] == 0, seconds=30, what="the override to count")
    assert cumulo(*question)[1].splitlines()[-1].strip() == "yes  role:reader  (roles are reader)"
    assert me.json("policy list") == []
    policy_file.write_text("no: [valid\n")  # a slip of the operator's changes nothing
    until(lambda: me.json("policy list") == [], seconds=5)
    assert cumulo(*question)[0] == 0
    policy_file.unlink()
    until(lambda: cumulo(*question)[0] == 3, seconds=30, what="the override to be gone")
    assert "403" in me.refused("policy list")


@pytest.mark.parametrize(
    ("question", "word"),
    [
        (("--user", "nobody", "--system"), "nobody"),
        (("--user", "admin", "--project", "nowhere"), "nowhere"),
        (("--user", "demo", "--project", "admin"), "has no role there"),
        (("--user", "admin", "--system", "--domain", "no-domain"), "no domain no-domain"),
    ],
)
def test_what_does_not_exist_is_named(cumulo, question, word):
    status, output, said = cumulo("policy", "explain", RULE, *question)
    assert (status, output) == (1, "")
    assert said.startswith("cumulo: ")
    assert word in said
