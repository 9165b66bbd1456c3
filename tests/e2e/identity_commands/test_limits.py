"""Registered limits and projects' limits by the official client."""

import pytest


@pytest.fixture
def service(admin, name):
    made = name("service")
    admin("service create", "testing", "--name", made)
    return made


def test_a_registered_limit_is_made_shown_listed_changed_and_deleted(admin, name, service):
    region = name("region")
    admin("region create", region)
    home = admin.json("service show", service)["id"]
    made = admin.json(
        "registered limit create", "shelves", "--service", service, "--default-limit", "10",
        "--region", region, "--description", "How many shelves",
    )  # fmt: skip
    assert made == {
        "id": made["id"],
        "resource_name": "shelves",
        "service_id": home,
        "region_id": region,
        "default_limit": 10,
        "description": "How many shelves",
    }
    assert admin.json("registered limit show", made["id"]) == made
    row = {
        "ID": made["id"],
        "Service ID": home,
        "Resource Name": "shelves",
        "Default Limit": 10,
        "Description": "How many shelves",
        "Region ID": region,
    }
    assert admin.json("registered limit list", "--service", service, "--resource-name", "shelves") == [row]
    assert admin.json("registered limit list", "--region", region) == [row]
    other = name("service")
    admin("service create", "other", "--name", other)
    changed = admin.json(
        "registered limit set", made["id"], "--service", other, "--resource-name", "boxes",
        "--default-limit", "20", "--description", "None", "--region", "RegionOne",
    )  # fmt: skip
    assert (changed["resource_name"], changed["default_limit"]) == ("boxes", 20)
    assert (changed["description"], changed["region_id"]) == ("None", "RegionOne")
    assert changed["service_id"] == admin.json("service show", other)["id"]
    assert "no-limit" in admin.refused("registered limit delete", made["id"], "no-limit")
    assert admin.refused("registered limit show", made["id"])


def test_a_projects_limit_is_made_shown_listed_changed_and_deleted(admin, name, service):
    project, region = name("project"), name("region")
    whose = admin.json("project create", project)["id"]
    admin("region create", region)
    admin("registered limit create", "shelves", "--service", service, "--default-limit", "10",
          "--region", region)  # fmt: skip
    made = admin.json(
        "limit create", "shelves", "--service", service, "--resource-limit", "5", "--region", region,
        "--project", project, "--project-domain", "Default", "--description", "Fewer",
    )  # fmt: skip
    assert made == {
        "id": made["id"],
        "resource_name": "shelves",
        "service_id": admin.json("service show", service)["id"],
        "project_id": whose,
        "region_id": region,
        "resource_limit": 5,
        "description": "Fewer",
    }
    assert admin.json("limit show", made["id"]) == made
    for found in (
        admin.json("limit list", "--service", service, "--resource-name", "shelves"),
        admin.json("limit list", "--region", region),
        admin.json("limit list", "--project", project, "--project-domain", "Default"),
    ):
        assert [(each["ID"], each["Resource Limit"]) for each in found] == [(made["id"], 5)]
    changed = admin.json("limit set", made["id"], "--resource-limit", "7", "--description", "More")
    assert (changed["resource_limit"], changed["description"]) == (7, "More")
    admin("limit delete", made["id"], "no-limit")  # that one is not there is fine with the client
    assert admin.refused("limit show", made["id"])


def test_a_limit_is_of_something_registered_and_is_one(admin, person, service):
    project = person().environment["OS_PROJECT_NAME"]
    there = ("--service", service, "--project", project)
    said = admin.refused("limit create", "unknown", *there, "--resource-limit", "5")
    assert "403" in said or "400" in said or "404" in said
    registered = ("shelves", "--service", service)
    made = admin.json("registered limit create", *registered, "--default-limit", "10")["id"]
    assert "409" in admin.refused("registered limit create", *registered, "--default-limit", "3")
    assert "400" in admin.refused("registered limit create", "boxes", "--service", service,
                                  "--default-limit", "-7")  # fmt: skip
    assert admin.refused(
        "registered limit create", "boxes", "--service", "no-service", "--default-limit", "1"
    )
    one = admin.json("limit create", "shelves", *there, "--resource-limit", "5")["id"]
    assert "409" in admin.refused("limit create", "shelves", *there, "--resource-limit", "6")
    assert "403" in admin.refused("registered limit delete", made)  # it is relied on
    admin("limit delete", one)
    admin("registered limit delete", made)


def test_a_project_sees_its_own_limits_and_sets_none(admin, person, service):
    me = person()
    project = me.environment["OS_PROJECT_NAME"]
    admin("registered limit create", "shelves", "--service", service, "--default-limit", "10")
    made = admin.json("limit create", "shelves", "--service", service, "--project", project,
                      "--resource-limit", "5")  # fmt: skip
    assert me.json("limit show", made["id"])["resource_limit"] == 5
    assert made["id"] in {each["ID"] for each in me.json("limit list")}
    assert me.json("registered limit list")
    assert "403" in me.refused("limit set", made["id"], "--resource-limit", "500")
    other = person()
    assert other.refused("limit show", made["id"])
    assert made["id"] not in {each["ID"] for each in other.json("limit list")}
