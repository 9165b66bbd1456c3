"""Aggregates and availability zones by the official client."""

import pytest


@pytest.fixture
def aggregate(admin, name):
    made = name("aggregate")
    admin("aggregate create", made)
    yield made
    admin("aggregate delete", made)


@pytest.fixture
def hosts(admin):
    return sorted(row["Host"] for row in admin.json("compute service list", "--service", "nova-compute"))


def test_an_aggregate_is_made_changed_and_deleted(admin, me, name):
    aggregate, renamed, zone = name("aggregate"), name("aggregate"), name("zone")
    made = admin.json("aggregate create", aggregate, "--zone", zone, "--property", "disk=fast")
    assert (made["name"], made["availability_zone"]) == (aggregate, zone)
    admin("aggregate set", aggregate, "--name", renamed, "--property", "rack=4")
    shown = admin.json("aggregate show", renamed)
    assert shown["properties"] == {"disk": "fast", "rack": "4"}
    admin("aggregate unset", renamed, "--property", "disk")
    assert admin.json("aggregate show", renamed)["properties"] == {"rack": "4"}
    admin("aggregate set", renamed, "--no-property")
    assert admin.json("aggregate show", renamed)["properties"] == {}
    admin("aggregate set", renamed, "--zone", f"{zone}-b")
    row = next(one for one in admin.json("aggregate list", "--long") if one["Name"] == renamed)
    assert row["Availability Zone"] == f"{zone}-b"
    assert "409" in admin.refused("aggregate create", renamed)
    assert "403" in me.refused("aggregate list")
    admin("aggregate delete", renamed)
    assert "No Aggregate found" in admin.refused("aggregate show", renamed)


def test_hosts_are_added_and_taken_out(admin, aggregate, hosts, name):
    admin("aggregate add host", aggregate, hosts[1])
    assert admin.json("aggregate show", aggregate)["hosts"] == [hosts[1]]
    assert "409" in admin.refused("aggregate add host", aggregate, hosts[1])
    assert "404" in admin.refused("aggregate add host", aggregate, "nowhere")
    zone = name("zone")
    admin("aggregate set", aggregate, "--zone", zone)
    zones = [row["Zone Name"] for row in admin.json("availability zone list", "--compute")]
    assert zone in zones
    by_zone = admin.json("aggregate list", "--availability-zone", zone)
    assert [row["Name"] for row in by_zone] == [aggregate]
    assert [row["Name"] for row in admin.json("aggregate list", "--host", hosts[1])] == [aggregate]
    assert "it has hosts" in admin.refused("aggregate delete", aggregate)
    admin("aggregate remove host", aggregate, hosts[1])
    assert admin.json("aggregate show", aggregate)["hosts"] == []


def test_images_are_brought_to_the_hosts_of_an_aggregate(admin, aggregate, hosts):
    admin("aggregate add host", aggregate, hosts[0])
    admin("aggregate cache image", aggregate, "picture")
    admin("aggregate remove host", aggregate, hosts[0])
