"""Flavors by the official client."""

import pytest


def test_a_flavor_is_made_with_all_that_it_can_have(admin, me, name):
    flavor, ident = name("flavor"), name("id")
    made = admin.json(
        "flavor create", flavor, "--id", ident, "--ram", "256", "--disk", "3", "--ephemeral", "1",
        "--swap", "64", "--vcpus", "2", "--rxtx-factor", "1.5", "--public",
        "--property", "hw:mem_page_size=small",
        "--description", "made by a test",
    )  # fmt: skip
    expected = {
        "id": ident,
        "name": flavor,
        "ram": 256,
        "disk": 3,
        "OS-FLV-EXT-DATA:ephemeral": 1,
        "swap": 64,
        "vcpus": 2,
        "rxtx_factor": 1.5,
        "os-flavor-access:is_public": True,
        "properties": {"hw:mem_page_size": "small"},
        "description": "made by a test",
    }
    assert {key: made[key] for key in expected} == expected
    shown = me.json("flavor show", flavor)
    assert {key: shown[key] for key in expected} == expected
    row = next(one for one in me.json("flavor list", "--long") if one["Name"] == flavor)
    assert (row["Swap"], row["RXTX Factor"], row["Properties"]) == (64, 1.5, {"hw:mem_page_size": "small"})
    assert "already exists" in admin.refused("flavor create", flavor, "--id", ident, "--ram", "1")
    admin("flavor delete", ident)
    assert "No Flavor found" in me.refused("flavor show", flavor)


def test_a_private_flavor_is_for_those_who_were_given_it(admin, me, name):
    flavor, other = name("flavor"), name("flavor")
    admin("flavor create", flavor, "--private", "--project", "me", "--project-domain", "Default")
    admin("flavor create", other, "--private")
    assert [one for one in names(me, "flavor list", "--all") if one in (flavor, other)] == [flavor]
    assert flavor not in [row["Name"] for row in admin.json("flavor list", "--public")]
    private = [row["Name"] for row in admin.json("flavor list", "--private")]
    assert {flavor, other} <= set(private)
    assert "frugal" not in private
    admin("flavor set", other, "--project", "me", "--project-domain", "Default")
    assert other in names(me, "flavor list", "--all")
    admin("flavor unset", other, "--project", "me", "--project-domain", "Default")
    assert other not in names(me, "flavor list", "--all")
    me.refused("flavor show", other)
    admin("flavor delete", flavor, other)


def names(who, command, *arguments):
    return [row["Name"] for row in who.json(command, *arguments)]


def test_a_flavors_properties_and_description_change(admin, name):
    flavor = name("flavor")
    admin("flavor create", flavor, "--property", "hw:cpu_policy=shared", "--property", "hw_rng:allowed=True")
    admin("flavor set", flavor, "--property", "hw:watchdog_action=reset", "--description", "changed")
    shown = admin.json("flavor show", flavor)
    assert shown["description"] == "changed"
    assert set(shown["properties"]) == {"hw:cpu_policy", "hw_rng:allowed", "hw:watchdog_action"}
    admin("flavor unset", flavor, "--property", "hw_rng:allowed")
    assert "hw_rng:allowed" not in admin.json("flavor show", flavor)["properties"]
    admin("flavor set", flavor, "--no-property", "--property", "hw:cpu_policy=shared")
    assert admin.json("flavor show", flavor)["properties"] == {"hw:cpu_policy": "shared"}
    said = admin.refused("flavor set", flavor, "--property", "hw:cpu_policy=sometimes")
    assert "hw:cpu_policy" in said
    admin("flavor delete", flavor)


def test_flavors_are_listed_by_size_and_in_pages(me):
    assert "frugal" not in names(me, "flavor list", "--min-ram", "100")
    assert "ample" in names(me, "flavor list", "--min-ram", "100")
    assert "frugal" not in names(me, "flavor list", "--min-disk", "2")
    every = [row["ID"] for row in me.json("flavor list")]
    (first,) = me.json("flavor list", "--limit", "1", "--max-items", "1")
    assert first["ID"] == every[0]
    after = [row["ID"] for row in me.json("flavor list", "--marker", first["ID"])]
    assert after == every[1:]


@pytest.mark.parametrize("size", ["--ram", "--vcpus"])
def test_a_flavor_of_no_size_is_refused(admin, name, size):
    assert size.strip("-") in admin.refused("flavor create", name("flavor"), size, "-1")
