"""Attributes that single extensions add."""

import pytest

from cumulo.services.network.drivers.specs import Kind


@pytest.fixture
async def network(member):
    made = await member.create("network", dns_domain="net.example.")
    await member.create("subnet", network_id=made["id"], cidr="10.0.0.0/24", ip_version=4)
    return made


async def test_a_ports_domain_stands_for_its_networks(member, network, cloud, driver):
    port = await member.create("port", network_id=network["id"], dns_name="web", dns_domain="own.example.")
    assert port["dns_assignment"][0]["fqdn"] == "web.own.example."
    await cloud.tasks.settle()
    assert "web.own.example" in dict(driver.specs[Kind.PORT, port["id"]].names)
    body = {"port": {"dns_domain": ""}}
    changed = (await member.call("PUT", f"/ports/{port['id']}", body, expect=200))["port"]
    assert changed["dns_assignment"][0]["fqdn"] == "web.net.example."
    refused = await member.create("port", expect=400, network_id=network["id"], dns_domain="nodot")
    assert "does not end with a dot" in refused["message"]


async def test_administrators_note_what_they_know_of_a_ports_wire(member, admin, network):
    port = await member.create("port", network_id=network["id"])
    assert port["data_plane_status"] is None
    path = f"/ports/{port['id']}"
    await member.call("PUT", path, {"port": {"data_plane_status": "DOWN"}}, expect=403)
    await admin.call("PUT", path, {"port": {"data_plane_status": "DOWN"}}, expect=200)
    assert (await member.show(f"{path}?fields=data_plane_status"))["port"] == {"data_plane_status": "DOWN"}
    assert (await member.show("/ports?data_plane_status=DOWN"))["ports"][0]["id"] == port["id"]
    await admin.call("PUT", path, {"port": {"data_plane_status": "BROKEN"}}, expect=400)


async def test_ports_made_together_have_their_tags(member, network):
    ports = [{"network_id": network["id"], "tags": tags} for tags in (["red", "blue"], [])]
    made = (await member.call("POST", "/ports", {"ports": ports}, expect=201))["ports"]
    assert sorted(tuple(port["tags"]) for port in made) == [(), ("blue", "red")]
    assert len((await member.show("/ports?tags=red"))["ports"]) == 1


async def test_a_routers_port_moves_to_another_address(member, network, cloud, driver):
    router = await member.create("router")
    body = {"subnet_id": (await member.show("/subnets"))["subnets"][0]["id"]}
    joined = await member.call("PUT", f"/routers/{router['id']}/add_router_interface", body, expect=200)
    body = {"port": {"fixed_ips": [{"ip_address": "10.0.0.9"}]}}
    await member.call("PUT", f"/ports/{joined['port_id']}", body, expect=200)
    await cloud.tasks.settle()
    (interface,) = driver.specs[Kind.ROUTER, router["id"]].interfaces
    assert interface.networks == ("10.0.0.9/24",)


async def test_a_subnet_says_whether_its_network_is_external(admin, network, member):
    outside = await admin.create("network", **{"router:external": True})
    made = await admin.create("subnet", network_id=outside["id"], cidr="192.0.2.0/24", ip_version=4)
    assert made["router:external"] is True
    (inside,) = (await member.show(f"/subnets?network_id={network['id']}"))["subnets"]
    assert inside["router:external"] is False
    found = (await admin.show("/subnets?router:external=true"))["subnets"]
    assert [subnet["id"] for subnet in found] == [made["id"]]


async def test_limits_below_what_is_held_are_refused_unless_forced(admin, member, network):
    low = {"quota": {"network": 0}}
    refused = await admin.call("PUT", "/quotas/p1", low, expect=400)
    assert refused["NeutronError"]["type"] == "QuotaBelowUsage"
    await admin.call("PUT", "/quotas/p1", {"quota": {"network": 0, "force": True}}, expect=200)
    await admin.call("PUT", "/quotas/p1", {"quota": {"network": 0, "check_limit": False}}, expect=200)
    await member.create("network", expect=409)


async def test_unused_floating_ips_go_with_their_network(admin):
    outside = await admin.create("network", **{"router:external": True})
    await admin.create("subnet", network_id=outside["id"], cidr="192.0.2.0/24", ip_version=4)
    floating = await admin.create("floatingip", floating_network_id=outside["id"])
    await admin.delete(f"/networks/{outside['id']}")
    await admin.show(f"/floatingips/{floating['id']}", expect=404)


async def test_new_groups_are_stateful_by_their_projects_default(admin, member, other):
    path = "/security-groups-default-statefulness"
    key = "security_groups_default_statefulness"
    body = {key: {"project_id": "p1", "stateful": False}}
    made = (await admin.call("POST", path, body, expect=201))[key]
    await admin.call("POST", path, body, expect=409)
    assert (await member.create("security_group", name="a"))["stateful"] is False
    assert (await member.create("security_group", name="b", stateful=True))["stateful"] is True
    assert (await other.create("security_group", name="c"))["stateful"] is True
    everyone = (await admin.call("POST", path, {key: {"stateful": False}}, expect=201))[key]
    assert everyone["project_id"] is None
    assert (await other.create("security_group", name="d"))["stateful"] is False
    await admin.call("PUT", f"{path}/{made['id']}", {key: {"stateful": True}}, expect=200)
    assert (await member.create("security_group", name="e"))["stateful"] is True
    assert len((await admin.show(path))[key]) == 2
    await admin.delete(f"{path}/{made['id']}")
    await member.call("POST", path, body, expect=403)
    assert (await member.show(path))[key] == []
