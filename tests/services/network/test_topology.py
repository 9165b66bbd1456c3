"""A network for whoever just wants one, and other small promises of the API."""

import pytest

from cumulo.core.errors import Invalid
from cumulo.services.network.adapter import PortsAdapter

PATH = "/auto-allocated-topology/null"


@pytest.fixture
async def defaults(admin):
    """What administrators prepare: a default way out, and default pools of both IP versions."""
    outside = await admin.create("network", **{"router:external": True, "is_default": True})
    await admin.create("subnet", network_id=outside["id"], cidr="192.0.2.0/24", ip_version=4)
    for prefix, length in (("10.100.0.0/16", 24), ("fd00:100::/48", 64)):
        values = {"prefixes": [prefix], "default_prefixlen": length, "is_default": True, "shared": True}
        await admin.create("subnetpool", **values)


async def test_a_project_is_connected_by_one_call(member, other, defaults):
    made = (await member.show(PATH))["auto_allocated_topology"]
    assert made["project_id"] == "p1"
    assert (await member.show("/auto-allocated-topology/p1"))["auto_allocated_topology"] == made
    network = (await member.show(f"/networks/{made['id']}"))["network"]
    assert len(network["subnets"]) == 2
    (router,) = (await member.show("/routers"))["routers"]
    assert router["external_gateway_info"]["external_fixed_ips"]
    theirs = (await other.show(PATH))["auto_allocated_topology"]
    assert theirs["id"] != made["id"]
    await other.show("/auto-allocated-topology/p1", expect=403)
    await member.delete(PATH)
    assert (await member.show("/networks?router:external=false"))["networks"] == []
    assert (await member.show("/routers"))["routers"] == []
    await member.delete(PATH, expect=404)


async def test_a_topology_that_servers_are_on_stays(member, defaults):
    made = (await member.show(PATH))["auto_allocated_topology"]
    port = await member.create("port", network_id=made["id"])
    await member.delete(PATH, expect=409)
    assert len((await member.show("/routers"))["routers"]) == 1
    await member.delete(f"/ports/{port['id']}")
    await member.delete(PATH)


async def test_what_is_missing_for_a_topology_is_said(member, admin):
    said = (await member.show(PATH, expect=409))["NeutronError"]
    assert said["type"] == "AutoAllocationFailure"
    assert "router:external" in said["message"]
    outside = await admin.create("network", **{"router:external": True, "is_default": True})
    await admin.create("subnet", network_id=outside["id"], cidr="192.0.2.0/24", ip_version=4)
    said = (await member.show(f"{PATH}?fields=dry-run", expect=409))["NeutronError"]
    assert "subnetpools" in said["message"]
    await admin.create("subnetpool", prefixes=["10.100.0.0/16"], is_default=True, shared=True)
    passed = (await member.show(f"{PATH}?fields=dry-run"))["auto_allocated_topology"]
    assert passed["id"] == "dry-run=pass"
    assert (await member.show("/routers"))["routers"] == []


async def test_a_quota_below_usage_is_refused_when_the_client_asks_to_check(member, admin):
    for _ in range(2):
        await member.create("network")
    path = "/quotas/p1"
    checked = {"quota": {"network": 1, "check_limit": True}}
    refused = await admin.call("PUT", path, checked, expect=400)
    assert "2 are in use" in refused["NeutronError"]["message"]
    await admin.call("PUT", path, {"quota": {"network": 1, "check_limit": True, "force": True}}, expect=200)


async def test_a_port_gets_a_new_mac_and_no_multicast_pair(member, admin):
    network = await member.create("network")
    port = await member.create("port", network_id=network["id"])
    path = f"/ports/{port['id']}"
    changed = await admin.call("PUT", path, {"port": {"mac_address": None}}, expect=200)
    assert changed["port"]["mac_address"] != port["mac_address"]
    pairs = {"port": {"allowed_address_pairs": [{"ip_address": "224.0.0.18"}]}}
    refused = await member.call("PUT", path, pairs, expect=400)
    assert "multicast" in refused["NeutronError"]["message"]
    assert port["ip_allocation"] == "none"
    assert network["l2_adjacency"] is True


async def test_a_server_gets_an_automatic_network_once(cloud, member, defaults):
    adapter = PortsAdapter()
    for _ in range(2):
        async with cloud.tasks.work() as work:
            (request,) = await adapter.automatic(work, project_id="p1")
    (network,) = (await member.show("/networks?router:external=false"))["networks"]
    assert request.network_id == network["id"]
    assert len((await member.show("/routers"))["routers"]) == 1


async def test_a_server_is_told_why_no_automatic_network_can_be_made(cloud):
    with pytest.raises(Invalid, match="automatically allocate"):
        async with cloud.tasks.work() as work:
            await PortsAdapter().automatic(work, project_id="p1")


async def test_the_port_of_the_metadata_is_seen_by_administrators_only(member, admin):
    network = await member.create("network")
    subnet = await member.create("subnet", network_id=network["id"], cidr="10.3.0.0/24", ip_version=4)
    (port,) = (await admin.show(f"/ports?network_id={network['id']}"))["ports"]
    assert port["device_owner"] == "network:distributed"
    assert (await member.show(f"/ports?network_id={network['id']}"))["ports"] == []
    await member.delete(f"/ports/{port['id']}", expect=404)
    await member.delete(f"/subnets/{subnet['id']}")


async def test_the_subnets_of_external_networks_are_seen_by_all(member, defaults):
    (outside,) = (await member.show("/networks?router:external=true"))["networks"]
    assert len((await member.show(f"/subnets?network_id={outside['id']}"))["subnets"]) == 1
