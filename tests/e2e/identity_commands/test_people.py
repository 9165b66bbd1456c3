"""Users and groups by the official client."""

import pytest


@pytest.fixture
def domain(admin, name):
    """A domain of the test's own, with everything that it leaves in it."""
    made = name("domain")
    admin("domain create", made)
    yield made
    admin("domain set", made, "--disable")
    admin("domain delete", made)


def test_a_user_is_made_with_everything_and_shown_so(admin, name, domain):
    user, project = name("user"), name("project")
    home = admin.json("project create", project, "--domain", domain)["id"]
    made = admin.json(
        "user create", user, "--domain", domain, "--project", project, "--project-domain", domain,
        "--password", "pass word", "--email", "user@example.org", "--description", "Somebody", "--enable",
        "--ignore-lockout-failure-attempts", "--ignore-password-expiry", "--enable-lock-password",
        "--ignore-change-password-upon-first-use", "--enable-multi-factor-auth",
        "--multi-factor-auth-rule", "password,totp", "--multi-factor-auth-rule", "password",
    )  # fmt: skip
    assert made["options"] == {
        "ignore_lockout_failure_attempts": True,
        "ignore_password_expiry": True,
        "ignore_change_password_upon_first_use": True,
        "lock_password": True,
        "multi_factor_auth_enabled": True,
        "multi_factor_auth_rules": [["password", "totp"], ["password"]],
    }
    del made["options"]
    assert made == {
        "id": made["id"],
        "name": user,
        "domain_id": admin.json("domain show", domain)["id"],
        "default_project_id": home,
        "email": "user@example.org",
        "description": "Somebody",
        "enabled": True,
        "password_expires_at": None,
    }
    shown = admin.json("user show", user, "--domain", domain)
    assert {**made, "options": shown["options"]} == shown
    assert admin.json("user show", made["id"]) == shown


def test_options_of_a_user_can_be_refused_from_the_start(admin, name):
    user = name("user")
    made = admin.json(
        "user create", user, "--disable", "--no-ignore-lockout-failure-attempts", "--disable-lock-password",
        "--no-ignore-password-expiry", "--no-ignore-change-password-upon-first-use",
        "--disable-multi-factor-auth",
    )  # fmt: skip
    assert made["enabled"] is False
    assert set(made["options"].values()) == {False}
    assert len(made["options"]) == 5
    admin("user delete", user)


def test_a_user_that_is_there_is_a_conflict_unless_it_may_be_shown(admin, name):
    user = name("user")
    made = admin.json("user create", user, "--password", "x")
    said = admin.refused("user create", user, "--password", "x")
    assert "409" in said
    assert user in said
    assert admin.json("user create", user, "--password", "x", "--or-show")["id"] == made["id"]


def test_everything_of_a_user_can_be_changed(admin, name, domain):
    user, renamed, project = name("user"), name("user"), name("project")
    home = admin.json("project create", project, "--domain", domain)["id"]
    admin("user create", user, "--domain", domain, "--password", "old")
    admin(
        "user set", user, "--domain", domain, "--name", renamed, "--project", project,
        "--project-domain", domain, "--password", "new", "--email", "new@example.org", "--enable",
        "--description", "Changed", "--ignore-lockout-failure-attempts", "--ignore-password-expiry",
        "--ignore-change-password-upon-first-use", "--enable-lock-password", "--enable-multi-factor-auth",
        "--multi-factor-auth-rule", "password",
    )  # fmt: skip
    shown = admin.json("user show", renamed, "--domain", domain)
    assert shown["default_project_id"] == home
    assert (shown["email"], shown["description"]) == ("new@example.org", "Changed")
    assert shown["options"]["multi_factor_auth_rules"] == [["password"]]
    assert all(shown["options"].values())
    admin(
        "user set", shown["id"], "--disable", "--no-ignore-lockout-failure-attempts",
        "--no-ignore-password-expiry", "--no-ignore-change-password-upon-first-use",
        "--disable-lock-password", "--disable-multi-factor-auth",
    )  # fmt: skip
    shown = admin.json("user show", shown["id"])
    assert shown["enabled"] is False
    assert shown["options"].pop("multi_factor_auth_rules") == [["password"]]
    assert set(shown["options"].values()) == {False}


def test_users_are_listed_by_domain_group_project_and_state(admin, name, domain):
    first, second, group, project = name("user"), name("user"), name("group"), name("project")
    admin("user create", first, "--domain", domain, "--email", "first@example.org", "--password", "x")
    admin("user create", second, "--domain", domain, "--disable", "--password", "x")
    listed = admin.json("user list", "--domain", domain, "--long")
    assert {each["Name"]: each["Enabled"] for each in listed} == {first: True, second: False}
    assert {each["Email"] for each in listed} == {"first@example.org", None}
    assert names(admin.json("user list", "--domain", domain, "--enabled")) == {first}
    assert names(admin.json("user list", "--domain", domain, "--disabled")) == {second}
    admin("group create", group, "--domain", domain)
    admin("group add user", group, first, "--group-domain", domain, "--user-domain", domain)
    home = admin.json("domain show", domain)["id"]  # with --group the client takes no name of a domain
    assert names(admin.json("user list", "--group", group, "--domain", home)) == {first}
    admin("project create", project, "--domain", domain)
    admin("role add", "reader", "--project", project, "--project-domain", domain,
          "--user", second, "--user-domain", domain)  # fmt: skip
    assert names(admin.json("user list", "--project", project)) == {second}


