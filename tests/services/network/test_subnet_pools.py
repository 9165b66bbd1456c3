"""Subnets cut of pools: none overlaps, none is too much."""

import ipaddress

import pytest


@pytest.fixture
async def pool(member):
    prefixes = ["10.200.0.0/17", "10.200.128.0/17"]
    return await member.create("subnetpool", name="pool", prefixes=prefixes, default_prefixlen="24")


async def cut(member, pool, expect=201, **values):
    network = await member.create("network")
    values = {"network_id": network["id"], "ip_version": 4, "subnetpool_id": pool["id"], **values}
    return await member.create("subnet", expect=expect, **values)


async def test_a_pool_has_neutrons_attributes(pool, member):
    assert pool["prefixes"] == ["10.200.0.0/16"]
    assert (pool["ip_version"], pool["min_prefixlen"], pool["max_prefixlen"]) == (4, "8", "32")
    assert pool["address_scope_id"] is None
    found = (await member.show("/subnetpools?name=pool"))["subnetpools"]
    assert [each["id"] for each in found] == [pool["id"]]


async def test_pools_are_found_and_sorted_by_lengths_that_are_shown_as_text(pool, member):
    other = await member.create("subnetpool", name="other", prefixes=["10.9.0.0/16"], min_prefixlen=20)
    for query, ids in (
        ("min_prefixlen=20", [other["id"]]),
        ("min_prefixlen=8&min_prefixlen=20&sort_key=min_prefixlen", [pool["id"], other["id"]]),
    ):
        found = (await member.show(f"/subnetpools?{query}"))["subnetpools"]
        assert [each["id"] for each in found] == ids
    await member.show("/subnetpools?min_prefixlen=long", expect=400)


async def test_subnets_get_the_first_room_that_fits(pool, member):
    first = await cut(member, pool)
    assert (first["cidr"], first["subnetpool_id"]) == ("10.200.0.0/24", pool["id"])
    assert first["gateway_ip"] == "10.200.0.1"
    chosen = await cut(member, pool, cidr="10.200.2.0/23")
    assert chosen["cidr"] == "10.200.2.0/23"
    found = [(await cut(member, pool, prefixlen=length))["cidr"] for length in (24, 22, 24)]
    assert found == ["10.200.1.0/24", "10.200.4.0/22", "10.200.8.0/24"]
    nets = [ipaddress.ip_network(cidr) for cidr in (first["cidr"], chosen["cidr"], *found)]
    assert not any(a.overlaps(b) for a in nets for b in nets if a is not b)


async def test_what_a_pool_cannot_give_is_refused(pool, member):
    await cut(member, pool)
    for cidr in ("10.200.0.128/25", "10.201.0.0/24"):
        refused = await cut(member, pool, expect=409, cidr=cidr)
        assert refused["type"] == "SubnetAllocationError"
    await cut(member, pool, expect=400, prefixlen=7)
    await cut(member, pool, expect=400, ip_version=6)
    full = await member.create("subnetpool", prefixes=["10.9.0.0/30"], default_prefixlen=30)
    await cut(member, full)
    assert (await cut(member, full, expect=409))["type"] == "SubnetAllocationError"


async def test_a_quota_holds_for_each_project(member):
    pool = await member.create(
        "subnetpool", prefixes=["10.9.0.0/16"], default_prefixlen=24, default_quota=300
    )
    await cut(member, pool)
    assert (await cut(member, pool, expect=409))["type"] == "SubnetPoolQuotaExceeded"
    await cut(member, pool, prefixlen=27)


async def test_a_pool_goes_when_its_subnets_are_gone_and_only_grows(pool, member):
    subnet = await cut(member, pool)
    path = f"/subnetpools/{pool['id']}"
    assert (await member.delete(path, expect=409))["NeutronError"]["type"] == "SubnetPoolInUse"
    less = {"subnetpool": {"prefixes": ["10.200.0.0/17"]}}
    await member.call("PUT", path, less, expect=400)
    more = {"subnetpool": {"prefixes": ["10.200.0.0/15"], "name": "wide"}}
    changed = await member.call("PUT", path, more, expect=200)
    assert changed["subnetpool"]["prefixes"] == ["10.200.0.0/15"]
    await member.delete(f"/subnets/{subnet['id']}")
    await member.delete(path)


async def test_others_see_only_shared_pools_and_the_default_one_is_an_administrators(
    pool, member, other, admin
):
    await other.show(f"/subnetpools/{pool['id']}", expect=404)
    await cut(other, pool, expect=404)
    await member.create("subnetpool", expect=403, prefixes=["10.3.0.0/16"], shared=True)
    values = {"prefixes": ["10.3.0.0/16"], "shared": True, "is_default": True, "default_prefixlen": 26}
    default = await admin.create("subnetpool", **values)
    network = await other.create("network")
    wanted = {"network_id": network["id"], "ip_version": 4, "use_default_subnetpool": True}
    made = await other.create("subnet", **wanted)
    assert (made["cidr"], made["subnetpool_id"]) == ("10.3.0.0/26", default["id"])
    second = await admin.create("subnetpool", expect=400, prefixes=["10.4.0.0/16"], is_default=True)
    assert "already" in second["message"]
    await other.create("subnet", expect=400, network_id=network["id"], ip_version=4)


@pytest.mark.parametrize(
    "values",
    [
        {"prefixes": []},
        {"prefixes": ["10.0.0.0/8", "fd00::/48"]},
        {"prefixes": ["ten"]},
        {"prefixes": ["10.0.0.0/8"], "min_prefixlen": 24, "max_prefixlen": 20},
    ],
)
async def test_a_pool_that_means_nothing_is_refused(member, values):
    await member.create("subnetpool", expect=400, **values)
