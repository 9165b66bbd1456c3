"""What a server goes through, by the official client: off, on, aside, rebuilt, rescued, shelved, dumped."""

import pytest

from cumulo.testing.launched import until


@pytest.fixture
def mine(me, server):
    """The server's id, which an administrator needs."""
    return me.json("server show", server)["id"]


def test_a_server_is_switched_off_and_on(me, admin, server, mine, becomes):
    me("server stop", server)
    becomes(mine, "SHUTOFF")
    assert "Cannot 'stop'" in me.refused("server stop", server)
    me("server start", server)
    becomes(mine, "ACTIVE")
    admin("server stop", server, "--all-projects")
    becomes(mine, "SHUTOFF")
    admin("server start", server, "--all-projects")
    becomes(mine, "ACTIVE")
    me("server reboot", server, "--hard", "--wait")
    me("server reboot", server, "--soft", "--wait")
    becomes(mine, "ACTIVE")


def test_a_server_pauses_and_sleeps(me, server, mine, becomes):
    me("server pause", server)
    becomes(mine, "PAUSED")
    me("server unpause", server)
    becomes(mine, "ACTIVE")
    me("server suspend", server)
    becomes(mine, "SUSPENDED")
    me("server resume", server)
    becomes(mine, "ACTIVE")


def test_a_locked_server_says_why(me, server):
    me("server lock", server, "--reason", "a holiday")
    shown = me.json("server show", server)
    assert (shown["locked"], shown["locked_reason"]) == (True, "a holiday")
    assert "is locked" in me.refused("server stop", server)
    me("server unlock", server)
    assert me.json("server show", server)["locked"] is False


def test_a_server_is_rescued(me, server, mine, becomes):
    me("server rescue", server, "--image", "picture", "--password", "a secret")
    becomes(mine, "RESCUE")
    me("server unrescue", server)
    becomes(mine, "ACTIVE")


def test_a_server_is_shelved_and_comes_back(me, admin, server, mine, becomes):
    me("server shelve", server, "--wait")
    becomes(mine, "SHELVED_OFFLOADED")
    me("server unshelve", server, "--wait")
    becomes(mine, "ACTIVE")
    me("server shelve", server, "--offload", "--wait")
    me("server unshelve", server, "--availability-zone", "nova", "--wait")
    becomes(mine, "ACTIVE")
    me("server shelve", server, "--wait")
    (host, *_) = sorted(row["Hypervisor Hostname"] for row in admin.json("hypervisor list"))
    admin("server unshelve", mine, "--no-availability-zone", "--host", host, "--wait")
    assert becomes(mine, "ACTIVE")["OS-EXT-SRV-ATTR:host"] == host


def test_a_server_is_built_anew(me, server, data):
    key = f"{server}-key"
    me("keypair create", key, "--private-key", str(data.with_name("key")))
    before = me.json("server show", server)["addresses"]
    me("server rebuild", server, "--image", "picture", "--name", server, "--password", "a secret",
       "--property", "built=again", "--description", "second", "--key-name", key, "--user-data", str(data),
       "--hostname", "second", "--wait")  # fmt: skip
    shown = me.json("server show", server)
    assert (shown["properties"], shown["description"], shown["key_name"]) == (
        {"built": "again"},
        "second",
        key,
    )
    assert shown["addresses"] == before
    me("server rebuild", server, "--no-key-name", "--no-user-data", "--no-trusted-image-certs", "--wait")
    assert me.json("server show", server)["key_name"] is None
    me("server rebuild", server, "--preserve-ephemeral", "--wait")
    me("server rebuild", server, "--no-preserve-ephemeral", "--wait")
    said = me.refused("server rebuild", server, "--trusted-image-cert", "one")
    assert "certificate" in said.lower()
    me("keypair delete", key)


def test_a_server_on_a_volume_is_built_anew_if_that_is_meant(me, name):
    server = name("server")
    me("server create", server, "--flavor", "frugal", "--image", "picture", "--boot-from-volume", "1",
       "--delete-on-termination", "--no-network", "--wait")  # fmt: skip
    me("server rebuild", server, "--image", "picture", "--reimage-boot-volume", "--wait")
    assert me.json("server show", server)["status"] == "ACTIVE"
    assert me.refused("server rebuild", server, "--image", "picture", "--no-reimage-boot-volume")
    me("server delete", server, "--wait")


