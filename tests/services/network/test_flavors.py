"""Flavors of routers, bindings of ports, and where floating IPs are translated."""

import pytest

from cumulo.services.network.drivers.specs import Kind


async def profile(admin, expect=201, **values):
    made = await admin.call("POST", "/service_profiles", {"service_profile": values}, expect=expect)
    return made["service_profile"] if expect == 201 else made["NeutronError"]


async def flavor(admin, expect=201, **values):
    body = {"flavor": {"service_type": "L3_ROUTER_NAT", **values}}
    made = await admin.call("POST", "/flavors", body, expect=expect)
    return made["flavor"] if expect == 201 else made["NeutronError"]


async def test_a_router_is_as_its_flavor_says(admin, member):
    made = await profile(admin, driver="ovn", metainfo='{"distributed": true, "ha": false}')
    kind = await flavor(admin, name="near", service_profiles=[made["id"]])
    assert kind["service_profiles"] == [made["id"]]
    router = await member.create("router", flavor_id=kind["id"])
    assert router["flavor_id"] == kind["id"]
    shown = (await admin.show(f"/routers/{router['id']}"))["router"]
    assert (shown["distributed"], shown["ha"]) == (True, False)
    assert (await member.show("/flavors?name=near"))["flavors"][0]["id"] == kind["id"]
    used = await admin.delete(f"/flavors/{kind['id']}", expect=409)
    assert used["NeutronError"]["type"] == "FlavorInUse"
    path = f"/service_profiles/{made['id']}"
    assert (await admin.delete(path, expect=409))["NeutronError"]["type"] == "ServiceProfileInUse"
    await admin.call("PUT", path, {"service_profile": {"enabled": False}}, expect=200)
    assert (await member.create("router", 404, flavor_id=kind["id"]))[
        "type"
    ] == "FlavorServiceProfileNotFound"
    await admin.call("PUT", f"/flavors/{kind['id']}", {"flavor": {"enabled": False}}, expect=200)
    assert (await member.create("router", 409, flavor_id=kind["id"]))["type"] == "FlavorDisabled"
    await member.delete(f"/routers/{router['id']}")
    await admin.delete(f"/flavors/{kind['id']}")
    await admin.delete(path)


async def test_profiles_join_flavors_and_leave(admin, member):
    kind, made = await flavor(admin), await profile(admin, metainfo="{}")
    path = f"/flavors/{kind['id']}/service_profiles"
    body = {"service_profile": {"id": made["id"]}}
    assert await admin.call("POST", path, body, expect=201) == body
    twice = await admin.call("POST", path, body, expect=409)
    assert twice["NeutronError"]["type"] == "FlavorServiceProfileBindingExists"
    await admin.delete(f"{path}/{made['id']}")
    await admin.delete(f"{path}/{made['id']}", expect=404)
    await member.call("POST", path, body, expect=403)
    assert (await member.show("/service_profiles"))["service_profiles"] == []


@pytest.mark.parametrize(
    ("values", "status", "says"),
    [
        ({}, 400, "ServiceProfileEmpty"),
        ({"driver": "other"}, 404, "ServiceProfileDriverNotFound"),
        ({"metainfo": '{"ha": "sometimes"}'}, 400, "InvalidMetainfo"),
    ],
)
async def test_a_profile_that_means_nothing_is_refused(admin, values, status, says):
    assert (await profile(admin, status, **values))["type"] == says
    assert (await flavor(admin, 400, service_type="VPN"))["type"] == "InvalidServiceType"


async def test_a_second_host_takes_a_port_over(admin, member, cloud, driver):
    network = await member.create("network")
    port = await admin.create("port", network_id=network["id"], **{"binding:host_id": "one"})
    path = f"/ports/{port['id']}/bindings"
    made = await admin.call("POST", path, {"binding": {"host": "two"}}, expect=201)
    assert (made["binding"]["status"], made["binding"]["vif_type"]) == ("INACTIVE", "ovs")
    await admin.call("POST", path, {"binding": {"host": "two"}}, expect=409)
    await cloud.tasks.settle()
    spec = driver.specs[Kind.PORT, port["id"]]
    assert (spec.host, spec.expected_at) == ("one", "two")
    active = await admin.call("PUT", f"{path}/two/activate", expect=200)
    assert active["binding"]["status"] == "ACTIVE"
    assert (await admin.show(f"/ports/{port['id']}"))["port"]["binding:host_id"] == "two"
    listed = (await admin.show(f"{path}?status=INACTIVE"))["bindings"]
    assert [binding["host"] for binding in listed] == ["one"]
    await admin.delete(f"{path}/one")
    await admin.delete(f"{path}/one", expect=404)
    await cloud.tasks.settle()
    spec = driver.specs[Kind.PORT, port["id"]]
    assert (spec.host, spec.expected_at) == ("two", "")
    await member.show(path, expect=403)


async def test_a_floating_ip_is_translated_where_it_is_told(admin, member, cloud, driver):
    outside = await admin.create("network", **{"router:external": True})
    await admin.create("subnet", network_id=outside["id"], cidr="192.0.2.0/24", ip_version=4)
    network = await member.create("network")
    subnet = await member.create("subnet", network_id=network["id"], cidr="10.0.0.0/24", ip_version=4)
    port = await member.create("port", network_id=network["id"])
    router = await member.create("router", external_gateway_info={"network_id": outside["id"]})
    body = {"subnet_id": subnet["id"]}
    await member.call("PUT", f"/routers/{router['id']}/add_router_interface", body, expect=200)
    floating = await member.create("floatingip", floating_network_id=outside["id"], port_id=port["id"])
    path = f"/floatingips/{floating['id']}"
    await member.call("PUT", path, {"floatingip": {"distributed": True}}, expect=403)
    shown = await admin.call("PUT", path, {"floatingip": {"distributed": True}}, expect=200)
    assert shown["floatingip"]["distributed"] is True
    await cloud.tasks.settle()
    assert driver.specs[Kind.FLOATING_IP, floating["id"]].port_id == port["id"]
    await admin.call("PUT", path, {"floatingip": {"distributed": None}}, expect=200)
    await cloud.tasks.settle()
    assert driver.specs[Kind.FLOATING_IP, floating["id"]].port_id is None
