"""Servers that change their size or their host, by the official client."""

import pytest

from cumulo.testing.launched import until


@pytest.fixture
def mine(me, server):
    return me.json("server show", server)["id"]


def host(admin, server):
    return admin.json("server show", server)["OS-EXT-SRV-ATTR:host"]


def other(admin, server):
    here = host(admin, server)
    (there,) = [
        row["Hypervisor Hostname"]
        for row in admin.json("hypervisor list")
        if row["Hypervisor Hostname"] != here
    ]
    return there


def test_a_server_is_resized_for_good_or_not(me, server):
    def flavor():
        return me.json("server show", server)["flavor"]["original_name"]

    me("server resize", server, "--flavor", "ample", "--wait")
    me("server resize confirm", server)
    assert flavor() == "ample"
    assert "400" in me.refused("server resize", server, "--flavor", "ample")  # it has that one


def test_a_resize_is_taken_back(me, server, mine, becomes):
    me("server resize", server, "--flavor", "ample", "--wait")
    me("server resize revert", server)
    becomes(mine, "ACTIVE")
    assert me.json("server show", server)["flavor"]["original_name"] == "frugal"
    me("server resize", server, "--flavor", "ample", "--wait")
    me("server resize", server, "--revert")
    becomes(mine, "ACTIVE")
    me("server resize", server, "--flavor", "ample", "--wait")
    me("server resize", server, "--confirm")
    assert becomes(mine, "ACTIVE")["flavor"]["original_name"] == "ample"


def test_a_server_is_migrated_cold(admin, me, server, mine, becomes):
    before, there = host(admin, mine), other(admin, mine)
    admin("server migrate", mine, "--wait")
    admin("server migration confirm", mine)
    assert becomes(mine, "ACTIVE")["OS-EXT-SRV-ATTR:host"] == there
    admin("server migrate", mine, "--host", before, "--wait")
    admin("server migration revert", mine)
    assert becomes(mine, "ACTIVE")["OS-EXT-SRV-ATTR:host"] == there
    admin("server migrate", mine, "--wait")
    admin("server migrate confirm", mine)
    becomes(mine, "ACTIVE")
    admin("server migrate", mine, "--wait")
    admin("server migrate revert", mine)
    becomes(mine, "ACTIVE")
    assert "403" in me.refused("server migrate", server)


def test_a_server_is_migrated_live(admin, mine, becomes):
    there = other(admin, mine)
    admin("server migrate", mine, "--live-migration", "--host", there, "--block-migration",
          "--no-disk-overcommit", "--wait")  # fmt: skip
    assert becomes(mine, "ACTIVE")["OS-EXT-SRV-ATTR:host"] == there
    assert admin.refused(
        "server migrate", mine, "--live-migration", "--shared-migration", "--host", "nowhere"
    )
    moves = admin.json("server migration list", "--server", mine)
    assert {row["Type"] for row in moves} == {"live-migration"}
    assert admin.json("server migration list", "--server", mine, "--type", "resize") == []
    assert len(admin.json("server migration list", "--server", mine, "--status", "completed")) == len(moves)
    assert admin.json("server migration list", "--server", mine, "--host", "nowhere") == []
    every = admin.json("server migration list", "--server", mine, "--limit", "1")
    assert len(admin.json("server migration list", "--server", mine, "--max-items", "1", "--limit", "1")) == 1
    assert (
        len(admin.json("server migration list", "--server", mine, "--marker", every[0]["UUID"]))
        == len(moves) - 1
    )
    assert (
        admin.json("server migration list", "--server", mine, "--changes-since", "2100-01-01T00:00:00Z") == []
    )
    assert (
        admin.json("server migration list", "--server", mine, "--changes-before", "2001-01-01T00:00:00Z")
        == []
    )
    by_project = admin.json("server migration list", "--project", "admin", "--project-domain", "Default")
    assert {row["Server UUID"] for row in moves} <= {row["Server UUID"] for row in by_project}
    by_admin = admin.json("server migration list", "--user", "admin", "--user-domain", "Default")
    assert {row["UUID"] for row in moves} <= {row["UUID"] for row in by_admin}


def test_a_migration_that_is_over_is_not_shown_stopped_or_hurried(admin, mine):
    admin("server migrate", mine, "--live-migration", "--wait")
    (move, *_) = admin.json("server migration list", "--server", mine)
    assert admin.refused("server migration show", mine, str(move["Id"]))
    assert admin.refused("server migration abort", mine, str(move["Id"]))
    assert admin.refused("server migration force complete", mine, str(move["Id"]))


def test_a_server_whose_host_is_down_is_evacuated(admin, mine, becomes):
    here, there = host(admin, mine), other(admin, mine)
    assert "400" in admin.refused("server evacuate", mine)  # its host is up
    admin("compute service set", here, "nova-compute", "--down")
    admin("server evacuate", mine, "--host", there)
    until(lambda: host(admin, mine) == there, what="the server to be on the other host")
    becomes(mine, "SHUTOFF")  # it stays off since 2.95
    admin("compute service set", here, "nova-compute", "--up")
    older = admin.but(compute_api_version="2.13")
    assert older.refused("server evacuate", mine, "--password", "a secret", "--shared-storage")
