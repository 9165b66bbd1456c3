"""Volumes: making, finding, changing, deleting them."""

import pytest


def names(rows):
    return [row["Name"] for row in rows]


def test_a_volume_is_created_as_said(me, name, becomes):
    own = name("volume")
    made = me.json(
        "volume create", own, "--size", "2", "--description", "for data", "--property", "colour=red",
        "--property", "shape=round", "--availability-zone", "nova", "--type", "__DEFAULT__",
        "--non-bootable", "--read-write",
    )  # fmt: skip
    assert (made["name"], made["size"], made["description"]) == (own, 2, "for data")
    assert (made["availability_zone"], made["type"], made["status"]) == ("nova", "__DEFAULT__", "creating")
    shown = becomes(me, "volume show", own)
    assert shown["properties"] == {"colour": "red", "shape": "round", "readonly": "False"}
    assert (shown["bootable"], shown["encrypted"], shown["attachments"]) == (False, False, [])
    assert me.json("volume list", "--long")[0] == {
        "ID": made["id"],
        "Name": own,
        "Status": "available",
        "Size": 2,
        "Type": "__DEFAULT__",
        "Bootable": False,
        "Attached to": [],
        "Properties": {"colour": "red", "shape": "round", "readonly": "False"},
    }
    other = name("volume")
    me("volume create", other, "--size", "1", "--bootable", "--read-only")
    shown = me.json("volume show", other)
    assert (shown["bootable"], shown["properties"]) == (True, {"readonly": "True"})


def test_what_cannot_be_made_is_refused_with_the_reason(me, name):
    assert "--size is a required option" in me.refused("volume create", name("volume"))
    assert "Availability zone" in me.refused(
        "volume create", "--size", "1", "--availability-zone", "moon", name("volume")
    )
    assert "size" in me.refused("volume create", "--size", "0", name("volume"))
    assert "quota" in me.refused("volume create", "--size", "100000", name("volume"))
    assert "moon" in me.refused("volume create", "--size", "1", "--type", "moon", name("volume"))
    assert me.json("volume list") == []


def test_a_volume_is_a_copy_of_another_or_of_a_snapshot(me, name, volume, becomes):
    source = volume(me, "--size", "2")
    me("volume create", "--source", source, "--size", "3", "copy")
    shown = becomes(me, "volume show", "copy")
    assert (shown["size"], shown["source_volid"]) == (3, me.json("volume show", source)["id"])
    me("volume snapshot create", "--volume", source, "moment")
    becomes(me, "volume snapshot show", "moment")
    me("volume create", "--snapshot", "moment", "again")
    shown = becomes(me, "volume show", "again")
    assert (shown["size"], shown["snapshot_id"]) == (2, me.json("volume snapshot show", "moment")["id"])


def test_a_volume_is_made_of_an_image(me, name, becomes, tmp_path):
    file = tmp_path / "image"
    file.write_bytes(b"the bytes of an image" * 1000)
    me(
        "image create",
        "picture",
        "--file",
        str(file),
        "--disk-format",
        "raw",
        "--property",
        "os_distro=debian",
    )
    me("volume create", "--image", "picture", "--size", "1", "system")
    shown = becomes(me, "volume show", "system")
    assert shown["bootable"] is True
    image = shown["volume_image_metadata"]
    assert (image["image_name"], image["os_distro"]) == ("picture", "debian")


def test_hints_put_a_volume_beside_another_or_away_from_it(me, admin, volume, becomes):
    one = me.json("volume show", volume(me))["id"]

    def host(found):
        return admin.json("volume show", me.json("volume show", found)["id"])["os-vol-host-attr:host"]

    beside, away = volume(me, "--hint", f"same_host={one}"), volume(me, "--hint", f"different_host={one}")
    assert host(beside) == host(one)
    assert host(away) != host(one)
    both = (f"same_host={one}", f"different_host={one}")
    me("volume create", "--size", "1", "--hint", both[0], "--hint", both[1], "lost")
    becomes(me, "volume show", "lost", "error")


@pytest.fixture
def three(me, volume):
    """Volumes that differ, the oldest first."""
    red = volume(me, "--property", "colour=red", "--property", "shape=round")
    blue = volume(me, "--property", "colour=blue", "--property", "shape=round")
    plain = volume(me)
    return red, blue, plain


