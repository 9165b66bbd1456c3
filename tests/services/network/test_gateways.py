"""Several ways out of a router, and how its gateway behaves."""

import pytest

from cumulo.services.network.drivers.specs import Kind


@pytest.fixture
async def outside(admin):
    """Two external networks."""
    made = []
    for number in (1, 2):
        network = await admin.create("network", name=f"out{number}", **{"router:external": True})
        await admin.create("subnet", network_id=network["id"], cidr=f"192.0.{number}.0/24", ip_version=4)
        made.append(network["id"])
    return made


async def change(client, router, verb, *gateways, expect=200):
    body = {"router": {"external_gateways": list(gateways)}}
    path = f"/routers/{router['id']}/{verb}_external_gateways"
    found = await client.call("PUT", path, body, expect=expect)
    return found["router"] if expect == 200 else found["NeutronError"]


def networks(router):
    return [gateway["network_id"] for gateway in router["external_gateways"]]


async def test_a_router_has_several_ways_out_and_the_next_takes_the_firsts_place(
    member, outside, cloud, driver
):
    router = await member.create("router", name="r")
    router = await change(member, router, "add", *({"network_id": id_} for id_ in outside))
    assert networks(router) == outside
    assert router["external_gateway_info"] == router["external_gateways"][0]
    await cloud.tasks.settle()
    spec = driver.specs[Kind.ROUTER, router["id"]]
    assert spec.gateway.next_hops == ("192.0.1.1",)
    (second,) = spec.further_gateways
    assert (second.next_hops, second.snat_address) == ((), "192.0.2.3")
    router = await change(member, router, "remove", {"network_id": outside[0]})
    assert networks(router) == outside[1:]
    assert router["external_gateway_info"]["network_id"] == outside[1]
    await cloud.tasks.settle()
    assert driver.specs[Kind.ROUTER, router["id"]].further_gateways == ()
    cleared = {"router": {"external_gateway_info": {}}}
    router = (await member.call("PUT", f"/routers/{router['id']}", cleared, expect=200))["router"]
    assert (router["external_gateways"], router["external_gateway_info"]) == ([], None)


async def test_two_ways_out_to_one_network_are_told_apart_by_address(member, admin, outside):
    router = await member.create("router", external_gateway_info={"network_id": outside[0]})
    router = await change(member, router, "add", {"network_id": outside[0]})
    assert networks(router) == [outside[0]] * 2
    refused = await change(member, router, "remove", {"network_id": outside[0]}, expect=404)
    assert refused["type"] == "RouterExternalGatewayNotFound"
    second = router["external_gateways"][1]["external_fixed_ips"]
    router = await change(member, router, "remove", {"network_id": outside[0], "external_fixed_ips": second})
    assert [gateway["external_fixed_ips"] == second for gateway in router["external_gateways"]] == [False]
    moved = {"network_id": outside[0], "external_fixed_ips": [{"ip_address": "192.0.1.77"}]}
    router = await change(admin, router, "update", moved)
    assert router["external_gateways"][0]["external_fixed_ips"][0]["ip_address"] == "192.0.1.77"
    await change(member, router, "update", moved, expect=403)


async def test_a_floating_ip_keeps_the_way_out_that_it_uses(member, outside, cloud, driver):
    network = await member.create("network")
    subnet = await member.create("subnet", network_id=network["id"], cidr="10.0.0.0/24", ip_version=4)
    port = await member.create("port", network_id=network["id"])
    router = await member.create("router", external_gateway_info={"network_id": outside[0]})
    router = await change(member, router, "add", {"network_id": outside[1]})
    body = {"subnet_id": subnet["id"]}
    await member.call("PUT", f"/routers/{router['id']}/add_router_interface", body, expect=200)
    floating = await member.create("floatingip", floating_network_id=outside[1], port_id=port["id"])
    await cloud.tasks.settle()
    spec = driver.specs[Kind.FLOATING_IP, floating["id"]]
    assert (spec.chosen, spec.router_id) == (True, router["id"])
    assert spec.gateway == driver.specs[Kind.ROUTER, router["id"]].further_gateways[0].interface.port_id
    refused = await change(member, router, "remove", {"network_id": outside[1]}, expect=409)
    assert refused["type"] == "RouterExternalGatewayInUseByFloatingIp"
    await change(member, router, "remove", {"network_id": outside[0]})
    await cloud.tasks.settle()
    assert driver.specs[Kind.FLOATING_IP, floating["id"]].chosen is False


