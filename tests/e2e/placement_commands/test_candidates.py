"""Who has room: allocation candidates."""

import pytest


@pytest.fixture
def own(admin, name):
    """A class of one's own: what other providers have does not come between."""
    made = name("CUSTOM_SLOT")
    admin("resource class create", made)
    return made


def providers(rows):
    return {row["resource provider"] for row in rows}


def test_candidates_have_room_and_show_what_they_would_give(admin, new_id, provider, own):
    small, large = provider(f"{own}=2"), provider(f"{own}=8")
    admin("resource provider allocation set", new_id(), "--allocation", f"rp={large},{own}=3",
          "--project-id", new_id(), "--user-id", new_id(), "--consumer-type", "INSTANCE")  # fmt: skip
    admin("resource provider trait set", large, "--trait", "STORAGE_DISK_SSD")
    rows = admin.json("allocation candidate list", "--resource", f"{own}=1")
    assert providers(rows) == {small, large}
    assert admin.json("allocation candidate list", "--resource", f"{own}=3") == [
        {
            "#": 1,
            "allocation": f"{own}=3",
            "resource provider": large,
            "inventory used/capacity": f"{own}=3/8",
            "traits": "STORAGE_DISK_SSD",
        }
    ]
    assert admin.json("allocation candidate list", "--resource", f"{own}=6") == []
    assert len(admin.json("allocation candidate list", "--resource", f"{own}=1", "--limit", "1")) == 1
    assert "NO_SUCH" in admin.refused("allocation candidate list", "--resource", "NO_SUCH=1")
    assert admin.refused("allocation candidate list", "--limit", "1")


def test_candidates_have_the_traits_asked_for_and_none_forbidden(admin, provider, own):
    solid, plain, bare = provider(f"{own}=2"), provider(f"{own}=2"), provider(f"{own}=2")
    admin("resource provider trait set", solid, "--trait", "STORAGE_DISK_SSD", "--trait", "OWNER_NOVA")
    admin("resource provider trait set", plain, "--trait", "STORAGE_DISK_HDD", "--trait", "OWNER_NOVA")
    rows = admin.json("allocation candidate list", "--resource", f"{own}=1", "--required", "OWNER_NOVA",
                      "--required", "STORAGE_DISK_SSD")  # fmt: skip
    assert providers(rows) == {solid}
    rows = admin.json("allocation candidate list", "--resource", f"{own}=1",
                      "--required", "STORAGE_DISK_SSD,STORAGE_DISK_HDD")  # fmt: skip
    assert providers(rows) == {solid, plain}
    rows = admin.json(
        "allocation candidate list", "--resource", f"{own}=1", "--forbidden", "STORAGE_DISK_SSD"
    )
    assert providers(rows) == {plain, bare}
    rows = admin.json("allocation candidate list", "--resource", f"{own}=1", "--required", "OWNER_NOVA",
                      "--forbidden", "STORAGE_DISK_SSD")  # fmt: skip
    assert providers(rows) == {plain}


def test_candidates_are_in_aggregates(admin, new_id, provider, own):
    one, two, both, neither = (provider(f"{own}=2") for _ in range(4))
    red, blue = new_id(), new_id()
    for each, groups in ((one, [red]), (two, [blue]), (both, [red, blue])):
        words = [word for group in groups for word in ("--aggregate", group)]
        admin("resource provider aggregate set", each, *words, "--generation", "1")
    assert neither in providers(admin.json("allocation candidate list", "--resource", f"{own}=1"))
    rows = admin.json("allocation candidate list", "--resource", f"{own}=1", "--member-of", red)
    assert providers(rows) == {one, both}
    rows = admin.json("allocation candidate list", "--resource", f"{own}=1", "--member-of", f"{red},{blue}")
    assert providers(rows) == {one, two, both}
    rows = admin.json("allocation candidate list", "--resource", f"{own}=1", "--member-of", red,
                      "--member-of", blue)  # fmt: skip
    assert providers(rows) == {both}


def test_groups_are_served_by_providers_of_one_tree(admin, provider, own):
    root = provider("VCPU=8")
    cards = {provider(f"{own}=2", parent=root) for _ in range(2)}
    provider(f"{own}=2")
    together = admin.json("allocation candidate list", "--group", "1", "--resource", f"{own}=1",
                          "--group", "2", "--resource", f"{own}=1", "--group-policy", "none")  # fmt: skip
    apart = admin.json("allocation candidate list", "--group", "1", "--resource", f"{own}=1",
                       "--group", "2", "--resource", f"{own}=1", "--group-policy", "isolate")  # fmt: skip
    assert {row["allocation"] for row in together} == {f"{own}=1", f"{own}=2"}
    assert {row["allocation"] for row in apart} == {f"{own}=1"}
    assert providers(apart) == cards
    assert len({row["#"] for row in apart}) * 2 == len(apart)


def test_the_first_version_with_candidates_shows_no_traits(cloud, provider, own):
    older, rack = cloud.admin.but(placement_api_version="1.10"), provider(f"{own}=2")
    assert older.json("allocation candidate list", "--resource", f"{own}=1") == [
        {
            "#": 1,
            "allocation": f"{own}=1",
            "resource provider": rack,
            "inventory used/capacity": f"{own}=0/2",
        }
    ]
    assert "1.17" in older.refused("allocation candidate list", "--resource", f"{own}=1", "--required", "X")
