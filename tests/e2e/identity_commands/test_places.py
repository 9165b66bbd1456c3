"""Domains and projects by the official client."""

import pytest


@pytest.fixture
def domain(admin, name):
    made = name("domain")
    admin("domain create", made)
    yield made
    admin("domain set", made, "--disable")
    admin("domain delete", made)


def test_a_domain_is_made_shown_listed_changed_and_deleted(admin, name):
    domain, renamed = name("domain"), name("domain")
    made = admin.json("domain create", domain, "--description", "A place", "--enable", "--immutable")
    assert made == {
        "id": made["id"],
        "name": domain,
        "description": "A place",
        "enabled": True,
        "options": {"immutable": True},
    }
    assert admin.json("domain show", domain) == made == admin.json("domain show", made["id"])
    said = admin.refused("domain set", domain, "--name", renamed)
    assert "403" in said
    assert "immutable" in said
    admin("domain set", domain, "--no-immutable")
    admin("domain set", domain, "--name", renamed, "--description", "Another", "--disable")
    row = {"ID": made["id"], "Name": renamed, "Enabled": False, "Description": "Another"}
    assert row in admin.json("domain list")
    assert admin.json("domain list", "--name", renamed) == [row]
    assert admin.json("domain list", "--name", renamed, "--enabled") == []
    admin("domain set", renamed, "--enable", "--immutable")
    assert admin.json("domain list", "--name", renamed, "--enabled") == [{**row, "Enabled": True}]
    assert "1 of 1 domains failed" in admin.refused("domain delete", renamed)
    admin("domain set", renamed, "--no-immutable")
    said = admin.refused("domain delete", renamed)  # it is enabled
    assert "403" in said
    assert "disable" in said.lower()
    admin("domain set", renamed, "--disable")
    admin("domain delete", renamed)
    assert admin.refused("domain show", renamed)


def test_a_domain_that_is_there_is_a_conflict_unless_it_may_be_shown(admin, name):
    domain = name("domain")
    made = admin.json("domain create", domain, "--disable", "--no-immutable")
    assert made["enabled"] is False
    said = admin.refused("domain create", domain)
    assert "409" in said
    assert domain in said
    assert admin.json("domain create", domain, "--or-show")["id"] == made["id"]
    admin("domain delete", domain)


def test_nobody_of_a_disabled_domain_can_log_in(admin, name, domain):
    user, project = name("user"), name("project")
    admin("project create", project, "--domain", domain)
    admin("user create", user, "--domain", domain, "--password", "pass word")
    admin("role add", "member", "--user", user, "--user-domain", domain,
          "--project", project, "--project-domain", domain)  # fmt: skip
    me = admin.but(username=user, password="pass word", project_name=project, user_domain_name=domain,
                   project_domain_name=domain)  # fmt: skip
    assert me("token issue")
    admin("domain set", domain, "--disable")
    assert "401" in me.refused("token issue")


def test_a_project_is_made_with_everything_and_shown_so(admin, name, domain):
    home = admin.json("domain show", domain)["id"]
    parent, project = name("project"), name("project")
    above = admin.json("project create", parent, "--domain", domain)
    made = admin.json(
        "project create", project, "--domain", domain, "--parent", parent, "--description", "Mine",
        "--enable", "--property", "colour=red", "--tag", "one", "--tag", "two", "--no-immutable",
    )  # fmt: skip
    assert sorted(made.pop("tags")) == ["one", "two"]
    assert made == {
        "id": made["id"],
        "name": project,
        "description": "Mine",
        "domain_id": home,
        "parent_id": above["id"],
        "enabled": True,
        "is_domain": False,
        "options": {"immutable": False},
        "colour": "red",
    }
    shown = admin.json("project show", project, "--domain", domain, "--parents")
    assert shown["parents"] == {above["id"]: None}
    assert shown["colour"] == "red"
    assert admin.json("project show", above["id"], "--children")["subtree"] == {made["id"]: None}


def test_a_project_that_is_there_is_a_conflict_unless_it_may_be_shown(admin, name):
    project = name("project")
    made = admin.json("project create", project, "--disable", "--immutable")
    assert made["enabled"] is False
    assert made["options"] == {"immutable": True}
    assert "409" in admin.refused("project create", project)
    assert admin.json("project create", project, "--or-show") == made
    assert "403" in admin.refused("project set", project, "--description", "x")
    assert "403" in admin.refused("project delete", project)


