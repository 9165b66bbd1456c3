"""Tokens, application credentials, trusts and OAuth by the official client."""

import json
import re

import pytest

FAR = "2100-01-01T00:00:00"
SOON_OVER = "2001-01-01T00:00:00"


def test_a_token_is_issued_and_revoked(person):
    me = person()
    issued = me.json("token issue")
    assert set(issued) == {"id", "expires", "project_id", "user_id"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000", issued["expires"])
    by_token = me.but(auth_type="v3token", token=issued["id"], username="", password="", user_domain_name="")
    assert by_token.json("token issue")["user_id"] == issued["user_id"]
    me("token revoke", issued["id"])
    assert by_token.refused("token issue")
    assert "404" in me.refused("token revoke", issued["id"])
    assert "401" in me.but(password="wrong").refused("token issue")
    assert "401" in me.but(project_name="admin").refused("token issue")


def test_a_token_may_be_for_a_domain_the_system_or_nothing(admin, name):
    system = admin.but(project_name="", project_domain_name="", system_scope="all").json("token issue")
    assert set(system) == {"id", "expires", "system", "user_id"}
    user = name("user")
    admin("user create", user, "--password", "pass word")
    homeless = admin.but(username=user, password="pass word", project_name="", project_domain_name="")
    assert set(homeless.json("token issue")) == {"id", "expires", "user_id"}
    admin("role add", "admin", "--user", "admin", "--domain", "Default")
    domain = admin.but(project_name="", project_domain_name="", domain_name="Default").json("token issue")
    assert domain["domain_id"] == "default"
    admin("role remove", "admin", "--user", "admin", "--domain", "Default")


def by_credential(me, credential, secret):
    """Return the client that logs in by an application credential alone."""
    there = dict.fromkeys(("username", "password", "project_name", "user_domain_name"), "")
    return me.but(
        auth_type="v3applicationcredential",
        application_credential_id=credential,
        application_credential_secret=secret,
        project_domain_name="",
        **there,
    )


def test_an_application_credential_is_made_shown_used_and_deleted(person):
    me = person()
    own = me.json("token issue")
    made = me.json(
        "application credential create", "robot", "--secret", "a secret", "--role", "member",
        "--expiration", FAR, "--description", "For the robot", "--unrestricted",
    )  # fmt: skip
    assert [role["name"] for role in made["Roles"]] == ["member"]
    assert {key: made[key] for key in made if key not in {"ID", "Roles"}} == {
        "Name": "robot",
        "Description": "For the robot",
        "Project ID": own["project_id"],
        "Unrestricted": True,
        "Access Rules": [],
        "Expires At": f"{FAR}.000000",
        "Secret": "a secret",
    }
    shown = {key: value for key, value in made.items() if key != "Secret"}  # told but once
    assert me.json("application credential show", "robot") == shown
    assert me.json("application credential list") == [shown]
    robot = by_credential(me, made["ID"], "a secret")
    assert robot.json("token issue")["user_id"] == own["user_id"]
    assert "401" in by_credential(me, made["ID"], "another secret").refused("token issue")
    said = me.refused("application credential create", "robot")
    assert "409" in said
    assert "no-robot" in me.refused("application credential delete", "robot", "no-robot")
    assert me.json("application credential list") == []
    assert "401" in robot.refused("token issue")


def test_a_restricted_credential_makes_no_other_and_does_only_what_its_rules_allow(person, tmp_path):
    me = person()
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps([{"service": "identity", "method": "GET", "path": "/v3/auth/projects"}]))
    made = me.json("application credential create", "narrow", "--restricted", "--access-rules", str(rules))
    assert made["Unrestricted"] is False
    rule = me.json("access rule list")
    assert rule == [
        {"ID": rule[0]["ID"], "Service": "identity", "Method": "GET", "Path": "/v3/auth/projects"}
    ]
    assert made["Access Rules"][0]["id"] == rule[0]["ID"]
    assert me.json("access rule show", rule[0]["ID"]) == {
        "ID": rule[0]["ID"],
        "Service": "identity",
        "Method": "GET",
        "Path": "/v3/auth/projects",
    }
    narrow = by_credential(me, made["ID"], made["Secret"])
    assert len(narrow.json("federation project list")) == 1  # which asks /v3/auth/projects
    assert narrow.refused("application credential list")
    assert "403" in me.refused("access rule delete", rule[0]["ID"])  # in use
    me("application credential delete", "narrow")
    me("access rule delete", rule[0]["ID"])
    assert me.json("access rule list") == []
    assert me.refused("access rule show", rule[0]["ID"])


