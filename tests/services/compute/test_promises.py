"""Bandwidth and packet rates that a server's ports are promised: claimed, carried by moves, given back."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.services.compute.fakes import BODY
from tests.services.compute.promised import BANDWIDTH, NET, PACKETS, PLACEMENT, PromisingCloud, promised

from cumulo.core.auth.tokens import Keyring
from cumulo.core.db import Database
from cumulo.services.compute.domain.flavors import ensure_defaults
from cumulo.services.compute.model import ComputeHost
from cumulo.services.network.drivers.specs import Capacity

SERVERS = "/compute/v2.1/servers"
OUTWARD = "NET_BW_EGR_KILOBIT_PER_SEC"


@pytest.fixture
async def cloud(database: Database, tmp_path: Path) -> AsyncIterator[PromisingCloud]:
    async with database.begin() as db:
        await ensure_defaults(db)
    async with PromisingCloud(database, Keyring(tmp_path / "keys")) as made:
        await made.has("h1")
        yield made


async def boot(cloud: PromisingCloud, *port_ids: str, version: str = "2.104", **changes: Any) -> Any:
    """Ask for a server with these ports; return the response."""
    networks = [{"port": id_} for id_ in port_ids]
    body = {"server": BODY | {"networks": networks} | changes}
    headers = {"X-OpenStack-Nova-API-Version": version}
    return await cloud.client("member:p1").post(SERVERS, json=body, headers=headers)


async def running(cloud: PromisingCloud, *port_ids: str, status: str = "ACTIVE") -> str:
    """Return a server with these ports that came to be so."""
    answer = await boot(cloud, *port_ids)
    assert answer.status_code == 202, answer.text
    server_id = str(answer.json()["server"]["id"])
    await cloud.settle()
    server = (await cloud.ask("GET", f"{SERVERS}/{server_id}"))["server"]
    assert server["status"] == status, server
    return server_id


async def change(cloud: PromisingCloud, port_id: str, status: int = 200, **values: Any) -> Any:
    return await cloud.ask("PUT", f"{NET}/ports/{port_id}", {"port": values}, status=status)


async def act(cloud: PromisingCloud, server_id: str, **action: Any) -> None:
    await cloud.ask("POST", f"{SERVERS}/{server_id}/action", action, status=202)
    await cloud.settle()


async def test_a_host_has_a_tree_of_what_its_network_may_promise(cloud: PromisingCloud):
    found = (await cloud.ask("GET", f"{PLACEMENT}/resource_providers"))["resource_providers"]
    named = {each["name"]: each for each in found}
    switch, bridge = named["h1:OVN Controller agent"], named["h1:OVN Controller agent:br-ex"]
    assert (switch["parent_provider_uuid"], bridge["parent_provider_uuid"]) == (
        named["h1"]["uuid"],
        switch["uuid"],
    )
    at = f"{PLACEMENT}/resource_providers/{bridge['uuid']}"
    inventories = (await cloud.ask("GET", f"{at}/inventories"))["inventories"]
    assert {name: one["total"] for name, one in inventories.items()} == {OUTWARD: 10_000, BANDWIDTH: 10_000}
    traits = (await cloud.ask("GET", f"{at}/traits"))["traits"]
    assert sorted(traits) == ["CUSTOM_PHYSNET_EXTERNAL", "CUSTOM_VNIC_TYPE_NORMAL"]
    agent = (await cloud.ask("GET", f"{NET}/agents"))["agents"][0]["configurations"]
    assert agent["resource_provider_bandwidths"] == {"br-ex": {"egress": 10_000, "ingress": 10_000}}
    await cloud.has("h1", capacity=Capacity())
    found = (await cloud.ask("GET", f"{PLACEMENT}/resource_providers"))["resource_providers"]
    assert [each["name"] for each in found] == ["h1"]


async def test_what_is_used_of_a_promise_stays_until_it_is_given_back(cloud: PromisingCloud):
    port = await cloud.port(await cloud.network(), await cloud.policy(kbps=1000))
    server_id = await running(cloud, port)
    await cloud.has("h1", capacity=Capacity())
    assert promised(await cloud.held(server_id)) == {BANDWIDTH: 1000}
    await cloud.client("member:p1").delete(f"{SERVERS}/{server_id}")
    await cloud.settle()
    cloud.tasks.wake("network.capacities")
    await cloud.settle()
    found = (await cloud.ask("GET", f"{PLACEMENT}/resource_providers"))["resource_providers"]
    assert [each["name"] for each in found] == ["h1"]


async def test_a_forgotten_host_takes_its_tree_along(cloud: PromisingCloud):
    async with cloud.database.begin() as db:
        await db.update(ComputeHost, forced_down=True)
    (service,) = (await cloud.ask("GET", "/compute/v2.1/os-services?binary=nova-compute"))["services"]
    await cloud.ask("DELETE", f"/compute/v2.1/os-services/{service['id']}", status=204)
    assert (await cloud.ask("GET", f"{PLACEMENT}/resource_providers"))["resource_providers"] == []
    cloud.tasks.wake("network.capacities")
    await cloud.settle()
    assert (await cloud.ask("GET", f"{PLACEMENT}/resource_providers"))["resource_providers"] == []


async def test_a_port_says_to_administrators_what_it_asks_for(cloud: PromisingCloud):
    network = await cloud.network()
    policy = await cloud.policy(kbps=1000, kpps=100)
    port = await cloud.shown(await cloud.port(network, policy))
    packets, bandwidth = sorted(
        port["resource_request"]["request_groups"], key=lambda group: len(group["required"])
    )
    assert bandwidth["resources"] == {BANDWIDTH: 1000}
    assert bandwidth["required"] == ["CUSTOM_PHYSNET_EXTERNAL", "CUSTOM_VNIC_TYPE_NORMAL"]
    assert (packets["resources"], packets["required"]) == ({PACKETS: 100}, ["CUSTOM_VNIC_TYPE_NORMAL"])
    assert sorted(port["resource_request"]["same_subtree"]) == sorted([bandwidth["id"], packets["id"]])
    plain = await cloud.shown(await cloud.port(network))
    assert plain["resource_request"] is None
    member = cloud.client("member:p1")
    (seen,) = (await member.get(f"{NET}/ports?id={port['id']}")).json()["ports"]
    assert "resource_request" not in seen
    tunnelled = await cloud.shown(await cloud.port(await cloud.network(inside=True), policy))
    (group,) = tunnelled["resource_request"]["request_groups"]  # its bandwidth leaves the host in a tunnel
    assert group["resources"] == {PACKETS: 100}


async def test_a_port_follows_its_networks_promise_where_it_has_no_policy(cloud: PromisingCloud):
    network = await cloud.network(qos_policy_id=await cloud.policy(kbps=700, way="egress"))
    port_id = await cloud.port(network)
    (group,) = (await cloud.shown(port_id))["resource_request"]["request_groups"]
    assert group["resources"] == {OUTWARD: 700}
    server_id = await running(cloud, port_id)
    assert promised(await cloud.held(server_id)) == {OUTWARD: 700}
    body = {"network": {"qos_policy_id": await cloud.policy(kbps=800)}}
    await cloud.ask("PUT", f"{NET}/networks/{network}", body)
    assert promised(await cloud.held(server_id)) == {BANDWIDTH: 800}


async def test_a_server_claims_what_its_ports_ask_for_and_gives_it_back(cloud: PromisingCloud):
    port = await cloud.port(await cloud.network(), await cloud.policy(kbps=1000, kpps=100))
    server_id = await running(cloud, port)
    held = await cloud.held(server_id)
    switch = "h1:OVN Controller agent"
    assert (held[switch], held[f"{switch}:br-ex"]) == ({PACKETS: 100}, {BANDWIDTH: 1000})
    assert await cloud.keeper(port) == {switch, f"{switch}:br-ex"}
    await change(cloud, port, **{"binding:profile": {"mine": "1"}})
    assert await cloud.keeper(port) == {switch, f"{switch}:br-ex"}
    await cloud.client("member:p1").delete(f"{SERVERS}/{server_id}")
    await cloud.settle()
    assert await cloud.held(server_id) == {}
    assert (await cloud.shown(port))["binding:profile"] == {"mine": "1"}


async def test_a_server_whose_promise_no_host_can_keep_says_so(cloud: PromisingCloud):
    port = await cloud.port(await cloud.network(), await cloud.policy(kbps=2**31 - 1))
    server_id = await running(cloud, port, status="ERROR")
    assert await cloud.held(server_id) == {}
    assert (await cloud.shown(port))["binding:profile"] == {}
    server = (await cloud.ask("GET", f"{SERVERS}/{server_id}"))["server"]
    told = "No valid host was found: one cannot promise 2147483647 kbit/s inward."
    assert server["fault"]["message"] == told


async def test_candidates_are_asked_for_as_much_as_an_inventory_can_hold(cloud: PromisingCloud):
    async def found(amount: int, status: int = 200) -> Any:
        path = f"{PLACEMENT}/allocation_candidates?resources1={BANDWIDTH}:{amount}"
        return await cloud.ask("GET", path, status=status)

    assert len((await found(1))["provider_summaries"]) == 3
    assert (await found(2**31 - 1))["provider_summaries"] == {}
    await found(2**31, status=400)


async def test_hosts_are_filled_up_to_what_they_promise(cloud: PromisingCloud):
    network, policy = await cloud.network(), await cloud.policy(kbps=4000)
    await running(cloud, await cloud.port(network, policy), await cloud.port(network, policy))
    await running(cloud, await cloud.port(network, policy), status="ERROR")
    await cloud.has("h1", "h2")
    server_id = await running(cloud, await cloud.port(network, policy))
    assert (await cloud.server(server_id)).host == "h2"


async def test_clients_of_before_cannot_create_servers_with_such_ports(cloud: PromisingCloud):
    network = await cloud.network()
    port = await cloud.port(network, await cloud.policy(kbps=1000))
    refused = await boot(cloud, port, version="2.71")
    assert refused.status_code == 400
    assert "2.72" in refused.json()["badRequest"]["message"]
    assert (await boot(cloud, await cloud.port(network), version="2.71")).status_code == 202


async def test_no_port_is_made_on_a_network_that_promises(cloud: PromisingCloud):
    network = await cloud.network(qos_policy_id=await cloud.policy(kbps=1000))
    refused = await boot(cloud, networks=[{"uuid": network}])
    assert refused.status_code == 400
    assert network in refused.json()["badRequest"]["message"]


async def test_another_policy_changes_what_is_claimed_or_is_refused(cloud: PromisingCloud):
    network, policy = await cloud.network(), await cloud.policy(kbps=1000, kpps=100)
    port, other = await cloud.port(network, policy), await cloud.port(network, policy)
    server_id = await running(cloud, port, other)
    await change(cloud, port, qos_policy_id=await cloud.policy(kbps=2000, kpps=50))
    assert promised(await cloud.held(server_id)) == {BANDWIDTH: 3000, PACKETS: 150}
    too_much = await cloud.policy(kbps=9500)
    refused = await change(cloud, port, 409, qos_policy_id=too_much)
    assert refused["NeutronError"]["type"] == "QosPlacementAllocationConflict"
    assert promised(await cloud.held(server_id)) == {BANDWIDTH: 3000, PACKETS: 150}
    assert (await cloud.shown(port))["qos_policy_id"] != too_much
    await change(cloud, port, qos_policy_id=await cloud.policy(kbps=10, way="egress"))
    assert promised(await cloud.held(server_id)) == {BANDWIDTH: 1000, OUTWARD: 10, PACKETS: 100}
    await change(cloud, port, qos_policy_id=None)
    assert promised(await cloud.held(server_id)) == {BANDWIDTH: 1000, PACKETS: 100}
    assert (await cloud.shown(port))["binding:profile"] == {}
    await change(cloud, port, qos_policy_id=policy)  # not promised when the server got it: so it is not now
    assert promised(await cloud.held(server_id)) == {BANDWIDTH: 1000, PACKETS: 100}


async def test_another_rule_changes_what_all_that_follow_the_policy_claim(cloud: PromisingCloud):
    network, policy = await cloud.network(), await cloud.policy(kbps=1000)
    server_id = await running(cloud, await cloud.port(network, policy), await cloud.port(network, policy))
    path = f"{NET}/qos/policies/{policy}/minimum_bandwidth_rules"
    (rule,) = (await cloud.ask("GET", path))["minimum_bandwidth_rules"]
    one = f"{path}/{rule['id']}"
    await cloud.ask("PUT", one, {"minimum_bandwidth_rule": {"min_kbps": 1500}})
    assert promised(await cloud.held(server_id)) == {BANDWIDTH: 3000}
    await cloud.ask("PUT", one, {"minimum_bandwidth_rule": {"min_kbps": 5001}}, status=409)
    assert promised(await cloud.held(server_id)) == {BANDWIDTH: 3000}
    assert (await cloud.ask("GET", one))["minimum_bandwidth_rule"]["min_kbps"] == 1500
    await cloud.ask("DELETE", one, status=204)
    assert promised(await cloud.held(server_id)) == {}


async def test_a_port_that_comes_to_a_server_is_claimed_for_and_given_back(cloud: PromisingCloud):
    network, policy = await cloud.network(), await cloud.policy(kbps=6000, kpps=100)
    port, second, third = [await cloud.port(network, each) for each in (None, policy, policy)]
    server_id = await running(cloud, port)
    path = f"{SERVERS}/{server_id}/os-interface"
    await cloud.ask("POST", path, {"interfaceAttachment": {"port_id": second}})
    await cloud.settle()
    assert promised(await cloud.held(server_id)) == {BANDWIDTH: 6000, PACKETS: 100}
    assert len(await cloud.keeper(second)) == 2
    await cloud.ask("POST", path, {"interfaceAttachment": {"port_id": third}}, status=409)
    assert (await cloud.shown(third))["device_id"] == ""
    await cloud.ask("DELETE", f"{path}/{second}", status=202)
    await cloud.settle()
    assert promised(await cloud.held(server_id)) == {}
    assert (await cloud.shown(second))["binding:profile"] == {}


async def test_a_port_that_is_deleted_under_its_server_gives_back_what_it_had(cloud: PromisingCloud):
    port = await cloud.port(await cloud.network(), await cloud.policy(kbps=1000))
    server_id = await running(cloud, port)
    await cloud.ask("DELETE", f"{NET}/ports/{port}", status=204)
    assert promised(await cloud.held(server_id)) == {}
    assert "VCPU" in (await cloud.held(server_id))["h1"]


async def test_a_policy_that_changed_during_a_move_holds_after_its_reversion(cloud: PromisingCloud):
    await cloud.has("h1", "h2")
    port = await cloud.port(await cloud.network(), await cloud.policy(kbps=1000))
    server_id = await running(cloud, port)
    before = await cloud.keeper(port)
    await act(cloud, server_id, migrate={"host": "h2" if "h1" in next(iter(before)) else "h1"})
    assert (await cloud.keeper(port)).isdisjoint(before)
    await change(cloud, port, qos_policy_id=await cloud.policy(kbps=300))
    assert promised(await cloud.held(server_id)) == {BANDWIDTH: 300}
    await act(cloud, server_id, revertResize=None)
    assert promised(await cloud.held(server_id)) == {BANDWIDTH: 300}
    assert await cloud.keeper(port) == before


async def test_a_shelved_server_has_no_promise_until_it_is_back(cloud: PromisingCloud):
    port = await cloud.port(await cloud.network(), await cloud.policy(kbps=1000))
    server_id = await running(cloud, port)
    await act(cloud, server_id, shelve=None)
    assert await cloud.held(server_id) == {}
    assert (await cloud.shown(port))["binding:profile"] == {}
    await act(cloud, server_id, unshelve=None)
    assert promised(await cloud.held(server_id)) == {BANDWIDTH: 1000}
    assert await cloud.keeper(port) == {"h1:OVN Controller agent:br-ex"}