def test_everything_of_a_project_can_be_changed(admin, name, domain):
    project, renamed = name("project"), name("project")
    admin("project create", project, "--domain", domain, "--property", "colour=red", "--tag", "one")
    admin(
        "project set", project, "--domain", domain, "--name", renamed, "--description", "Changed",
        "--disable", "--property", "colour=blue", "--property", "size=9", "--tag", "two",
    )  # fmt: skip
    shown = admin.json("project show", renamed, "--domain", domain)
    assert (shown["description"], shown["enabled"]) == ("Changed", False)
    assert (shown["colour"], shown["size"]) == ("blue", "9")
    assert sorted(shown["tags"]) == ["one", "two"]
    admin("project set", shown["id"], "--enable", "--remove-tag", "one", "--immutable")
    shown = admin.json("project show", shown["id"])
    assert (shown["enabled"], shown["tags"], shown["options"]) == (True, ["two"], {"immutable": True})
    admin("project set", shown["id"], "--no-immutable")
    admin("project set", shown["id"], "--clear-tags")
    assert admin.json("project show", shown["id"])["tags"] == []


def test_projects_are_listed_by_place_person_state_and_tags(admin, name, domain):
    parent, child, tagged = name("project"), name("project"), name("project")
    above = admin.json("project create", parent, "--domain", domain, "--description", "Above")
    admin("project create", child, "--domain", domain, "--parent", parent, "--disable", "--tag", "red")
    admin("project create", tagged, "--domain", domain, "--tag", "red", "--tag", "blue")
    listed = admin.json("project list", "--domain", domain, "--long")
    assert {each["Name"] for each in listed} == {parent, child, tagged}
    assert next(each for each in listed if each["Name"] == parent) == {
        "ID": above["id"],
        "Name": parent,
        "Domain ID": above["domain_id"],
        "Description": "Above",
        "Enabled": True,
    }
    assert names(admin.json("project list", "--parent", above["id"])) == [child]
    assert names(admin.json("project list", "--domain", domain, "--enabled", "--sort", "name:asc")) == sorted(
        [parent, tagged]
    )
    assert names(admin.json("project list", "--domain", domain, "--disabled")) == [child]
    assert names(admin.json("project list", "--tags", "red,blue", "--domain", domain)) == [tagged]
    assert set(names(admin.json("project list", "--tags-any", "red,blue", "--domain", domain))) == {
        child,
        tagged,
    }
    assert set(names(admin.json("project list", "--not-tags", "red,blue", "--domain", domain))) == {
        parent,
        child,
    }
    assert names(admin.json("project list", "--not-tags-any", "red,blue", "--domain", domain)) == [parent]


def test_a_user_sees_the_projects_it_may_use(admin, person):
    me = person()
    own = me.environment["OS_PROJECT_NAME"]
    assert names(me.json("project list", "--my-projects")) == [own]
    assert names(me.json("project list")) == [own]  # the client asks for one's own when all are forbidden
    assert names(admin.json("project list", "--user", own)) == [own]
    mine = me.json("token issue")["project_id"]
    assert me.json("project show", mine)["name"] == own
    assert "403" in me.refused("project show", admin.json("project show", "admin")["id"])
    assert "403" in me.refused("project set", mine, "--description", "mine")
    assert "403" in me.refused("project create", "another")
    assert "403" in me.refused("domain create", "another")


def test_projects_are_listed_page_by_page(admin, name, domain):
    ids = sorted(admin.json("project create", name("project"), "--domain", domain)["id"] for _ in range(3))
    pages = admin.json("project list", "--domain", domain, "--limit", "2")
    assert [each["ID"] for each in pages] == ids
    some = admin.json("project list", "--domain", domain, "--limit", "1", "--max-items", "2")
    assert [each["ID"] for each in some] == ids[:2]
    rest = admin.json("project list", "--domain", domain, "--marker", ids[0])
    assert [each["ID"] for each in rest] == ids[1:]


def test_a_project_with_others_below_it_stays(admin, name, domain):
    parent, child = name("project"), name("project")
    admin("project create", parent, "--domain", domain)
    admin("project create", child, "--domain", domain, "--parent", parent)
    said = admin.refused("project delete", "--domain", domain, parent)
    assert "403" in said
    assert "leaf" in said
    assert "nowhere" in admin.refused("project delete", "--domain", domain, "nowhere")
    admin("project delete", "--domain", domain, child, parent)
    assert admin.json("project list", "--domain", domain) == []
    assert "nowhere" in admin.refused("project show", "nowhere")
    admin.refused("project create", child, "--parent", "nowhere")
    assert admin.json("project list", "--domain", domain) == []


@pytest.mark.parametrize("bad", ["", "x" * 65])
def test_domains_and_projects_need_usable_names(admin, bad):
    assert "400" in admin.refused("domain create", bad)
    assert "400" in admin.refused("project create", bad)
    assert "400" in admin.refused("project create", "tagged", "--tag", "a/b")


def names(rows: list[dict[str, str]]) -> list[str]:
    return [row["Name"] for row in rows]
