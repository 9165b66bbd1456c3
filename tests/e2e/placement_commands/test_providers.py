"""Resource providers: trees, filters, aggregates."""

import pytest


def ids(rows):
    return {row["uuid"] for row in rows}


def test_a_provider_is_created_shown_renamed_and_deleted(admin, name, new_id):
    chosen, first, second = new_id(), name("rack"), name("rack")
    made = admin.json("resource provider create", first, "--uuid", chosen)
    assert made == {
        "uuid": chosen,
        "name": first,
        "generation": 0,
        "root_provider_uuid": chosen,
        "parent_provider_uuid": None,
    }
    assert admin.json("resource provider show", chosen) == made
    assert "409" in admin.refused("resource provider create", first)
    assert "409" in admin.refused("resource provider create", second, "--uuid", chosen)
    assert admin.json("resource provider set", chosen, "--name", second)["name"] == second
    assert admin.json("resource provider list", "--name", first) == []
    assert ids(admin.json("resource provider list", "--name", second)) == {chosen}
    admin("resource provider delete", chosen)
    assert chosen in admin.refused("resource provider show", chosen)
    assert chosen in admin.refused("resource provider delete", chosen)


def test_the_first_version_shows_no_trees(oldest, admin, name, provider):
    made = oldest.json("resource provider create", name("rack"))
    assert set(made) == {"uuid", "name", "generation"}
    assert "1.14" in oldest.refused("resource provider create", name("rack"), "--parent-provider", provider())
    assert admin.json("resource provider show", made["uuid"])["root_provider_uuid"] == made["uuid"]


def test_providers_stand_in_trees(admin, name, provider):
    root = provider()
    child = admin.json("resource provider create", name("card"), "--parent-provider", root)
    assert (child["root_provider_uuid"], child["parent_provider_uuid"]) == (root, root)
    alone = provider()
    assert "409" in admin.refused("resource provider delete", root)
    grown = admin.json("resource provider set", alone, "--name", name("card"),
                       "--parent-provider", child["uuid"])  # fmt: skip
    assert (grown["root_provider_uuid"], grown["parent_provider_uuid"]) == (root, child["uuid"])
    other = provider()
    tree = {root, child["uuid"], alone}
    for each in tree:
        assert ids(admin.json("resource provider list", "--in-tree", each)) == tree
    assert ids(admin.json("resource provider list", "--in-tree", other)) == {other}
    said = admin.refused("resource provider set", root, "--name", name("rack"), "--parent-provider", alone)
    assert "400" in said or "loop" in said


def test_providers_are_listed_by_id_by_what_they_have_and_by_traits(admin, provider):
    small, large = provider("VCPU=3"), provider("VCPU=64", "DISK_GB=10")
    assert ids(admin.json("resource provider list", "--uuid", large)) == {large}
    both = {small, large}
    assert ids(admin.json("resource provider list", "--resource", "VCPU=1")) >= both
    assert ids(admin.json("resource provider list", "--resource", "VCPU=33")) & both == {large}
    with_disk = admin.json("resource provider list", "--resource", "VCPU=2", "--resource", "DISK_GB=10")
    assert ids(with_disk) & both == {large}
    assert "NO_SUCH" in admin.refused("resource provider list", "--resource", "NO_SUCH=1")
    admin("resource provider trait set", small, "--trait", "STORAGE_DISK_HDD", "--trait", "OWNER_CYBORG")
    admin("resource provider trait set", large, "--trait", "STORAGE_DISK_SSD", "--trait", "OWNER_CYBORG")
    assert ids(admin.json("resource provider list", "--required", "OWNER_CYBORG")) == both
    solid = admin.json(
        "resource provider list", "--required", "OWNER_CYBORG", "--required", "STORAGE_DISK_SSD"
    )
    assert ids(solid) == {large}
    either = admin.json("resource provider list", "--required", "STORAGE_DISK_SSD,STORAGE_DISK_HDD")
    assert ids(either) >= both
    not_solid = admin.json("resource provider list", "--required", "OWNER_CYBORG",
                           "--forbidden", "STORAGE_DISK_SSD")  # fmt: skip
    assert ids(not_solid) == {small}
    assert "NO_SUCH" in admin.refused("resource provider list", "--required", "NO_SUCH")


@pytest.fixture
def gathered(admin, provider):
    """Put providers into aggregates."""

    def gather(*aggregates):
        made = provider("VCPU=4")
        generation = str(admin.json("resource provider show", made)["generation"])
        each = [word for id_ in aggregates for word in ("--aggregate", id_)]
        admin("resource provider aggregate set", made, *each, "--generation", generation)
        return made

    return gather


def test_aggregates_are_set_as_a_whole_if_the_generation_is_right(admin, new_id, provider):
    rack, one, two = provider(), new_id(), new_id()
    assert admin.json("resource provider aggregate list", rack) == []
    shown = admin.json("resource provider aggregate set", rack, "--aggregate", one,
                       "--aggregate", two, "--generation", "0")  # fmt: skip
    assert ids(shown) == {one, two}
    assert admin.json("resource provider show", rack)["generation"] == 1
    said = admin.refused("resource provider aggregate set", rack, "--generation", "0")
    assert "409" in said
    assert ids(admin.json("resource provider aggregate list", rack)) == {one, two}
    admin("resource provider aggregate set", rack, "--generation", "1")
    assert admin.json("resource provider aggregate list", rack) == []
    said = admin.refused("resource provider aggregate set", rack, "--aggregate", "red", "--generation", "2")
    assert "aggregates" in said


def test_versions_before_1_19_set_aggregates_without_a_generation(cloud, new_id, provider):
    older, rack, one = cloud.admin.but(placement_api_version="1.1"), provider(), new_id()
    assert ids(older.json("resource provider aggregate set", rack, "--aggregate", one)) == {one}
    assert ids(older.json("resource provider aggregate list", rack)) == {one}


def test_providers_are_listed_by_aggregates(admin, new_id, gathered):
    one, two, three = new_id(), new_id(), new_id()
    first, second, both = gathered(one), gathered(two), gathered(one, two)
    assert ids(admin.json("resource provider list", "--member-of", one)) == {first, both}
    assert ids(admin.json("resource provider list", "--member-of", f"{one},{two}")) == {first, second, both}
    met = admin.json("resource provider list", "--member-of", one, "--member-of", two)
    assert ids(met) == {both}
    assert admin.json("resource provider list", "--member-of", three) == []


def test_providers_are_the_administrators(cloud):
    anybody = cloud.admin.member("anybody").but(placement_api_version="1.39")
    assert "403" in anybody.refused("resource provider list")
    assert "403" in anybody.refused("resource provider create", "mine")
