"""Servers by the official client: made with every option, shown, listed, changed, deleted."""

import pytest

from cumulo.testing.launched import until


def test_a_server_is_made_with_what_it_is_called_and_told(admin, me, name, data, tmp_path):
    server = name("server")
    me("keypair create", server, "--private-key", str(tmp_path / "key"))
    me("server group create", server, "--policy", "soft-affinity")
    me("security group create", server)
    port = me.json("port create", "--network", "home", server)
    made = me.json(
        "server create", server, "--flavor", "frugal", "--image", "picture", "--port", port["id"],
        "--password", "a secret", "--key-name", server, "--property", "role=web", "--user-data", str(data),
        "--description", "made by a test", "--availability-zone", "nova", "--server-group", server,
        "--use-config-drive", "--tag", "red", "--hostname", "called", "--wait",
    )  # fmt: skip
    assert made["adminPass"] == "a secret"
    shown = me.json("server show", server)
    assert (shown["status"], shown["OS-EXT-AZ:availability_zone"]) == ("ACTIVE", "nova")
    assert (shown["description"], shown["key_name"]) == ("made by a test", server)
    assert shown["properties"] == {"role": "web"}
    assert shown["tags"] == ["red"]
    assert shown["config_drive"] == "True"
    assert shown["addresses"]["home"] == [port["fixed_ips"][0]["ip_address"]]
    assert shown["flavor"]["original_name"] == "frugal"
    assert "picture" in shown["image"]
    assert admin.json("server show", shown["id"])["OS-EXT-SRV-ATTR:hostname"] == "called"
    group = me.json("server group show", server)
    assert group["members"] == [shown["id"]]
    me("server delete", server, "--wait")
    me("server group delete", server)
    assert "No Server found" in me.refused("server show", server)
    assert me.json("port show", port["id"])["device_id"] == ""


def test_networks_are_asked_for_in_every_way(admin, name):
    server, me = name("server"), admin.member(name("person"))
    me("network create", "only")
    me("subnet create", "only", "--network", "only", "--subnet-range", "10.1.0.0/24")
    me("security group create", "mine")
    port = me.json("port create", "--network", "only", server)["id"]
    me("server create", f"{server}-a", "--flavor", "frugal", "--image", "picture", "--network", "only",
       "--security-group", "mine", "--wait")  # fmt: skip
    me("server create", f"{server}-b", "--flavor", "frugal", "--image", "picture", "--no-security-group",
       "--nic", "net-id=only,v4-fixed-ip=10.1.0.77", "--wait")  # fmt: skip
    me("server create", f"{server}-c", "--flavor", "frugal", "--image", "picture", "--nic", f"port-id={port}",
       "--wait")  # fmt: skip
    me("server create", f"{server}-d", "--flavor", "frugal", "--image", "picture", "--no-network", "--wait")
    me("server create", f"{server}-e", "--flavor", "frugal", "--image", "picture", "--auto-network", "--wait")
    a, b, c, d, e = (me.json("server show", f"{server}-{one}") for one in "abcde")
    assert a["security_groups"] == [{"name": "mine"}]
    assert b["addresses"] == {"only": ["10.1.0.77"]}
    assert [list(one["addresses"]) for one in (a, c, d, e)] == [["only"], ["only"], [], ["only"]]
    said = me.refused(
        "server create", server, "--flavor", "frugal", "--image", "picture", "--network", "none-such"
    )
    assert "none-such" in said
    me("server delete", *(f"{server}-{one}" for one in "abcde"), "--wait")


def test_hints_and_config_drives_are_followed(admin, me, name):
    server = name("server")
    made = me.json("server create", server, "--flavor", "frugal", "--image", "picture", "--network", "home",
                   "--config-drive", "true", "--wait")  # fmt: skip
    assert me.json("server show", server)["config_drive"] == "True"
    me("server create", f"{server}-b", "--flavor", "frugal", "--image", "picture", "--no-network",
       "--hint", f"different_host={made['id']}", "--no-config-drive", "--wait")  # fmt: skip
    assert host_of(admin, server) != host_of(admin, f"{server}-b")
    assert me.json("server show", f"{server}-b")["config_drive"] == ""
    me("server delete", server, f"{server}-b", "--wait")


def host_of(admin, server):
    (row,) = admin.json("server list", "--all-projects", "--name", f"^{server}$", "--long")
    return row["Host"]


def test_several_servers_are_made_at_once(me, name):
    server = name("several")
    me("server create", server, "--flavor", "frugal", "--image", "picture", "--no-network",
       "--min", "2", "--max", "3", "--wait")  # fmt: skip
    made = named(me.json("server list", "--name", server))
    assert made == [f"{server}-{number}" for number in (1, 2, 3)]
    me("server delete", *made, "--wait")