def test_an_application_credential_needs_a_role_that_one_has_and_a_time_to_come(person):
    me = person("reader")
    assert "400" in me.refused("application credential create", "too-much", "--role", "admin")
    assert "400" in me.refused("application credential create", "over", "--expiration", SOON_OVER)
    assert me.refused("application credential create", "bad", "--access-rules", "not json")
    said = me.refused("application credential create", "bad", "--access-rules", '[{"colour": "red"}]')
    assert "400" in said
    assert me.json("application credential list") == []


def test_the_administrator_sees_others_application_credentials(admin, person):
    me = person()
    me("application credential create", "mine")
    who = me.environment["OS_USERNAME"]
    found = admin.json("application credential list", "--user", who, "--user-domain", "Default")
    assert [each["Name"] for each in found] == ["mine"]
    own = admin.json("user show", "admin")["id"]
    assert "403" in me.refused("application credential list", "--user", own)


def test_the_client_cannot_list_anothers_access_rules(admin, person):
    """It asks its SDK for what only its older library has; this fails when a version of it is mended."""
    who = person().environment["OS_USERNAME"]
    assert "object has no attribute" in admin.refused("access rule list", "--user", who)


@pytest.fixture
def trust_of(admin, person):
    """Make a trust between two new users as its trustor; return both clients and the trust."""
    role = admin.json("role show", "member")["id"]  # ordinary users cannot look up roles by name

    def make(*options: str):
        trustor, trustee = person(), person()
        mine, theirs = trustor.json("token issue"), trustee.json("token issue")
        made = trustor.json("trust create", mine["user_id"], theirs["user_id"],
                            "--project", mine["project_id"], "--role", role, *options)  # fmt: skip
        return trustor, trustee, made

    return make


def test_a_trust_is_made_shown_listed_used_and_deleted(admin, trust_of):
    trustor, trustee, made = trust_of("--impersonate", "--expiration", FAR)
    mine, theirs = trustor.json("token issue"), trustee.json("token issue")
    assert (made["trustor_user_id"], made["trustee_user_id"]) == (mine["user_id"], theirs["user_id"])
    assert made["project_id"] == mine["project_id"]
    assert made["is_impersonation"] is True
    assert made["expires_at"].startswith(FAR)
    assert trustor.json("trust show", made["id"])["id"] == made["id"]
    by_trust = trustee.but(trust_id=made["id"], project_name="", project_domain_name="")
    acting = by_trust.json("token issue")
    assert (acting["user_id"], acting["project_id"]) == (mine["user_id"], mine["project_id"])
    assert [each["ID"] for each in trustee.json("trust list", "--trustee", theirs["user_id"])] == [made["id"]]
    listed = {each["ID"]: each for each in admin.json("trust list")}
    assert listed[made["id"]]["Impersonation"] is True
    assert "403" in trustee.refused("trust list")
    trustor("trust delete", made["id"])
    assert by_trust.refused("token issue")
    assert trustor.refused("trust show", made["id"])


def test_trusts_are_listed_by_who_gave_and_who_got_them(admin, trust_of):
    trustor, trustee, made = trust_of()
    gave, got = trustor.environment["OS_USERNAME"], trustee.environment["OS_USERNAME"]
    assert made["is_impersonation"] in {False, None}
    found = admin.json("trust list", "--trustor", gave, "--trustor-domain", "Default",
                       "--trustee", got, "--trustee-domain", "Default")  # fmt: skip
    assert [each["ID"] for each in found] == [made["id"]]
    assert admin.json("trust list", "--trustor", got) == []
    assert [each["ID"] for each in trustor.json("trust list", "--auth-user")] == [made["id"]]
    admin("user delete", gave)
    assert admin.json("trust list", "--trustee", got) == []


