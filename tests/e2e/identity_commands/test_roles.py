"""Roles, what they imply, and who has them where, by the official client."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def someone(admin, name) -> str:
    user = name("user")
    admin("user create", user, "--password", "x")
    return user


@pytest.fixture
def some_group(admin, name) -> str:
    group = name("group")
    admin("group create", group)
    return group


@pytest.fixture
def role(admin, name) -> str:
    made = name("role")
    admin("role create", made)
    return made


@pytest.fixture
def assigned(admin) -> Callable[..., list[dict[str, Any]]]:
    """Assignments in names, without the fields that say nothing."""

    def listed(*options: str) -> list[dict[str, Any]]:
        found = admin.json("role assignment list", "--names", *options)
        return [{key: value for key, value in each.items() if value} for each in found]

    return listed


def test_a_role_is_made_shown_changed_and_deleted(admin, name):
    role, renamed = name("role"), name("role")
    made = admin.json("role create", role, "--description", "May look", "--immutable")
    assert made == {"id": made["id"], "name": role, "description": "May look", "domain_id": None}
    assert "409" in admin.refused("role create", role)
    assert admin.json("role create", role, "--or-show") == made
    assert "immutable" in admin.refused("role set", role, "--name", renamed)
    assert "immutable" in admin.refused("role delete", role)
    admin("role set", role, "--no-immutable")
    admin("role set", role, "--name", renamed, "--description", "May touch", "--immutable")
    assert admin.json("role show", renamed) == {**made, "name": renamed, "description": "May touch"}
    assert {"ID": made["id"], "Name": renamed} in admin.json("role list")
    admin("role set", renamed, "--no-immutable")
    said = admin.refused("role delete", renamed, "no-role")
    assert "no-role" in said
    assert "no-role" in admin.refused("role show", "no-role")
    assert renamed not in {each["Name"] for each in admin.json("role list")}


def test_a_domain_has_roles_of_its_own(admin, name):
    domain, role = name("domain"), name("role")
    home = admin.json("domain create", domain)["id"]
    made = admin.json("role create", role, "--domain", domain, "--no-immutable")
    assert made["domain_id"] == home
    assert admin.json("role create", role)["id"] != made["id"]  # the same name outside
    assert admin.json("role show", role, "--domain", domain)["id"] == made["id"]
    assert admin.json("role list", "--domain", domain) == [{"ID": made["id"], "Name": role, "Domain": domain}]
    admin("role set", role, "--domain", domain, "--description", "Here only")
    assert admin.json("role show", made["id"])["description"] == "Here only"
    admin("role delete", role, "--domain", domain)
    assert admin.json("role list", "--domain", domain) == []


def test_a_role_implies_others(admin, role, someone):
    reader, prior = (admin.json("role show", each)["id"] for each in ("reader", role))
    made = admin.json("implied role create", role, "--implied-role", "reader")
    assert made == {"prior_role": prior, "implies": reader}
    row = {
        "Prior Role ID": prior,
        "Prior Role Name": role,
        "Implied Role ID": reader,
        "Implied Role Name": "reader",
    }
    assert row in admin.json("implied role list")
    admin("role add", role, "--user", someone, "--project", "admin")
    found = admin.json("role assignment list", "--user", someone, "--effective", "--names")
    assert {each["Role"] for each in found} == {role, "reader"}
    admin("implied role delete", role, "--implied-role", "reader")
    assert row not in admin.json("implied role list")
    assert "404" in admin.refused("implied role delete", role, "--implied-role", "reader")
    assert admin.refused("implied role create", role, "--implied-role", "no-role")


def test_a_user_gets_and_loses_a_role_on_a_project(admin, name, role, someone, assigned):
    domain, project, here = name("domain"), name("project"), name("user")
    admin("domain create", domain)
    admin("project create", project, "--domain", domain)
    admin("user create", here, "--domain", domain, "--password", "x")
    admin("role add", role, "--user", here, "--user-domain", domain,
          "--project", project, "--project-domain", domain)  # fmt: skip
    row = {"Role": role, "User": f"{here}@{domain}", "Project": f"{project}@{domain}"}
    assert assigned("--project", project, "--project-domain", domain) == [row]
    found = admin.json("role assignment list", "--user", here, "--user-domain", domain,
                       "--project", project, "--project-domain", domain, "--role", role)  # fmt: skip
    assert len(found) == 1
    admin("role remove", role, "--user", here, "--user-domain", domain,
          "--project", project, "--project-domain", domain)  # fmt: skip
    assert assigned("--project", project, "--project-domain", domain) == []
    admin("role add", role, "--user", someone, "--project", project)  # names that are unique need no domain
    found = admin.json("role assignment list", "--user", someone, "--names")
    assert [(each["Role"], each["Project"]) for each in found] == [(role, f"{project}@{domain}")]


def test_a_group_gets_a_role_on_a_domain_that_its_projects_inherit(admin, name, role, assigned):
    domain, project, group, user = name("domain"), name("project"), name("group"), name("user")
    admin("domain create", domain)
    admin("project create", project, "--domain", domain)
    admin("group create", group, "--domain", domain)
    admin("user create", user, "--domain", domain, "--password", "x")
    admin("group add user", group, user, "--group-domain", domain, "--user-domain", domain)
    admin("role add", role, "--group", group, "--group-domain", domain, "--domain", domain, "--inherited")
    given = {"Role": role, "Group": f"{group}@{domain}", "Domain": domain, "Inherited": True}
    found = admin.json("role assignment list", "--group", group, "--group-domain", domain, "--names")
    assert [{key: value for key, value in each.items() if value} for each in found] == [given]
    assert assigned("--domain", domain) == [given]
    found = admin.json("role assignment list", "--inherited", "--domain", domain)
    assert [each["Inherited"] for each in found] == [True]
    found = assigned("--user", user, "--effective", "--user-domain", domain)
    assert [(each["User"], each["Project"]) for each in found] == [
        (f"{user}@{domain}", f"{project}@{domain}")
    ]
    admin("role remove", role, "--group", group, "--group-domain", domain, "--domain", domain, "--inherited")
    assert assigned("--domain", domain) == []


def test_a_role_on_the_system(admin, role, someone, some_group, assigned):
    admin("role add", role, "--user", someone, "--system", "all")
    admin("role add", role, "--group", some_group, "--system", "all")
    admin("role add", role, "--group", some_group, "--project", "admin")
    found = admin.json("role assignment list", "--system", "all", "--role", role)
    assert [each["System"] for each in found] == ["all", "all"]
    listed = assigned("--system", "all")
    assert {"Role": role, "User": f"{someone}@Default", "System": "all"} in listed
    assert {"Role": role, "Group": f"{some_group}@Default", "System": "all"} in listed
    admin("role remove", role, "--user", someone, "--system", "all")
    admin("role remove", role, "--group", some_group, "--system", "all")
    admin("role remove", role, "--group", some_group, "--project", "admin")
    assert admin.json("role assignment list", "--system", "all", "--role", role) == []


def test_a_role_of_a_domain_is_named_with_it(admin, name):
    domain, role, prior = name("domain"), name("role"), name("role")
    admin("domain create", domain)
    admin("role create", role, "--domain", domain)
    admin("role create", prior)
    user, project = name("user"), name("project")
    admin("user create", user, "--domain", domain, "--password", "x")
    admin("project create", project, "--domain", domain)
    admin("role add", role, "--role-domain", domain, "--user", user, "--user-domain", domain,
          "--project", project, "--project-domain", domain)  # fmt: skip
    found = admin.json("role assignment list", "--role", role, "--role-domain", domain, "--names")
    assert [(each["Role"], each["User"]) for each in found] == [(f"{role}@{domain}", f"{user}@{domain}")]
    admin("role remove", role, "--role-domain", domain, "--user", user, "--user-domain", domain,
          "--project", project, "--project-domain", domain)  # fmt: skip
    assert admin.json("role assignment list", "--role", role, "--role-domain", domain) == []


def test_one_sees_ones_own_roles(admin, person):
    found = admin.json("role assignment list", "--auth-user", "--auth-project", "--names")
    assert [(each["Role"], each["User"], each["Project"]) for each in found] == [
        ("admin", "admin@Default", "admin@Default")
    ]
    me = person("reader")
    assert "403" in me.refused("role assignment list")
    assert "403" in me.refused("role create", "mine")
    own = me.json("token issue")
    admin_role = admin.json("role show", "admin")["id"]
    me.said("role add", admin_role, "--user", own["user_id"], "--project", own["project_id"])
    found = admin.json("role assignment list", "--user", own["user_id"], "--names")
    assert [each["Role"] for each in found] == ["reader"]


def test_a_role_needs_somebody_and_some_place(admin, role, someone):
    assert admin.refused("role add", role, "--user", someone)
    assert admin.refused("role add", role, "--project", "admin")
    assert admin.refused("role add", "no-role", "--user", someone, "--project", "admin")
    assert admin.refused("role add", role, "--user", "nobody", "--project", "admin")
    assert admin.refused("role add", role, "--user", someone, "--project", "nowhere")
    assert admin.json("role assignment list", "--user", someone) == []