async def test_an_administrator_spreads_and_watches_default_routes(member, admin, outside, cloud, driver):
    router = await member.create("router", external_gateway_info={"network_id": outside[0]})
    await change(member, router, "add", {"network_id": outside[1]})
    path = f"/routers/{router['id']}"
    flags = {"enable_default_route_ecmp": True, "enable_default_route_bfd": True}
    await member.call("PUT", path, {"router": flags}, expect=403)
    shown = (await admin.call("PUT", path, {"router": flags}, expect=200))["router"]
    assert {name: shown[name] for name in flags} == flags
    await cloud.tasks.settle()
    spec = driver.specs[Kind.ROUTER, router["id"]]
    assert spec.watched
    assert spec.further_gateways[0].next_hops == ("192.0.2.1",)


async def test_a_gateway_has_a_qos_policy_of_its_own(member, admin, outside, cloud, driver):
    policy = (await admin.call("POST", "/qos/policies", {"policy": {"shared": True}}, expect=201))["policy"]
    rule = {"bandwidth_limit_rule": {"max_kbps": 5000}}
    await admin.call("POST", f"/qos/policies/{policy['id']}/bandwidth_limit_rules", rule, expect=201)
    info = {"network_id": outside[0], "qos_policy_id": policy["id"]}
    router = await member.create("router", external_gateway_info=info)
    assert router["external_gateway_info"]["qos_policy_id"] == policy["id"]
    await cloud.tasks.settle()
    assert driver.specs[Kind.ROUTER, router["id"]].gateway.qos[0].rate == 5000
    used = await admin.delete(f"/qos/policies/{policy['id']}", expect=409)
    assert used["NeutronError"]["type"] == "QosPolicyInUse"
    without = {"router": {"external_gateway_info": {"network_id": outside[0], "qos_policy_id": None}}}
    await member.call("PUT", f"/routers/{router['id']}", without, expect=200)
    await admin.delete(f"/qos/policies/{policy['id']}")


async def test_a_distributed_router_translates_floating_ips_on_their_guests_hosts(
    member, admin, outside, cloud, driver
):
    await member.create("router", expect=403, distributed=True)
    router = await admin.create("router", external_gateway_info={"network_id": outside[0]})
    assert (router["distributed"], router["ha"]) == (False, True)
    network = await admin.create("network")
    subnet = await admin.create("subnet", network_id=network["id"], cidr="10.0.0.0/24", ip_version=4)
    port = await admin.create("port", network_id=network["id"])
    body = {"subnet_id": subnet["id"]}
    await admin.call("PUT", f"/routers/{router['id']}/add_router_interface", body, expect=200)
    floating = await admin.create("floatingip", floating_network_id=outside[0], port_id=port["id"])
    path = f"/routers/{router['id']}"
    refused = await admin.call("PUT", path, {"router": {"distributed": True}}, expect=400)
    assert "admin_state_up" in refused["NeutronError"]["message"]
    await admin.call("PUT", path, {"router": {"admin_state_up": False}}, expect=200)
    flags = {"distributed": True, "ha": False, "admin_state_up": True}
    shown = (await admin.call("PUT", path, {"router": flags}, expect=200))["router"]
    assert {name: shown[name] for name in flags} == flags
    await cloud.tasks.settle()
    spec = driver.specs[Kind.FLOATING_IP, floating["id"]]
    assert (spec.port_id, spec.mac is None) == (port["id"], False)
    assert driver.specs[Kind.ROUTER, router["id"]].several is False
    assert "distributed" not in (await member.create("router"))


async def test_an_update_names_all_ways_out(member, outside):
    """The official client sets a new router's gateway by it."""
    router = await member.create("router", name="r")
    router = await change(member, router, "update", {"network_id": outside[0]})
    assert networks(router) == outside[:1]
    router = await change(member, router, "update", *({"network_id": id_} for id_ in outside))
    assert networks(router) == outside
    kept = router["external_gateways"][1]
    router = await change(member, router, "update", {"network_id": outside[1]})
    assert router["external_gateways"] == [kept]
    router = await change(member, router, "update", {"network_id": outside[0]})
    assert networks(router) == outside[:1]
    router = await change(member, router, "update")
    assert networks(router) == []


async def test_the_official_clients_word_for_no_ways_out_removes_none(member, outside):
    """It says so before each change of a router that takes something away."""
    router = await member.create("router", external_gateway_info={"network_id": outside[0]})
    body = {"router": {"external_gateways": {}}}
    await member.call("PUT", f"/routers/{router['id']}/remove_external_gateways", body, expect=200)
    assert networks((await member.call("GET", f"/routers/{router['id']}"))["router"]) == outside[:1]
