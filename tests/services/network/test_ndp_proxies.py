"""IPv6 addresses behind routers that these answer for outside."""

import pytest

from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.ownership import NetworksOwned


@pytest.fixture
async def world(member, admin):
    """A router between an external and an inner IPv6 subnet of one address scope, and a port inside."""
    scope = await admin.create("address_scope", name="v6", ip_version=6, shared=True)
    pool = await admin.create(
        "subnetpool", name="v6", prefixes=["2001:db8::/48"], default_prefixlen=64, shared=True,
        address_scope_id=scope["id"],
    )  # fmt: skip
    cut = {"ip_version": 6, "subnetpool_id": pool["id"]}
    outside = await admin.create("network", **{"router:external": True})
    await admin.create("subnet", network_id=outside["id"], **cut)
    network = await member.create("network")
    subnet = await member.create("subnet", network_id=network["id"], **cut)
    router = await member.create("router", external_gateway_info={"network_id": outside["id"]})
    path = f"/routers/{router['id']}"
    await member.call("PUT", f"{path}/add_router_interface", {"subnet_id": subnet["id"]}, expect=200)
    port = await member.create("port", network_id=network["id"])
    return {"router": router["id"], "port": port, "subnet": subnet["id"], "path": path}


async def proxy(client, world, expect=201, **values):
    body = {"ndp_proxy": {"router_id": world["router"], "port_id": world["port"]["id"], **values}}
    made = await client.call("POST", "/ndp_proxies", body, expect=expect)
    return made["ndp_proxy"] if expect == 201 else made["NeutronError"]


async def enable(client, world, enabled=True, expect=200):
    return await client.call("PUT", world["path"], {"router": {"enable_ndp_proxy": enabled}}, expect=expect)


async def test_a_router_answers_for_an_address_behind_it(member, world, cloud, driver):
    assert (await proxy(member, world, 409))["type"] == "RouterNDPProxyNotEnable"
    await enable(member, world)
    made = await proxy(member, world, name="web")
    address = world["port"]["fixed_ips"][0]["ip_address"]
    assert made["ip_address"] == address
    await cloud.tasks.settle()
    assert driver.specs[Kind.ROUTER, world["router"]].proxied == (address,)
    assert (await proxy(member, world, 409))["type"] == "TwoNDPProxyOnSameAddress"
    kept = await enable(member, world, enabled=False, expect=409)
    assert kept["NeutronError"]["type"] == "RouterNDPProxyInUse"
    kept = await member.call(
        "PUT", f"{world['path']}/remove_router_interface", {"subnet_id": world["subnet"]}, expect=409
    )
    assert kept["NeutronError"]["type"] == "RouterInterfaceInUseByNDPProxy"
    body = {"ndp_proxy": {"description": "the shop"}}
    changed = await member.call("PUT", f"/ndp_proxies/{made['id']}", body, expect=200)
    assert changed["ndp_proxy"]["revision_number"] == made["revision_number"] + 1
    await member.delete(f"/ports/{world['port']['id']}")
    await cloud.tasks.settle()
    assert driver.specs[Kind.ROUTER, world["router"]].proxied == ()
    await enable(member, world, enabled=False)


async def test_only_what_means_the_same_outside_is_proxied(member, admin, other, world):
    await enable(member, world)
    assert (await proxy(member, world, 400, ip_address="2001:db8::99"))["type"] == "InvalidAddress"
    network = await member.create("network")
    mine = {"network_id": network["id"], "ip_version": 6, "cidr": "fd00:1::/64"}
    subnet = await member.create("subnet", **mine)
    port = await member.create("port", network_id=network["id"])
    assert (await proxy(member, world, 409, port_id=port["id"]))["type"] == "PortUnreachableRouter"
    path = f"{world['path']}/add_router_interface"
    await member.call("PUT", path, {"subnet_id": subnet["id"]}, expect=200)
    refused = await proxy(member, world, 409, port_id=port["id"])
    assert refused["type"] == "AddressScopeConflict"
    assert (await proxy(other, world, 404))["type"] == "RouterNotFound"


async def test_a_router_answers_for_others_only_by_a_gateway_of_an_address_scope(member, admin, world):
    nowhere = {"router": {"enable_ndp_proxy": True, "external_gateway_info": {}}}
    refused = await member.call("PUT", world["path"], nowhere, expect=409)
    assert refused["NeutronError"]["type"] == "RouterGatewayNotValid"
    plain = await admin.create("network", **{"router:external": True})
    await admin.create("subnet", network_id=plain["id"], ip_version=6, cidr="2001:db8:1::/64")
    way = {"enable_ndp_proxy": True, "external_gateway_info": {"network_id": plain["id"]}}
    refused = await member.create("router", expect=409, **way)
    assert "address scope" in refused["message"]
    assert len((await member.show("/routers"))["routers"]) == 1
    later = await member.create("router", enable_ndp_proxy=True)
    assert later["enable_ndp_proxy"] is True


async def test_a_proxy_goes_with_its_project(cloud, member, world):
    await enable(member, world)
    made = await proxy(member, world, name="web")
    async with cloud.tasks.work() as work:
        (thing,) = [one for one in await NetworksOwned().owned(work.db, "p1") if one.kind == "ndp proxy"]
        assert (thing.id, thing.name) == (made["id"], "web")
        await NetworksOwned().remove(work, "p1", thing)
    await member.show(f"/ndp_proxies/{made['id']}", expect=404)


async def test_a_proxy_is_its_projects(member, other, world):
    await enable(member, world)
    made = await proxy(member, world)
    await other.show(f"/ndp_proxies/{made['id']}", expect=404)
    assert (await other.show("/ndp_proxies"))["ndp_proxies"] == []
    await other.delete(f"/ndp_proxies/{made['id']}", expect=404)
    found = (await member.show(f"/ndp_proxies?port_id={world['port']['id']}"))["ndp_proxies"]
    assert [row["id"] for row in found] == [made["id"]]
    await member.delete(f"/ndp_proxies/{made['id']}")
