"""Trunks and their subports."""

import pytest

from cumulo.services.network.drivers.specs import Kind


@pytest.fixture
async def ports(member):
    network = await member.create("network")
    return [(await member.create("port", network_id=network["id"]))["id"] for _ in range(3)]


def vlan(port, tag):
    return {"port_id": port, "segmentation_type": "vlan", "segmentation_id": tag}


async def test_a_trunk_carries_ports_by_their_tags(member, admin, ports, cloud, driver):
    parent, first, second = ports
    trunk = await member.create("trunk", name="t", port_id=parent, sub_ports=[vlan(first, 101)])
    assert trunk["sub_ports"] == [vlan(first, 101)]
    assert trunk["status"] == "DOWN"
    path = f"/trunks/{trunk['id']}"
    added = await member.call("PUT", f"{path}/add_subports", {"sub_ports": [vlan(second, 102)]}, expect=200)
    assert added["sub_ports"] == [vlan(first, 101), vlan(second, 102)]
    assert (await member.show(f"{path}/get_subports"))["sub_ports"] == added["sub_ports"]
    await cloud.tasks.settle()
    spec = driver.specs[Kind.PORT, first]
    assert (spec.parent, spec.tag) == (parent, 101)
    shown = (await member.show(f"/ports/{parent}"))["port"]["trunk_details"]
    assert shown["trunk_id"] == trunk["id"]
    assert [entry["segmentation_id"] for entry in shown["sub_ports"]] == [101, 102]
    carried = (await member.show(f"/ports/{first}"))["port"]
    assert (carried["device_owner"], carried["device_id"]) == ("trunk:subport", trunk["id"])
    assert "trunk_details" not in carried
    await admin.call("PUT", f"/ports/{parent}", {"port": {"binding:host_id": "h1"}}, expect=200)
    assert (await admin.show(f"/ports/{first}"))["port"]["binding:host_id"] == "h1"
    gone = {"sub_ports": [{"port_id": first}]}
    left = await member.call("PUT", f"{path}/remove_subports", gone, expect=200)
    assert left["sub_ports"] == [vlan(second, 102)]
    await member.call("PUT", f"{path}/remove_subports", gone, expect=404)
    await cloud.tasks.settle()
    assert driver.specs[Kind.PORT, first].parent is None
    await member.delete(path)
    await cloud.tasks.settle()
    assert driver.specs[Kind.PORT, second].tag is None


async def test_a_port_is_part_of_one_trunk(member, ports):
    parent, first, second = ports
    await member.create("trunk", port_id=parent, sub_ports=[vlan(first, 1)])
    twice = await member.create("trunk", expect=409, port_id=parent)
    assert twice["type"] == "PortInUseAsTrunkParent"
    carried = await member.create("trunk", expect=409, port_id=first)
    assert carried["type"] == "PortInUseAsSubPort"
    same = await member.create("trunk", expect=409, port_id=second, sub_ports=[vlan(first, 2)])
    assert same["type"] == "PortInUseAsSubPort"
    for port in (parent, first):
        refused = await member.delete(f"/ports/{port}", expect=409)
        assert refused["NeutronError"]["type"].startswith("PortInUseAs")


async def test_a_tag_is_used_once_and_is_a_vlans(member, ports):
    parent, first, second = ports
    twice = [vlan(first, 5), vlan(second, 5)]
    refused = await member.create("trunk", expect=400, port_id=parent, sub_ports=twice)
    assert "the same segmentation_id" in refused["message"]
    for entry, says in (
        (vlan(first, 4095), "4095"),
        ({"port_id": first, "segmentation_type": "gre", "segmentation_id": 1}, "'gre'"),
        ({"port_id": first, "segmentation_type": "vlan"}, "no segmentation_id"),
        ({"port_id": first, "segmentation_id": 1}, "is missing"),
        ({"port_id": first, "segmentation_type": "inherit"}, "no VLAN tag"),
    ):
        bad = await member.create("trunk", expect=400, port_id=parent, sub_ports=[entry])
        assert says in bad["message"]
    assert (await member.show("/trunks"))["trunks"] == []
    trunk = await member.create("trunk", port_id=parent, sub_ports=[vlan(first, 5)])
    more = {"sub_ports": [vlan(second, 5)]}
    refused = await member.call("PUT", f"/trunks/{trunk['id']}/add_subports", more, expect=409)
    assert refused["NeutronError"]["type"] == "DuplicateSubPort"


async def test_a_trunk_that_is_down_stays(member, ports):
    trunk = await member.create("trunk", port_id=ports[0], admin_state_up=False)
    path = f"/trunks/{trunk['id']}"
    assert (await member.delete(path, expect=409))["NeutronError"]["type"] == "TrunkDisabled"
    await member.call("PUT", path, {"trunk": {"admin_state_up": True}}, expect=200)
    await member.delete(path)


async def test_a_trunk_that_is_down_carries_nothing(member, ports, cloud, driver):
    parent, first, second = ports
    trunk = await member.create("trunk", port_id=parent, sub_ports=[vlan(first, 5)])
    path = f"/trunks/{trunk['id']}"
    await member.call("PUT", path, {"trunk": {"admin_state_up": False}}, expect=200)
    await cloud.tasks.settle()
    assert driver.specs[Kind.PORT, first].enabled is False
    refused = await member.call("PUT", f"{path}/add_subports", {"sub_ports": [vlan(second, 6)]}, expect=409)
    assert refused["NeutronError"]["type"] == "TrunkDisabled"