def test_a_trust_is_given_by_whom_it_is_from_and_with_roles_that_one_has(admin, person):
    me, other = person("reader"), person()
    mine, theirs = me.json("token issue"), other.json("token issue")
    admin_role = admin.json("role show", "admin")["id"]
    said = me.refused("trust create", mine["user_id"], theirs["user_id"],
                      "--project", mine["project_id"], "--role", admin_role)  # fmt: skip
    assert "40" in said
    said = me.refused("trust create", theirs["user_id"], mine["user_id"],
                      "--project", theirs["project_id"], "--role", "reader")  # fmt: skip
    assert "403" in said
    said = me.refused("trust create", mine["user_id"], theirs["user_id"], "--project", mine["project_id"],
                      "--role", "reader", "--expiration", SOON_OVER)  # fmt: skip
    assert "400" in said
    assert admin.json("trust list", "--trustor", mine["user_id"]) == []


def test_an_administrator_gives_a_trust_in_names(admin, person):
    other = person()
    got = other.environment["OS_USERNAME"]
    made = admin.json("trust create", "admin", got, "--project", "admin", "--role", "reader",
                      "--impersonate", "--expiration", FAR, "--project-domain", "Default",
                      "--trustor-domain", "Default", "--trustee-domain", "Default")  # fmt: skip
    assert [role["name"] for role in made["roles"]] == ["reader"]
    assert "no-trust" in admin.refused("trust delete", made["id"], "no-trust")
    assert admin.json("trust list", "--trustee", got) == []


def test_a_consumer_is_made_shown_changed_and_deleted(admin, person):
    made = admin.json("consumer create", "--description", "A program")
    assert set(made) == {"id", "description", "secret"}
    shown = {"id": made["id"], "description": "A program"}
    assert admin.json("consumer show", made["id"]) == shown  # the secret is told but once
    assert {"ID": made["id"], "Description": "A program"} in admin.json("consumer list")
    admin("consumer set", made["id"], "--description", "Another")
    assert admin.json("consumer show", made["id"])["description"] == "Another"
    assert "403" in person().refused("consumer list")
    said = admin.refused("consumer delete", made["id"], "no-consumer")
    assert "no-consumer" in said
    assert admin.refused("consumer show", made["id"])


def test_a_consumer_gets_access_that_a_user_authorised(admin, name):
    project = name("project")
    admin("project create", project)
    admin("role add", "admin", "--user", "admin", "--project", project)
    consumer = admin.json("consumer create", "--description", "A program")
    keys = ("--consumer-key", consumer["id"], "--consumer-secret", consumer["secret"])
    asked = admin.json("request token create", "--consumer-key", consumer["id"],
                       "--consumer-secret", consumer["secret"],
                       "--project", project, "--domain", "Default")  # fmt: skip
    assert {"id", "key", "secret", "expires"} <= set(asked)
    request = ("--request-key", asked["key"], "--request-secret", asked["secret"])
    assert admin.refused("access token create", *keys, *request, "--verifier", "guessed")
    granted = admin.but(project_name=project).json("request token authorize", "--request-key", asked["key"],
                                                   "--role", "member")  # fmt: skip
    access = admin.json(
        "access token create", "--consumer-key", consumer["id"], "--consumer-secret", consumer["secret"],
        "--request-key", asked["key"], "--request-secret", asked["secret"],
        "--verifier", granted["oauth_verifier"],
    )  # fmt: skip
    assert {"id", "key", "secret"} <= set(access)
    program = admin.but(
        auth_type="v3oauth1", consumer_key=consumer["id"], consumer_secret=consumer["secret"],
        access_key=access["key"], access_secret=access["secret"], username="", password="",
        project_name="", project_domain_name="", user_domain_name="",
    )  # fmt: skip
    home = admin.json("project show", project)["id"]
    assert program.json("token issue")["project_id"] == home
    wrong = ("--consumer-key", consumer["id"], "--consumer-secret", "wrong")
    assert "401" in admin.refused("request token create", *wrong, "--project", project)
    admin("consumer delete", consumer["id"])
    assert program.refused("token issue")
