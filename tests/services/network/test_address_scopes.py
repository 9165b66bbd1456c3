"""Address scopes, prefixes of pools, adopted subnets, and subnets for some ports only."""

import pytest

from cumulo.services.network.drivers.specs import Kind


@pytest.fixture
async def scope(member):
    return await member.create("address_scope", name="ours", ip_version=4)


async def test_pools_of_a_scope_share_no_prefix(member, scope):
    pool = await member.create("subnetpool", prefixes=["10.0.0.0/16"], address_scope_id=scope["id"])
    assert pool["address_scope_id"] == scope["id"]
    again = {"prefixes": ["10.0.128.0/17"], "address_scope_id": scope["id"]}
    refused = await member.create("subnetpool", expect=409, **again)
    assert refused["type"] == "AddressScopePrefixConflict"
    outside = await member.create("subnetpool", prefixes=["10.0.128.0/17"])
    path, body = f"/subnetpools/{outside['id']}", {"subnetpool": {"address_scope_id": scope["id"]}}
    await member.call("PUT", path, body, expect=409)
    v6 = await member.create("subnetpool", expect=400, prefixes=["fd00::/48"], address_scope_id=scope["id"])
    assert "not of IPv6" in v6["message"]
    used = await member.delete(f"/address-scopes/{scope['id']}", expect=409)
    assert used["NeutronError"]["type"] == "AddressScopeInUse"


async def test_a_network_is_in_the_scope_of_its_subnets_pool(member, other, scope):
    pool = await member.create(
        "subnetpool", prefixes=["10.0.0.0/16"], default_prefixlen=24, address_scope_id=scope["id"]
    )
    network = await member.create("network")
    await member.create("subnet", network_id=network["id"], ip_version=4, subnetpool_id=pool["id"])
    shown = (await member.show(f"/networks/{network['id']}"))["network"]
    assert (shown["ipv4_address_scope"], shown["ipv6_address_scope"]) == (scope["id"], None)
    await other.show(f"/address-scopes/{scope['id']}", expect=404)
    hidden = {"prefixes": ["10.9.0.0/16"], "address_scope_id": scope["id"]}
    refused = await other.create("subnetpool", expect=404, **hidden)
    assert refused["type"] == "AddressScopeNotFound"


async def test_prefixes_come_and_go(member):
    pool = await member.create("subnetpool", prefixes=["10.0.0.0/24"], default_prefixlen=26)
    path = f"/subnetpools/{pool['id']}"

    async def change(verb, *prefixes, expect=200):
        return await member.call("PUT", f"{path}/{verb}", {"prefixes": list(prefixes)}, expect=expect)

    assert (await change("add_prefixes", "10.0.1.0/24"))["prefixes"] == ["10.0.0.0/23"]
    network = await member.create("network")
    await member.create("subnet", network_id=network["id"], ip_version=4, subnetpool_id=pool["id"])
    used = await change("remove_prefixes", "10.0.0.0/24", expect=409)
    assert used["NeutronError"]["type"] == "IllegalSubnetPoolPrefixes"
    assert (await change("remove_prefixes", "10.0.1.0/24"))["prefixes"] == ["10.0.0.0/24"]
    await change("remove_prefixes", "10.7.0.0/24", expect=400)


async def test_a_pool_adopts_a_networks_subnets(member, other):
    pool = await member.create("subnetpool", prefixes=["10.0.0.0/24"], default_prefixlen=26)
    network = await member.create("network")
    subnet = await member.create("subnet", network_id=network["id"], cidr="10.5.0.0/24", ip_version=4)
    path = f"/subnetpools/{pool['id']}/onboard_network_subnets"
    answer = await member.call("PUT", path, {"network_id": network["id"]}, expect=200)
    assert answer == {"subnetpool": [{"id": subnet["id"], "cidr": "10.5.0.0/24"}]}
    shown = (await member.show(f"/subnets/{subnet['id']}"))["subnet"]
    assert shown["subnetpool_id"] == pool["id"]
    grown = (await member.show(f"/subnetpools/{pool['id']}"))["subnetpool"]
    assert grown["prefixes"] == ["10.0.0.0/24", "10.5.0.0/24"]
    await member.call("PUT", path, {"network_id": network["id"]}, expect=400)
    theirs = await other.create("network")
    await member.call("PUT", path, {"network_id": theirs["id"]}, expect=404)


