"""Services, endpoints, regions and what projects see of them, by the official client."""

import json

import pytest


@pytest.fixture
def service(admin, name):
    """A service of the test's own and, by deleting it, all its endpoints gone."""
    made = name("service")
    admin("service create", "testing", "--name", made)
    yield made
    admin("service delete", made)


def test_a_service_is_made_shown_listed_changed_and_deleted(admin, name):
    service, renamed = name("service"), name("service")
    made = admin.json("service create", "testing", "--name", service, "--description", "Tests", "--disable")
    assert made == {
        "id": made["id"],
        "name": service,
        "type": "testing",
        "description": "Tests",
        "enabled": False,
    }
    assert admin.json("service show", service) == made == admin.json("service show", made["id"])
    admin("service set", service, "--name", renamed, "--type", renamed, "--description", "Proofs", "--enable")
    assert admin.json("service show", renamed) == {
        "id": made["id"],
        "name": renamed,
        "type": renamed,
        "description": "Proofs",
        "enabled": True,
    }
    admin("service set", renamed, "--disable")
    row = {
        "ID": made["id"],
        "Name": renamed,
        "Type": renamed,
        "Description": "Proofs",
        "Enabled": False,
    }
    assert row in admin.json("service list", "--long")
    assert {key: row[key] for key in ("ID", "Name", "Type")} in admin.json("service list")
    said = admin.refused("service delete", renamed, "no-service")
    assert "no-service" in said
    assert "no-service" in admin.refused("service show", "no-service")
    assert renamed not in {each["Name"] for each in admin.json("service list")}
    assert admin.json("service create", name("type"), "--enable")["enabled"] is True


def test_an_endpoint_is_made_shown_changed_and_deleted(admin, name, service):
    region = name("region")
    admin("region create", region)
    made = admin.json(
        "endpoint create", service, "public", "http://testing/v1/$(project_id)s", "--region", region,
        "--disable",
    )  # fmt: skip
    assert made == {
        "id": made["id"],
        "interface": "public",
        "url": "http://testing/v1/$(project_id)s",
        "region": region,
        "region_id": region,
        "enabled": False,
        "service_id": admin.json("service show", service)["id"],
        "service_name": service,
        "service_type": "testing",
    }
    assert admin.json("endpoint show", made["id"]) == made
    other = name("service")
    admin("service create", "other", "--name", other)
    admin(
        "endpoint set", made["id"], "--interface", "internal", "--url", "http://testing/v2",
        "--region", "RegionOne", "--service", other, "--enable",
    )  # fmt: skip
    changed = admin.json("endpoint show", made["id"])
    assert (changed["interface"], changed["url"]) == ("internal", "http://testing/v2")
    assert (changed["region_id"], changed["service_name"]) == ("RegionOne", other)
    assert changed["enabled"] is True
    admin("endpoint set", made["id"], "--disable")
    assert admin.json("endpoint show", made["id"])["enabled"] is False
    assert "no-endpoint" in admin.refused("endpoint delete", "no-endpoint")
    admin("endpoint delete", made["id"])
    assert admin.json("endpoint list", "--service", other) == []
    assert admin.refused("endpoint show", made["id"])


def test_endpoints_are_listed_by_service_interface_and_region(admin, name, service):
    region = name("region")
    admin("region create", region)
    for interface in ("public", "internal", "admin"):
        admin("endpoint create", service, interface, f"http://{interface}/", "--region", region, "--enable")
    listed = admin.json("endpoint list", "--service", service)
    assert {each["Interface"]: each["URL"] for each in listed} == {
        "public": "http://public/",
        "internal": "http://internal/",
        "admin": "http://admin/",
    }
    one = admin.json("endpoint list", "--service", service, "--interface", "internal")
    assert [(each["Service Name"], each["Service Type"], each["Enabled"]) for each in one] == [
        (service, "testing", True)
    ]
    assert len(admin.json("endpoint list", "--region", region)) == 3


def test_an_endpoint_needs_a_service_and_a_region_that_are_there(admin, service):
    assert "no-service" in admin.refused("endpoint create", "no-service", "public", "http://x/")
    said = admin.refused("endpoint create", service, "public", "http://x/", "--region", "nowhere")
    assert "nowhere" in said
    said = admin.refused("endpoint create", service, "sideways", "http://x/")
    assert "interface" in said
    assert admin.json("endpoint list", "--service", service) == []


