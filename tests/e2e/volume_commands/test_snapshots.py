"""Snapshots of volumes."""

import pytest


def names(rows):
    return [row["Name"] for row in rows]


@pytest.fixture
def snapshot(name, becomes):
    """Make snapshots; return their names."""

    def make(who, of, *options):
        made = name("moment")
        who("volume snapshot create", "--volume", of, *options, made)
        becomes(who, "volume snapshot show", made)
        return made

    return make


def test_a_snapshot_is_created_changed_and_deleted(me, name, volume, becomes):
    own, moment = volume(me, "--size", "2"), name("moment")
    made = me.json("volume snapshot create", moment, "--volume", own, "--description", "before",
                   "--property", "colour=red", "--property", "shape=round", "--force")  # fmt: skip
    assert (made["size"], made["volume_id"]) == (2, me.json("volume show", own)["id"])
    shown = becomes(me, "volume snapshot show", moment)
    assert (shown["description"], shown["properties"]) == ("before", {"colour": "red", "shape": "round"})
    new = name("moment")
    me("volume snapshot set", moment, "--name", new, "--description", "after", "--property", "size=big")
    assert me.json("volume snapshot show", new)["description"] == "after"
    me("volume snapshot unset", new, "--property", "shape", "--property", "size")
    assert me.json("volume snapshot show", new)["properties"] == {"colour": "red"}
    me("volume snapshot set", new, "--no-property", "--property", "only=this")
    assert me.json("volume snapshot show", new)["properties"] == {"only": "this"}
    me("volume snapshot delete", new)
    assert new in me.refused("volume snapshot show", new)
    assert "1 of 1 snapshots failed" in me.refused("volume snapshot delete", new)


def test_a_snapshot_is_named_after_its_volume_if_no_other_is_said(me, volume, becomes):
    own = volume(me)
    me("volume snapshot create", own)
    assert becomes(me, "volume snapshot show", own)["volume_id"] == me.json("volume show", own)["id"]


def test_snapshots_are_found_by_what_they_are(me, admin, volume, snapshot):
    one, two = volume(me), volume(me)
    first, second, third = snapshot(me, one, "--description", "words"), snapshot(me, one), snapshot(me, two)
    assert names(me.json("volume snapshot list")) == [third, second, first]
    long = me.json("volume snapshot list", "--long")[2]
    assert (long["Volume"], long["Description"]) == (me.json("volume show", one)["id"], "words")
    assert names(me.json("volume snapshot list", "--volume", one)) == [second, first]
    assert names(me.json("volume snapshot list", "--name", third)) == [third]
    admin("volume snapshot set", me.json("volume snapshot show", first)["id"], "--state", "error")
    assert names(me.json("volume snapshot list", "--status", "error")) == [first]
    assert names(me.json("volume snapshot list", "--max-items", "2")) == [third, second]
    marker = me.json("volume snapshot show", second)["id"]
    assert names(me.json("volume snapshot list", "--marker", marker)) == [first]
    assert names(me.json("volume snapshot list", "--limit", "2")) == [third, second, first]  # page by page


def test_the_administrator_finds_snapshots_by_project(me, admin, name, volume, snapshot):
    other = admin.member(name("other"))
    own, theirs = snapshot(me, volume(me)), snapshot(other, volume(other))
    assert {own, theirs} <= set(names(admin.json("volume snapshot list", "--all-projects")))
    mine = me.environment["OS_PROJECT_NAME"]
    found = admin.json("volume snapshot list", "--project", mine, "--project-domain", "Default")
    assert names(found) == [own]
    assert own not in names(admin.json("volume snapshot list"))


def test_the_administrator_says_what_state_a_snapshot_is_in_and_deletes_it_in_any(
    me, admin, volume, snapshot
):
    moment = snapshot(me, volume(me))
    id_ = me.json("volume snapshot show", moment)["id"]
    assert "403" in me.refused("volume snapshot set", moment, "--state", "error")
    admin("volume snapshot set", id_, "--state", "creating")
    assert "status" in me.refused("volume snapshot delete", moment)
    assert "403" in me.refused("volume snapshot delete", moment, "--force")
    admin("volume snapshot delete", id_, "--force")
    assert me.json("volume snapshot list") == []


def test_a_volume_goes_back_to_its_last_snapshot_only(me, volume, snapshot, becomes):
    own = volume(me)
    first, second = snapshot(me, own), snapshot(me, own)
    me("volume revert", second)
    becomes(me, "volume show", own)
    becomes(me, "volume snapshot show", second)
    assert "most recent snapshot" in me.refused("volume revert", first)