def test_an_administrator_chooses_the_host(admin, name):
    first, second = sorted(row["Hypervisor Hostname"] for row in admin.json("hypervisor list"))
    server = name("server")
    admin("server create", server, "--flavor", "frugal", "--image", "picture", "--no-network",
          "--host", second, "--wait")  # fmt: skip
    assert admin.json("server show", server)["OS-EXT-SRV-ATTR:host"] == second
    admin("server create", f"{server}-b", "--flavor", "frugal", "--image", "picture", "--no-network",
          "--hypervisor-hostname", first, "--wait")  # fmt: skip
    assert admin.json("server show", f"{server}-b")["OS-EXT-SRV-ATTR:hypervisor_hostname"] == first
    admin("server delete", server, f"{server}-b", "--wait")


def test_an_image_is_chosen_by_its_properties(admin, me, name):
    server, word = name("server"), name("word")
    admin("image set", "picture", "--property", f"colour={word}")
    me(
        "server create",
        server,
        "--flavor",
        "frugal",
        "--image-property",
        f"colour={word}",
        "--no-network",
        "--wait",
    )
    assert "picture" in me.json("server show", server)["image"]
    me("server delete", server, "--wait")


def test_trusted_certificates_are_refused_clearly(me, name):
    said = me.refused("server create", name("server"), "--flavor", "frugal", "--image", "picture",
                      "--no-network", "--trusted-image-cert", "one")  # fmt: skip
    assert "certificate" in said.lower()


def test_disks_are_asked_for_in_every_way(me, name):
    server = name("server")
    me("volume create", server, "--size", "1", "--image", "picture")
    me("volume create", f"{server}-data", "--size", "1")
    wait_for_volumes(me, server, f"{server}-data")
    me("volume snapshot create", server, "--volume", server)
    me("server create", f"{server}-v", "--flavor", "frugal", "--volume", server, "--no-network",
       "--block-device-mapping", f"vdb={server}-data:volume::false", "--wait")  # fmt: skip
    shown = me.json("server show", f"{server}-v")
    assert len(shown["volumes_attached"]) == 2
    assert shown["image"] == "N/A (booted from volume)"
    me("server create", f"{server}-s", "--flavor", "frugal", "--snapshot", server, "--no-network", "--wait")
    me("server create", f"{server}-i", "--flavor", "frugal", "--image", "picture", "--boot-from-volume", "1",
       "--delete-on-termination", "--no-network", "--wait")  # fmt: skip
    (volume,) = me.json("server volume list", f"{server}-i")
    assert volume["Delete On Termination?"] is True
    me("server create", f"{server}-e", "--flavor", "frugal", "--image", "picture", "--no-network",
       "--block-device", "source_type=blank,destination_type=volume,volume_size=1,boot_index=-1,"
       "delete_on_termination=true", "--wait")  # fmt: skip
    assert len(me.json("server volume list", f"{server}-e")) == 1
    said = me.refused("server create", server, "--flavor", "frugal", "--image", "picture", "--no-network",
                      "--swap", "64", "--ephemeral", "size=1")  # fmt: skip
    assert "400" in said  # the flavor has no room for them
    me("server delete", *(f"{server}-{way}" for way in "vsie"), "--wait")


def wait_for_volumes(who, *volumes):
    def ready():
        return all(who.json("volume show", volume)["status"] == "available" for volume in volumes)

    until(ready, what="volumes to be available")


@pytest.fixture(scope="module")
def pair(me):
    """Two servers that differ in all that a list can ask for."""
    me("keypair create", "pair", "--private-key", "/dev/null")
    me("server create", "pair-a", "--flavor", "frugal", "--image", "picture", "--network", "home",
       "--key-name", "pair", "--tag", "red", "--use-config-drive", "--wait")  # fmt: skip
    me("server create", "pair-b", "--flavor", "ample", "--image", "picture", "--no-network", "--wait")
    me("server stop", "pair-b")
    until(lambda: me.json("server show", "pair-b")["status"] == "SHUTOFF", what="pair-b to stop")
    me("server lock", "pair-b", "--reason", "mine")
    yield me.json("server show", "pair-a")
    me("server unlock", "pair-b")
    me("server delete", "pair-a", "pair-b", "--wait")
    me("keypair delete", "pair")


def named(rows):
    return sorted(row["Name"] for row in rows)


def test_servers_are_found_by_what_they_are(me, pair):
    address = pair["addresses"]["home"][0]
    assert named(me.json("server list", "--name", "pair", "--ip", f"^{address}$")) == ["pair-a"]
    assert named(me.json("server list", "--name", "pair", "--ip6", "fd00::77")) == []
    assert named(me.json("server list", "--name", "pair", "--status", "SHUTOFF")) == ["pair-b"]
    assert named(me.json("server list", "--name", "pair", "--flavor", "ample")) == ["pair-b"]
    assert named(me.json("server list", "--name", "pair", "--image", "picture")) == ["pair-a", "pair-b"]
    assert named(me.json("server list", "--name", "pair", "--locked")) == ["pair-b"]
    assert named(me.json("server list", "--name", "pair", "--unlocked")) == ["pair-a"]
    assert named(me.json("server list", "--name", "pair", "--tags", "red")) == ["pair-a"]
    assert named(me.json("server list", "--name", "pair", "--not-tags", "red")) == ["pair-b"]
    assert named(me.json("server list", "--name", "pair", "--key-name", "pair")) == ["pair-a"]
    assert named(me.json("server list", "--name", "pair", "--power-state", "shutdown")) == ["pair-b"]
    assert named(me.json("server list", "--name", "pair", "--vm-state", "active")) == ["pair-a"]
    assert named(me.json("server list", "--name", "pair", "--task-state", "deleting")) == []
    assert len(me.json("server list", "--name", "pair", "--availability-zone", "nova")) == 2
    assert named(me.json("server list", "--name", "pair", "--reservation-id", "r-nothing")) == []
    assert named(me.json("server list", "--name", "pair", "--progress", "55")) == []