def test_users_are_listed_page_by_page(admin, name, domain):
    made = sorted(
        (admin.json("user create", name("user"), "--domain", domain, "--password", "x") for _ in range(3)),
        key=lambda user: user["id"],
    )
    ids = [user["id"] for user in made]
    pages = admin.json("user list", "--domain", domain, "--limit", "1")
    assert [each["ID"] for each in pages] == ids  # the client goes on to the end
    assert [
        each["ID"] for each in admin.json("user list", "--domain", domain, "--limit", "1", "--max-items", "2")
    ] == ids[:2]
    assert [each["ID"] for each in admin.json("user list", "--domain", domain, "--marker", ids[0])] == ids[1:]


def test_several_users_are_deleted_at_once_and_unknown_ones_named(admin, name, domain):
    users = [name("user"), name("user")]
    for user in users:
        admin("user create", user, "--domain", domain, "--password", "x")
    said = admin.refused("user delete", "--domain", domain, users[0], "nobody", users[1])
    assert "nobody" in said
    assert "1 of 3 users failed to delete" in said
    assert admin.json("user list", "--domain", domain) == []
    assert "nobody" in admin.refused("user show", "nobody")
    assert "nobody" in admin.refused("user set", "nobody", "--email", "x")


def test_users_change_their_own_password_and_prove_the_old_one(person):
    me = person()
    old = me.environment["OS_PASSWORD"]
    said = me.refused("user password set", "--original-password", "wrong", "--password", "new")
    assert "401" in said
    me("user password set", "--original-password", old, "--password", "new")
    assert "401" in me.refused("token issue")
    assert me.but(password="new").json("token issue")["user_id"]


def test_an_ordinary_user_neither_sees_nor_changes_others(admin, person, name):
    me = person()
    assert "403" in me.refused("user list")
    assert "403" in me.refused("user create", name("user"), "--password", "x")
    assert "403" in me.refused("user set", admin.json("user show", "admin")["id"], "--description", "x")
    own = me.json("token issue")["user_id"]
    assert me.json("user show", own)["name"] == me.environment["OS_USERNAME"]


@pytest.mark.parametrize("bad", ["", "x" * 256])
def test_a_user_needs_a_usable_name(admin, bad):
    assert "400" in admin.refused("user create", bad, "--password", "x")


def test_a_group_is_made_shown_changed_and_deleted(admin, name, domain):
    group, renamed = name("group"), name("group")
    home = admin.json("domain show", domain)["id"]
    made = admin.json("group create", group, "--domain", domain, "--description", "Some people")
    assert made == {"id": made["id"], "name": group, "domain_id": home, "description": "Some people"}
    assert "409" in admin.refused("group create", group, "--domain", domain)
    assert admin.json("group create", group, "--domain", home, "--or-show") == made
    admin("group set", group, "--domain", domain, "--name", renamed, "--description", "Others")
    shown = admin.json("group show", renamed, "--domain", domain)
    assert shown == {**made, "name": renamed, "description": "Others"}
    admin("group delete", renamed, "--domain", domain)
    assert admin.refused("group show", renamed, "--domain", domain)
    assert "1 of 1 groups failed" in admin.refused("group delete", renamed, "--domain", domain)


def test_users_are_put_into_groups_and_taken_out(admin, name, domain):
    group, inside, outside = name("group"), name("user"), name("user")
    admin("group create", group, "--domain", domain, "--description", "Some")
    for user in (inside, outside):
        admin("user create", user, "--domain", domain, "--password", "x")
    there = ("--group-domain", domain, "--user-domain", domain)
    admin("group add user", group, inside, *there)
    admin("group add user", group, inside, *there)  # once more is no error
    said = admin("group contains user", group, inside, "--group-domain", domain, "--user-domain", domain)
    assert said == f"{inside} in group {group}\n"
    assert admin("group contains user", group, outside, *there) == ""  # it says that it is not beside it
    found = admin.json("group list", "--user", inside, "--user-domain", domain, "--long")
    assert [(each["Name"], each["Description"]) for each in found] == [(group, "Some")]
    assert names(admin.json("group list", "--domain", domain)) == {group}
    admin("group remove user", group, inside, "--group-domain", domain, "--user-domain", domain)
    said = admin.refused("group remove user", group, inside, *there)
    assert "404" in said
    assert "nobody" in admin.refused("group add user", group, "nobody", "--group-domain", domain)


def test_an_ordinary_user_administers_no_groups(person, name):
    me = person("manager")  # of a project only
    assert "403" in me.refused("group create", name("group"))
    assert "403" in me.refused("group list")
    own = me.json("token issue")["user_id"]
    assert me.json("group list", "--user", own) == []


def names(rows: list[dict[str, str]]) -> set[str]:
    return {row["Name"] for row in rows}