async def test_a_subnet_can_be_for_some_ports_only(admin):
    network = await admin.create("network")
    plain = {"network_id": network["id"], "ip_version": 4}
    await admin.create("subnet", **plain, cidr="10.0.0.0/24", enable_dhcp=False)
    special = {"cidr": "10.1.0.0/24", "enable_dhcp": False, "service_types": ["compute:", "network:dhcp"]}
    made = await admin.create("subnet", **plain, **special)
    assert made["service_types"] == ["compute:", "network:dhcp"]

    async def address(owner):
        port = await admin.create("port", network_id=network["id"], device_owner=owner)
        return port["fixed_ips"][0]["ip_address"]

    assert (await address("compute:nova")).startswith("10.1.0.")
    assert (await address("")).startswith("10.0.0.")


async def test_several_tags_are_added_at_once_and_pools_of_floating_ips_are_listed(member, admin):
    network = await member.create("network")
    path = f"/networks/{network['id']}/tags"
    await member.call("PUT", path, {"tags": ["red"]}, expect=200)
    added = await member.call("POST", path, {"tags": ["blue", "red"]}, expect=201)
    assert added["tags"] == ["blue", "red"]
    outside = await admin.create("network", **{"router:external": True})
    subnet = await admin.create("subnet", network_id=outside["id"], cidr="192.0.2.0/24", ip_version=4)
    (pool,) = (await member.show("/floatingip_pools"))["floatingip_pools"]
    assert (pool["subnet_id"], pool["cidr"]) == (subnet["id"], "192.0.2.0/24")


async def test_an_administrator_sees_who_has_limits_of_its_own(member, admin):
    await member.show("/quotas", expect=403)
    assert (await admin.show("/quotas"))["quotas"] == []
    await admin.call("PUT", "/quotas/p1", {"quota": {"network": 3}}, expect=200)
    refused = await admin.call("PUT", "/quotas/p1", {"quota": {"network": -2}}, expect=400)
    assert "network" in refused["NeutronError"]["message"]
    (entry,) = (await admin.show("/quotas"))["quotas"]
    assert (entry["project_id"], entry["network"]) == ("p1", 3)
    details = (await admin.show("/quotas/p1/details.json"))["quota"]
    assert details["network"]["limit"] == 3


async def test_a_network_is_in_one_scope(member, scope):
    wanted = {"prefixes": ["10.1.0.0/16"], "default_prefixlen": 24, "address_scope_id": scope["id"]}
    pool = await member.create("subnetpool", **wanted)
    network = await member.create("network")
    on = {"network_id": network["id"], "ip_version": 4}
    await member.create("subnet", **on, subnetpool_id=pool["id"])
    refused = await member.create("subnet", expect=400, **on, cidr="10.9.0.0/24")
    assert refused["type"] == "NetworkAddressScopeAffinityError"
    await member.create("subnet", **on, subnetpool_id=pool["id"])
    await member.create("subnet", network_id=network["id"], ip_version=6, cidr="fd00:9::/64")


async def test_routers_keep_scopes_apart_and_translate_only_between_them(member, admin, scope, driver, cloud):
    path = f"/address-scopes/{scope['id']}"
    await admin.call("PUT", path, {"address_scope": {"shared": True}}, expect=200)
    outside = await admin.create("network", **{"name": "ext", "router:external": True})
    scoped = {"default_prefixlen": 24, "address_scope_id": scope["id"]}
    outer = await admin.create("subnetpool", prefixes=["192.0.0.0/16"], **scoped)
    inner = await member.create("subnetpool", prefixes=["10.1.0.0/16"], **scoped)
    await admin.create("subnet", network_id=outside["id"], ip_version=4, subnetpool_id=outer["id"])
    await cloud.tasks.settle()  # routers wait a while for networks that are not there yet
    router = await member.create("router", external_gateway_info={"network_id": outside["id"]})
    for values in ({"subnetpool_id": inner["id"]}, {"cidr": "10.9.0.0/24"}):
        network = await member.create("network")
        subnet = await member.create("subnet", network_id=network["id"], ip_version=4, **values)
        await cloud.tasks.settle()
        wanted = {"subnet_id": subnet["id"]}
        await member.call("PUT", f"/routers/{router['id']}/add_router_interface", wanted, expect=200)
    await cloud.tasks.settle()
    spec = driver.specs[Kind.ROUTER, router["id"]]
    assert sorted(spec.barred) == [("10.1.0.0/24", "10.9.0.0/24"), ("10.9.0.0/24", "10.1.0.0/24")]
    assert spec.gateway.snat_cidrs == ("10.9.0.0/24",)
    free = {"subnetpool": {"address_scope_id": None}}
    await member.call("PUT", f"/subnetpools/{inner['id']}", free, expect=200)
    await cloud.tasks.settle()
    spec = driver.specs[Kind.ROUTER, router["id"]]
    assert spec.barred == ()
    assert sorted(spec.gateway.snat_cidrs) == ["10.1.0.0/24", "10.9.0.0/24"]