def test_a_region_is_made_shown_listed_changed_and_deleted(admin, name):
    above, region = name("region"), name("region")
    assert admin.json("region create", above, "--description", "North") == {
        "region": above,
        "parent_region": None,
        "description": "North",
    }
    admin("region create", region, "--parent-region", above)
    shown = {"region": region, "parent_region": above, "description": ""}
    assert admin.json("region show", region) == shown
    assert admin.json("region list", "--parent-region", above) == [
        {"Region": region, "Parent Region": above, "Description": ""}
    ]
    assert "409" in admin.refused("region create", region)
    assert "403" in admin.refused("region delete", above)
    admin("region set", region, "--description", "East", "--parent-region", "RegionOne")
    assert admin.json("region show", region) == {
        "region": region,
        "parent_region": "RegionOne",
        "description": "East",
    }
    assert admin.refused("region set", region, "--parent-region", "nowhere")
    admin("region delete", region, "nowhere", above)  # that one is not there is fine with the client
    assert admin.refused("region show", region)


def test_a_project_sees_only_endpoints_chosen_for_it(admin, name, person, service):
    me = person()
    project = me.environment["OS_PROJECT_NAME"]
    one = admin.json("endpoint create", service, "public", "http://x/$(project_id)s")["id"]
    assert service in {each["Name"] for each in me.json("catalog list")}
    mine = admin.json("project show", project)["id"]
    shown = me.json("catalog show", service)
    assert (shown["type"], shown["endpoints"][0]["url"]) == ("testing", f"http://x/{mine}")
    admin("endpoint add project", one, project, "--project-domain", "Default")
    assert [each["ID"] for each in admin.json("endpoint list", "--project", project)] == [one]
    listed = admin.json("endpoint list", "--endpoint", one)
    assert [(each["ID"], each["Name"]) for each in listed] == [(mine, project)]
    found = admin.json("endpoint list", "--project", project, "--project-domain", "Default")
    assert [each["ID"] for each in found] == [one]
    admin("endpoint remove project", one, project, "--project-domain", "Default")
    assert admin.json("endpoint list", "--project", project) == []
    assert "404" in admin.refused("endpoint remove project", one, project)
    assert admin.refused("endpoint add project", one, "nowhere")
    assert "no-service not found" in me.said("catalog show", "no-service")


def test_endpoints_are_chosen_for_projects_by_groups(admin, name, person, service, tmp_path):
    group, renamed = name("group"), name("group")
    filters, others = tmp_path / "filters.json", tmp_path / "others.json"
    home = admin.json("service show", service)["id"]
    filters.write_text(json.dumps({"service_id": home}))
    others.write_text(json.dumps({"interface": "public"}))
    made = admin.json("endpoint group create", group, str(filters), "--description", "Some")
    assert made == {"id": made["id"], "name": group, "description": "Some", "filters": {"service_id": home}}
    assert admin.json("endpoint group show", group) == made
    assert {"ID": made["id"], "Name": group, "Description": "Some"} in admin.json("endpoint group list")
    project = person().environment["OS_PROJECT_NAME"]
    admin("endpoint group add project", group, project, "--project-domain", "default")
    there = admin.json("endpoint group list", "--endpointgroup", group)
    assert [each["Name"] for each in there] == [project]
    there = admin.json("endpoint group list", "--project", project, "--domain", "default")
    assert [each["Name"] for each in there] == [group]
    admin("endpoint group remove project", group, project, "--project-domain", "default")
    assert admin.json("endpoint group list", "--project", project) == []
    admin("endpoint group set", group, "--name", renamed, "--description", "Else", "--filters", str(others))
    assert admin.json("endpoint group show", renamed) == {
        "id": made["id"],
        "name": renamed,
        "description": "Else",
        "filters": {"interface": "public"},
    }
    filters.write_text(json.dumps({"colour": "red"}))
    assert "400" in admin.refused("endpoint group create", name("group"), str(filters))
    assert "no-group" in admin.refused("endpoint group delete", "no-group")
    admin("endpoint group delete", renamed)
    assert admin.refused("endpoint group show", renamed)


def test_an_ordinary_user_administers_none_of_it(person, service):
    me = person()
    assert "403" in me.refused("service list")
    assert "403" in me.refused("endpoint list")
    assert "403" in me.refused("service create", "mine")
    assert "403" in me.refused("region create", "mine")
    assert "403" in me.refused("endpoint group list")
    assert me.json("region list")  # as upstream, anyone may see where there is something
