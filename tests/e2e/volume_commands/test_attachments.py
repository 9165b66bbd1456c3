"""Volumes given to servers by the calls that compute makes."""

import pytest

from cumulo.testing.launched import until


@pytest.fixture(scope="module")
def flavor(admin, name):
    made = name("flavor")
    admin("flavor create", made, "--ram", "64", "--disk", "1", "--vcpus", "1")
    return made


@pytest.fixture
def server(me, flavor, tmp_path):
    """A server of mine: its id."""
    file = tmp_path / "image"
    file.write_bytes(b"an image" * 100)
    me("image create", "picture", "--file", str(file), "--disk-format", "raw")
    me("network create", "net")
    me("subnet create", "subnet", "--network", "net", "--subnet-range", "10.9.0.0/24")
    id_ = me.json("server create", "web", "--flavor", flavor, "--image", "picture", "--network", "net")["id"]
    until(lambda: me.json("server show", id_)["status"] == "ACTIVE", what="the server to run")
    return id_


@pytest.fixture
def mine(me):
    """Me, at the newest version."""
    return me.but(volume_api_version="3.71")


def ids(rows):
    return [row["ID"] for row in rows]


def test_an_attachment_is_created_connected_completed_and_deleted(mine, server, volume):
    own = volume(mine)
    made = mine.json("volume attachment create", own, "--server", server, "--no-connect", "--mode", "rw")
    assert (made["Status"], made["Instance ID"], made["Attach Mode"]) == ("reserved", server, "rw")
    assert (made["Properties"], mine.json("volume show", own)["status"]) == ({}, "reserved")
    said = mine.refused("volume attachment create", own, "--server", server)
    assert "status must be available" in said
    set_ = mine.json("volume attachment set", made["ID"], "--host", "node1", "--ip", "10.0.0.1",
                     "--initiator", "iqn.2026-11.org:one", "--platform", "x86_64",
                     "--os-type", "linux", "--multipath", "--mountpoint", "/dev/vdb")  # fmt: skip
    assert (set_["Status"], set_["Properties"]["driver_volume_type"]) == ("attaching", "nbd")
    mine("volume attachment set", made["ID"], "--host", "node1", "--no-multipath", "--mountpoint", "/dev/vdc")
    mine("volume attachment complete", made["ID"])
    shown = mine.json("volume attachment show", made["ID"])
    assert (shown["Status"], shown["Volume ID"]) == ("attached", mine.json("volume show", own)["id"])
    assert "Attached to web on /dev/vdc" in mine("volume list")
    mine("volume attachment delete", made["ID"])
    assert mine.json("volume show", own)["status"] == "available"
    assert made["ID"] in mine.refused("volume attachment show", made["ID"])


def test_an_attachment_is_connected_at_once(mine, server, volume):
    own = volume(mine)
    made = mine.json("volume attachment create", own, "--server", server, "--connect", "--initiator",
                     "iqn.2026-11.org:one", "--ip", "10.0.0.1", "--host", "node1", "--platform", "x86_64",
                     "--os-type", "linux", "--multipath", "--mountpoint", "/dev/vdb",
                     "--mode", "ro")  # fmt: skip
    assert (made["Status"], made["Attach Mode"]) == ("attaching", "ro")
    assert made["Properties"]["access_mode"] == "ro"
    other = volume(mine)
    made = mine.json("volume attachment create", other, "--server", server, "--connect", "--host", "node1",
                     "--no-multipath")  # fmt: skip
    assert made["Status"] == "attaching"
    assert "--connect" in mine.refused(
        "volume attachment create", other, "--server", server, "--host", "node1"
    )


def test_attachments_are_found_by_what_they_are(mine, newest, server, volume):
    one, two = volume(mine), volume(mine)
    first = mine.json("volume attachment create", one, "--server", server)["ID"]
    second = mine.json("volume attachment create", two, "--server", server, "--connect", "--host", "n")["ID"]
    assert ids(mine.json("volume attachment list")) == [second, first]
    volume_id = mine.json("volume show", one)["id"]
    rows = mine.json("volume attachment list", "--volume-id", volume_id)
    assert rows == [{"ID": first, "Volume ID": volume_id, "Server ID": server, "Status": "reserved"}]
    assert ids(mine.json("volume attachment list", "--server-id", server)) == [second, first]
    assert mine.json("volume attachment list", "--server-id", volume_id) == []
    assert ids(mine.json("volume attachment list", "--status", "attaching")) == [second]
    assert ids(mine.json("volume attachment list", "--max-items", "1")) == [second]
    assert ids(mine.json("volume attachment list", "--marker", second)) == [first]
    assert ids(mine.json("volume attachment list", "--limit", "1")) == [second, first]  # page by page
    assert newest.json("volume attachment list") == []
    assert {first, second} <= set(ids(newest.json("volume attachment list", "--all-projects")))
    project = mine.environment["OS_PROJECT_NAME"]
    found = newest.json("volume attachment list", "--project", project, "--project-domain", "Default")
    assert ids(found) == [second, first]
    assert newest.json("volume attachment list", "--project", "admin") == []