def test_volumes_are_found_by_what_they_are(me, admin, three):
    red, blue, plain = three
    assert names(me.json("volume list")) == [plain, blue, red]
    assert names(me.json("volume list", "--property", "shape=round")) == [blue, red]
    both = me.json("volume list", "--property", "shape=round", "--property", "colour=red")
    assert names(both) == [red]
    assert names(me.json("volume list", "--name", blue)) == [blue]
    admin("volume set", me.json("volume show", plain)["id"], "--state", "error")
    assert names(me.json("volume list", "--status", "error")) == [plain]
    assert names(me.json("volume list", "--status", "available")) == [blue, red]
    marker = me.json("volume show", blue)["id"]
    assert names(me.json("volume list", "--marker", marker)) == [red]
    assert names(me.json("volume list", "--limit", "1")) == [plain, blue, red]  # the client asks page by page


def test_the_administrator_finds_volumes_by_project_and_user(me, admin, name, volume):
    mine, other = me.environment["OS_USERNAME"], admin.member(name("other"))
    own, theirs = volume(me), volume(other)
    every = names(admin.json("volume list", "--all-projects"))
    assert {own, theirs} <= set(every)
    assert names(admin.json("volume list", "--project", mine, "--project-domain", "Default")) == [own]
    found = admin.json("volume list", "--user", mine, "--user-domain", "Default", "--all-projects")
    assert names(found) == [own]
    assert names(me.json("volume list", "--all-projects")) == [own]
    assert own not in names(admin.json("volume list"))
    assert theirs in me.refused("volume show", theirs)


def test_a_summary_tells_how_many_and_how_much(me, admin, volume):
    volume(me, "--property", "colour=red")
    volume(me, "--size", "2")
    assert me.json("volume summary") == {"Total Count": 2, "Total Size": 3, "Metadata": {"colour": ["red"]}}
    every = admin.json("volume summary", "--all-projects")
    assert every["Total Count"] >= 2
    assert admin.json("volume summary")["Total Count"] < every["Total Count"]


def test_a_volume_is_changed(me, name, volume, becomes):
    own, new = volume(me, "--property", "colour=red"), name("volume")
    me("volume set", own, "--name", new, "--description", "more", "--property", "shape=round",
       "--image-property", "os_distro=debian", "--image-property", "hw_disk_bus=scsi",
       "--bootable", "--read-only", "--size", "3")  # fmt: skip
    shown = becomes(me, "volume show", new)
    assert (shown["description"], shown["bootable"]) == ("more", True)
    assert becomes(me, "volume show", new)["size"] == 3
    assert shown["properties"] == {"colour": "red", "shape": "round", "readonly": "True"}
    assert shown["volume_image_metadata"] == {"os_distro": "debian", "hw_disk_bus": "scsi"}
    me("volume unset", new, "--property", "shape", "--image-property", "hw_disk_bus")
    me("volume set", new, "--non-bootable", "--read-write")
    shown = me.json("volume show", new)
    assert (shown["bootable"], shown["properties"]) == (False, {"colour": "red", "readonly": "False"})
    assert shown["volume_image_metadata"] == {"os_distro": "debian"}
    me("volume set", new, "--no-property", "--property", "size=big")
    assert me.json("volume show", new)["properties"]["size"] == "big"
    assert "colour" not in me.json("volume show", new)["properties"]
    assert "New size must be greater" in me.refused("volume set", new, "--size", "2")


def test_the_administrator_says_what_state_a_volume_is_in(me, admin, volume):
    own = volume(me)
    id_ = me.json("volume show", own)["id"]
    assert "403" in me.refused("volume set", own, "--state", "error")
    admin("volume set", id_, "--state", "error")
    assert me.json("volume show", own)["status"] == "error"
    admin("volume set", id_, "--state", "in-use", "--attached")
    assert "attached" in me.refused("volume delete", own)
    admin("volume set", id_, "--state", "available", "--detached")
    me("volume delete", own)


def test_a_volume_is_deleted_with_its_snapshots_or_by_force(me, admin, volume, becomes):
    own, other = volume(me), volume(me)
    me("volume snapshot create", "--volume", own, "moment")
    becomes(me, "volume snapshot show", "moment")
    assert "snapshots" in me.refused("volume delete", own)
    me("volume delete", own, "--cascade")
    assert own in me.refused("volume show", own)
    assert me.json("volume snapshot list") == []
    id_ = me.json("volume show", other)["id"]
    admin("volume set", id_, "--state", "creating")
    assert "403" in me.refused("volume delete", other, "--force")
    admin("volume delete", id_, "--force")
    assert other in me.refused("volume show", other)
    assert "1 of 1 volumes failed to delete" in me.refused("volume delete", other)
