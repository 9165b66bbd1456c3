"""What operators look at and set, by the official client."""

import pytest

from cumulo.testing.launched import until


@pytest.fixture
def hosts(admin):
    return sorted(row["Host"] for row in admin.json("compute service list", "--service", "nova-compute"))


def test_a_host_is_taken_out_of_service_and_put_back(admin, me, hosts):
    service = "nova-compute"

    def row():
        (found,) = admin.json("compute service list", "--host", hosts[1], "--service", service, "--long")
        return found["Status"], found["Disabled Reason"], found["State"], found["Forced Down"]

    assert row() == ("enabled", None, "up", False)
    admin("compute service set", hosts[1], service, "--disable", "--disable-reason", "a new disk")
    assert row() == ("disabled", "a new disk", "up", False)
    admin("compute service set", hosts[1], service, "--down")
    assert row() == ("disabled", "a new disk", "down", True)
    admin("compute service set", hosts[1], service, "--up", "--enable")
    assert row() == ("enabled", None, "up", False)
    assert "403" in me.refused("compute service list")
    assert "not found" in admin.refused("compute service set", "nowhere", service, "--disable").lower()


def test_a_service_that_has_servers_is_not_forgotten(admin, me, server):
    here = admin.json("server show", me.json("server show", server)["id"])["OS-EXT-SRV-ATTR:host"]
    rows = admin.json("compute service list", "--host", here, "--service", "nova-compute")
    assert "409" in admin.refused("compute service delete", rows[0]["ID"])


def test_a_services_record_is_deleted(admin, hosts):
    """One that lives comes back, as another, when it next reports."""
    (row,) = admin.json("compute service list", "--host", hosts[1], "--service", "nova-compute")
    admin("compute service delete", row["ID"])
    assert row["ID"] not in [one["ID"] for one in admin.json("compute service list")]
    until(lambda: len(admin.json("hypervisor list")) == len(hosts), what="the host to report")


def test_hypervisors_tell_what_they_have(admin, hosts):
    rows = admin.json("hypervisor list", "--long")
    assert sorted(row["Hypervisor Hostname"] for row in rows) == hosts
    assert {row["State"] for row in rows} == {"up"}
    matching = admin.json("hypervisor list", "--matching", hosts[1])
    assert [row["Hypervisor Hostname"] for row in matching] == [hosts[1]]
    (first,) = admin.json("hypervisor list", "--limit", "1", "--max-items", "1")
    after = admin.json("hypervisor list", "--marker", first["ID"])
    assert [row["ID"] for row in after] == [row["ID"] for row in rows if row["ID"] != first["ID"]]
    shown = admin.json("hypervisor show", hosts[0])
    assert (shown["hypervisor_hostname"], shown["status"], shown["state"]) == (hosts[0], "enabled", "up")
    older = admin.but(compute_api_version="2.87")
    assert older.json("hypervisor stats show")["count"] == 2


def test_hosts_are_a_thing_of_older_versions(admin, hosts):
    older = admin.but(compute_api_version="2.42")
    zones = {row["Host Name"]: row["Zone"] for row in older.json("host list")}
    assert set(hosts) <= set(zones)
    assert older.json("host list", "--zone", "nowhere") == []
    assert older.json("host show", hosts[0])[0]["Project"] == "(total)"
    assert older.refused("host set", hosts[0], "--disable", "--enable-maintenance")
    assert older.refused("host set", hosts[0], "--enable", "--disable-maintenance")


def test_agents_of_one_hypervisor_are_gone(admin):
    assert admin.refused("compute agent list", "--hypervisor", "xen")
    assert admin.refused("compute agent delete", "1")
    assert admin.refused("compute agent create", "linux", "x86", "1.0", "http://192.0.2.1/", "0" * 32, "xen")
    assert admin.refused(
        "compute agent set", "1", "--agent-version", "2", "--url", "http://192.0.2.1/", "--md5hash", "0" * 32
    )


def test_usage_is_told_by_project(admin, me, server):
    project = admin.json("project show", "me")["id"]
    (mine,) = [row for row in admin.json("usage list") if row["Project"] == project]
    assert len(mine["Servers"]) >= 1
    assert mine["CPU Hours"] >= 0
    assert admin.json("usage list", "--start", "2001-01-01", "--end", "2001-02-01") == []
    assert len(me.json("usage show")["Servers"]) >= 1
    of_me = admin.json("usage show", "--project", "me", "--project-domain", "Default",
                       "--start", "2001-01-01", "--end", "2001-02-01")  # fmt: skip
    assert not of_me["Servers"]
    assert "403" in me.refused("usage list")