def test_an_operator_finds_servers_of_all(admin, pair):
    shown = admin.json("server show", pair["id"])
    host, instance = shown["OS-EXT-SRV-ATTR:host"], shown["OS-EXT-SRV-ATTR:instance_name"]
    assert "pair-a" in named(admin.json("server list", "--all-projects", "--host", host))
    assert "pair-a" in named(admin.json("server list", "--project", "me", "--project-domain", "Default"))
    of_me = admin.json("server list", "--all-projects", "--user", "me", "--user-domain", "Default")
    assert "pair-a" in named(of_me)
    assert named(admin.json("server list", "--all-projects", "--user", "admin", "--name", "pair")) == []
    assert "pair-a" in named(admin.json("server list", "--all-projects", "--instance-name", instance))


def test_servers_are_listed_in_pages_and_by_when_they_changed(admin, me, pair, name):
    every = [row["ID"] for row in me.json("server list", "--name", "pair", "--no-name-lookup")]
    assert [
        row["ID"] for row in me.json("server list", "--name", "pair", "--limit", "1", "--max-items", "1")
    ] == every[:1]
    assert [row["ID"] for row in me.json("server list", "--name", "pair", "--marker", every[0])] == every[1:]
    (row, _) = me.json("server list", "--name", "pair", "--long", "--name-lookup-one-by-one")
    assert row["Image Name"] == "picture"
    assert me.json("server list", "--changes-since", "2100-01-01T00:00:00Z", "--name", "pair") == []
    assert len(me.json("server list", "--changes-before", "2100-01-01T00:00:00Z", "--name", "pair")) == 2
    server = name("gone")
    made = me.json(
        "server create", server, "--flavor", "frugal", "--image", "picture", "--no-network", "--wait"
    )
    me("server delete", server, "--wait")
    deleted = admin.json(
        "server list", "--deleted", "--all-projects", "--changes-since", "2001-01-01T00:00:00Z"
    )
    assert made["id"] in [row["ID"] for row in deleted]


def test_a_servers_words_change(admin, me, server, name):
    renamed = name("renamed")
    me("server set", server, "--property", "a=1", "--property", "b=2", "--description", "words",
       "--tag", "red", "--tag", "blue", "--hostname", "other")  # fmt: skip
    shown = me.json("server show", server)
    assert (shown["properties"], shown["description"]) == ({"a": "1", "b": "2"}, "words")
    assert sorted(shown["tags"]) == ["blue", "red"]
    assert admin.json("server show", shown["id"])["OS-EXT-SRV-ATTR:hostname"] == "other"
    me("server unset", server, "--property", "a", "--description", "--tag", "red")
    shown = me.json("server show", server)
    assert (shown["properties"], shown["description"], shown["tags"]) == ({"b": "2"}, "", ["blue"])
    me("server unset", server, "--all-properties", "--all-tags")
    shown = me.json("server show", server)
    assert (shown["properties"], shown["tags"]) == ({}, [])
    me("server set", server, "--name", renamed)
    assert named(me.json("server list", "--name", renamed)) == [renamed]
    me("server set", renamed, "--name", server)
    admin("server set", shown["id"], "--state", "error", "--auto-approve")
    assert me.json("server show", server)["status"] == "ERROR"
    admin("server set", shown["id"], "--state", "active", "--auto-approve")
    assert me.json("server show", server)["status"] == "ACTIVE"


def test_a_server_may_be_bound_to_a_zone(me, name):
    server = name("server")
    me("server create", server, "--flavor", "frugal", "--image", "picture", "--no-network", "--wait")
    newest = me.but(compute_api_version="2.104")
    newest("server set", server, "--pinned-availability-zone", "nova")
    newest("server unset", server, "--pinned-availability-zone")
    me("server delete", server, "--wait")


def test_a_server_of_another_project_is_deleted_by_force(admin, me, name):
    server = name("server")
    made = me.json(
        "server create", server, "--flavor", "frugal", "--image", "picture", "--no-network", "--wait"
    )
    admin("server delete", made["id"], "--force", "--wait")
    assert me.refused("server show", server)
    me("server create", server, "--flavor", "frugal", "--image", "picture", "--no-network", "--wait")
    admin("server delete", server, "--all-projects", "--wait")
    assert me.refused("server show", server)