def test_a_server_is_kept_as_images(me, server, mine, becomes, name):
    image, backup = name("image"), name("backup")
    me("server image create", server, "--name", image, "--property", "kept=yes", "--wait")
    shown = me.json("image show", image)
    assert (shown["status"], shown["properties"]["kept"]) == ("active", "yes")
    me("server backup create", server, "--name", backup, "--type", "daily", "--rotate", "1", "--wait")
    first = me.json("image show", backup)["id"]
    me.said("server backup create", server, "--name", backup, "--type", "daily", "--rotate", "1")
    until(lambda: ids(me, backup) not in ([], [first]) and len(ids(me, backup)) == 1, what="rotation")
    me("image delete", image, backup)


def ids(me, image):
    return [row["ID"] for row in me.json("image list", "--name", image)]


def test_a_servers_password_is_changed_by_an_agent_in_it(me, server):
    """A fake has none."""
    assert "no agent in it answers" in me.refused("server set", server, "--password", "another secret")
    me("server set", server, "--no-password")


def test_a_server_dumps_its_memory(me, server):
    me("server dump create", server)
    assert "trigger_crash_dump" in [row["Action"] for row in me.json("server event list", server)]


def test_a_deleted_server_is_not_brought_back(admin, me, name):
    """There is no time in which a deleted server could be restored."""
    server = name("server")
    made = me.json(
        "server create", server, "--flavor", "frugal", "--image", "picture", "--no-network", "--wait"
    )
    assert "Cannot 'restore'" in admin.refused("server restore", made["id"])
    me("server delete", server, "--wait")
    assert admin.refused("server restore", made["id"])


def test_what_happened_to_a_server_is_told(me, server):
    me("server reboot", server, "--hard", "--wait")
    events = me.json("server event list", server, "--long")
    assert [row["Action"] for row in events][-1] == "create"
    assert "reboot" in [row["Action"] for row in events]
    request = events[-1]["Request ID"]
    shown = me.json("server event show", server, request)
    assert (shown["action"], shown["request_id"]) == ("create", request)
    assert [row["Action"] for row in me.json("server event list", server, "--limit", "1", "--max-items", "1")]
    rest = me.json("server event list", server, "--marker", events[0]["Request ID"])
    assert [row["Request ID"] for row in rest] == [row["Request ID"] for row in events[1:]]
    assert me.json("server event list", server, "--changes-since", "2100-01-01T00:00:00Z") == []
    assert me.json("server event list", server, "--changes-before", "2001-01-01T00:00:00Z") == []


def test_consoles_are_reached(me, admin, server):
    assert isinstance(me("console log show", server, "--lines", "5"), str)
    shown = me.json("console url show", server, "--novnc")
    assert (shown["protocol"], shown["type"]) == ("vnc", "novnc")
    assert shown["url"].startswith("http")
    assert me.refused("console url show", server, "--spice")
    assert me.refused("console url show", server, "--spice-direct")
    assert me.refused("console url show", server, "--rdp")
    assert me.refused("console url show", server, "--mks")
    assert me.refused("console url show", server, "--xvpvnc")
    serial = me.json("console url show", server, "--serial")
    assert serial["url"].startswith("ws")
    token = shown["url"].rpartition("token%3D")[2] or shown["url"].rpartition("token=")[2]
    connection = admin.json("console connection show", token)
    assert connection["instance_uuid"] == me.json("server show", server)["id"]
    assert "not authorized" in me.refused("console connection show", token)


def test_diagnostics_and_topology_are_shown(admin, mine):
    assert "state" in str(admin.json("server show", mine, "--diagnostics"))
    assert "nodes" in str(admin.json("server show", mine, "--topology"))


def test_no_address_of_another_kind_is_connected_to(me, server):
    """The client would run `ssh`, which finds nobody at a fake's address."""
    assert "nowhere" in me.refused("server ssh", server, "--address-type", "nowhere")
