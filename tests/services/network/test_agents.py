"""Agents follow the hosts that the data plane knows; their zones are the availability zones."""

from datetime import timedelta

import pytest

from cumulo.core import clock
from cumulo.services.network.drivers.specs import HostState, Kind
from cumulo.services.network.model import Agent


@pytest.fixture
async def agents(cloud, driver):
    """Two hosts in two zones; the second gave no sign of life for an hour."""
    now = clock.now()
    driver.known_hosts = [
        HostState(name="c1", host="h1", gateway=True, zones=("east",), seen_at=now),
        HostState(name="c2", host="h2", zones=("west",), seen_at=now - timedelta(hours=1)),
    ]
    cloud.tasks.wake("network.hosts")
    await cloud.tasks.settle()
    return driver


async def test_an_administrator_sees_the_hosts_and_which_are_alive(agents, admin, member):
    found = {agent["id"]: agent for agent in (await admin.show("/agents"))["agents"]}
    assert found["c1"]["alive"] is True
    assert found["c1"]["agent_type"] == "OVN Controller Gateway agent"
    assert found["c1"]["availability_zone"] == "east"
    assert found["c2"]["alive"] is False
    assert found["c2"]["agent_type"] == "OVN Controller agent"
    assert [a["id"] for a in (await admin.show("/agents?alive=false"))["agents"]] == ["c2"]
    assert (await member.show("/agents"))["agents"] == []
    await member.show("/agents/c1", expect=404)


async def test_a_dead_agent_can_be_forgotten_and_comes_back_with_its_host(agents, admin, cloud):
    alive = await admin.delete("/agents/c1", expect=409)
    assert alive["NeutronError"]["type"] == "AgentAlive"
    await admin.delete("/agents/c2")
    await admin.show("/agents/c2", expect=404)
    cloud.tasks.wake("network.hosts")
    await cloud.tasks.settle()
    await admin.show("/agents/c2")


async def test_gateways_keep_away_from_a_host_that_is_switched_off(agents, admin, cloud):
    outside = await admin.create("network", **{"router:external": True})
    await admin.create("subnet", network_id=outside["id"], cidr="192.0.2.0/24", ip_version=4)
    router = await admin.create("router", external_gateway_info={"network_id": outside["id"]})
    body = {"agent": {"admin_state_up": False, "description": "old switch"}}
    changed = (await admin.call("PUT", "/agents/c1", body, expect=200))["agent"]
    assert changed["description"] == "old switch"
    await cloud.tasks.settle()
    assert agents.specs[Kind.ROUTER, router["id"]].avoid == ("c1",)


async def test_zones_are_those_of_hosts_and_routers_stay_in_theirs(agents, admin, member, cloud):
    zones = (await member.show("/availability_zones"))["availability_zones"]
    assert {(z["name"], z["state"]) for z in zones} == {("east", "available"), ("west", "unavailable")}
    assert {z["resource"] for z in zones} == {"network", "router"}
    router = await member.create("router", availability_zone_hints=["east"])
    assert router["availability_zones"] == ["east"]
    await cloud.tasks.settle()
    assert agents.specs[Kind.ROUTER, router["id"]].zones == ("east",)
    refused = await member.create("network", expect=404, availability_zone_hints=["north"])
    assert refused["type"] == "AvailabilityZoneNotFound"


async def test_hosts_that_do_not_answer_grow_old(agents, cloud, database):
    agents.broken = True
    cloud.tasks.wake("network.hosts")
    await cloud.tasks.settle()
    async with database.read() as db:
        assert await db.count(Agent) == 2
