"""QoS policies, and what follows them."""

import pytest

from cumulo.contracts.network import CardLimit, NetworkRequest
from cumulo.services.network import PortsAdapter
from cumulo.services.network.drivers.specs import Kind, QosSpec

SERVER = "11111111-0000-4000-8000-000000000001"


@pytest.fixture
async def policy(admin):
    body = {"policy": {"name": "slow", "shared": True}}
    return (await admin.call("POST", "/qos/policies", body, expect=201))["policy"]


async def rule(client, policy, kind, expect=201, **values):
    key = f"{kind}_rule"
    path = f"/qos/policies/{policy['id']}/{key}s"
    made = await client.call("POST", path, {key: values}, expect=expect)
    return made[key] if expect == 201 else made["NeutronError"]


async def test_a_port_follows_its_policy_else_its_networks(member, admin, policy, cloud, driver):
    await rule(admin, policy, "bandwidth_limit", max_kbps=1000, max_burst_kbps=100)
    await rule(admin, policy, "dscp_marking", dscp_mark=26)
    network = await member.create("network", qos_policy_id=policy["id"])
    port = await member.create("port", network_id=network["id"])
    assert (port["qos_policy_id"], port["qos_network_policy_id"]) == (None, policy["id"])
    await cloud.tasks.settle()
    limit = QosSpec(ingress=False, rate=1000, burst=100, dscp=26)
    assert driver.specs[Kind.PORT, port["id"]].qos == (limit,)
    other = await admin.call("POST", "/qos/policies", {"policy": {"shared": True}}, expect=201)
    body = {"port": {"qos_policy_id": other["policy"]["id"]}}
    await member.call("PUT", f"/ports/{port['id']}", body, expect=200)
    await cloud.tasks.settle()
    assert driver.specs[Kind.PORT, port["id"]].qos == ()
    await rule(admin, other["policy"], "bandwidth_limit", max_kbps=5, direction="ingress")
    await cloud.tasks.settle()
    assert driver.specs[Kind.PORT, port["id"]].qos == (QosSpec(ingress=True, rate=5),)


async def test_what_follows_a_policy_keeps_it_and_follows_its_changes(member, admin, policy, cloud, driver):
    made = await rule(admin, policy, "bandwidth_limit", max_kbps=1000)
    network = await member.create("network", qos_policy_id=policy["id"])
    port = await member.create("port", network_id=network["id"])
    used = await admin.delete(f"/qos/policies/{policy['id']}", expect=409)
    assert used["NeutronError"]["type"] == "QosPolicyInUse"
    path = f"/qos/policies/{policy['id']}/bandwidth_limit_rules/{made['id']}"
    await admin.call("PUT", path, {"bandwidth_limit_rule": {"max_kbps": 7}}, expect=200)
    await cloud.tasks.settle()
    assert driver.specs[Kind.PORT, port["id"]].qos[0].rate == 7
    alias = f"/qos/alias_bandwidth_limit_rules/{made['id']}"
    assert (await member.show(alias))["alias_bandwidth_limit_rule"]["max_kbps"] == 7
    body = {"alias_bandwidth_limit_rule": {"max_kbps": 9}}
    await admin.call("PUT", alias, body, expect=200)
    await admin.delete(alias)
    await cloud.tasks.settle()
    assert driver.specs[Kind.PORT, port["id"]].qos == ()
    without = {"network": {"qos_policy_id": None}}
    await member.call("PUT", f"/networks/{network['id']}", without, expect=200)
    await admin.delete(f"/qos/policies/{policy['id']}")


async def test_only_an_administrator_writes_policies_and_all_see_those_shared(member, other, admin, policy):
    await member.call("POST", "/qos/policies", {"policy": {"name": "x"}}, expect=403)
    await rule(member, policy, "bandwidth_limit", expect=403, max_kbps=1)
    made = await rule(admin, policy, "minimum_bandwidth", min_kbps=500)
    shown = (await other.show(f"/qos/policies/{policy['id']}"))["policy"]
    assert shown["rules"] == [
        {
            "id": made["id"],
            "type": "minimum_bandwidth",
            "qos_policy_id": policy["id"],
            "min_kbps": 500,
            "direction": "egress",
        }
    ]
    hidden = (await admin.call("POST", "/qos/policies", {"policy": {}}, expect=201))["policy"]
    await other.show(f"/qos/policies/{hidden['id']}", expect=404)
    await other.show(f"/qos/policies/{hidden['id']}/bandwidth_limit_rules", expect=404)
    refused = await other.create("network", expect=404, qos_policy_id=hidden["id"])
    assert refused["type"] == "QosPolicyNotFound"


@pytest.mark.parametrize(
    ("kind", "values", "says"),
    [
        ("bandwidth_limit", {"max_kbps": -1}, "max_kbps -1"),
        ("bandwidth_limit", {"max_kbps": 1, "direction": "up"}, "direction 'up'"),
        ("dscp_marking", {"dscp_mark": 7}, "dscp_mark 7"),
    ],
)
async def test_a_rule_that_means_nothing_is_refused(admin, policy, kind, values, says):
    refused = await rule(admin, policy, kind, expect=400, **values)
    assert says in refused["message"]


async def test_rules_of_a_policy_agree_with_each_other(admin, policy):
    await rule(admin, policy, "bandwidth_limit", max_kbps=100)
    again = await rule(admin, policy, "bandwidth_limit", expect=409, max_kbps=5)
    assert again["type"] == "QoSRulesConflict"
    more = await rule(admin, policy, "minimum_bandwidth", expect=409, min_kbps=101)
    assert "more than the maximum" in more["message"]
    await rule(admin, policy, "minimum_bandwidth", min_kbps=100)
    await rule(admin, policy, "bandwidth_limit", max_kbps=5, direction="ingress")


async def test_a_projects_default_policy_is_for_its_new_networks(member, admin):
    body = {"policy": {"is_default": True, "project_id": "p1"}}
    made = (await admin.call("POST", "/qos/policies", body, expect=201))["policy"]
    await admin.call("POST", "/qos/policies", body, expect=409)
    assert (await member.create("network"))["qos_policy_id"] == made["id"]
    assert (await member.create("network", qos_policy_id=None))["qos_policy_id"] is None


async def test_a_floating_ip_has_a_policy_of_its_own(member, admin, policy):
    outside = await admin.create("network", **{"router:external": True, "qos_policy_id": policy["id"]})
    await admin.create("subnet", network_id=outside["id"], cidr="192.0.2.0/24", ip_version=4)
    floating = await member.create("floatingip", floating_network_id=outside["id"])
    assert (floating["qos_policy_id"], floating["qos_network_policy_id"]) == (None, policy["id"])
    body = {"floatingip": {"qos_policy_id": policy["id"]}}
    changed = await member.call("PUT", f"/floatingips/{floating['id']}", body, expect=200)
    assert changed["floatingip"]["qos_policy_id"] == policy["id"]


async def test_the_kinds_of_rules_say_what_they_take(member, admin):
    kinds = [entry["type"] for entry in (await member.show("/qos/rule-types"))["rule_types"]]
    assert kinds == ["bandwidth_limit", "dscp_marking", "minimum_bandwidth", "minimum_packet_rate"]
    every = [entry["type"] for entry in (await member.show("/qos/rule-types?all_rules=true"))["rule_types"]]
    assert every == [*kinds, "packet_rate_limit"]
    await member.show("/qos/rule-types/dscp_marking", expect=403)
    shown = (await admin.show("/qos/rule-types/dscp_marking"))["rule_type"]
    (parameter,) = shown["drivers"][0]["supported_parameters"]
    assert 26 in parameter["parameter_values"]
    await admin.show("/qos/rule-types/packet_rate_limit", expect=404)


async def test_of_a_servers_limits_and_its_policy_the_lesser_holds(member, admin, policy, cloud, driver):
    await rule(admin, policy, "bandwidth_limit", max_kbps=1000, max_burst_kbps=100)
    network = await member.create("network", qos_policy_id=policy["id"])
    port = await member.create("port", network_id=network["id"])
    ports, place = PortsAdapter(), (Kind.PORT, port["id"])
    async with cloud.tasks.work() as work:
        request = NetworkRequest(port_id=port["id"])
        await ports.attach(work, SERVER, request, project_id="p1", host="h1", zone="")
        both = {"egress": CardLimit(rate=500), "ingress": CardLimit(rate=800, burst=80)}
        await ports.limit(work, SERVER, both)
    await cloud.tasks.settle()
    received = QosSpec(ingress=True, rate=800, burst=80)
    assert driver.specs[place].qos == (QosSpec(ingress=False, rate=500), received)
    async with cloud.tasks.work() as work:
        await ports.limit(work, SERVER, {"egress": CardLimit(rate=5000)})
    await cloud.tasks.settle()
    assert driver.specs[place].qos == (QosSpec(ingress=False, rate=1000, burst=100),)
    async with cloud.tasks.work() as work:
        await ports.limit(work, SERVER, {"ingress": CardLimit(rate=9)})
        await ports.detach(work, SERVER, port["id"])
    await cloud.tasks.settle()
    assert driver.specs[place].qos == (QosSpec(ingress=False, rate=1000, burst=100),)


async def test_packets_are_promised_both_ways_together_or_each_by_itself(member, admin, policy):
    made = await rule(admin, policy, "minimum_packet_rate", min_kpps=100, direction="any")
    assert (made["min_kpps"], made["direction"]) == (100, "any")
    refused = await rule(admin, policy, "minimum_packet_rate", expect=409, min_kpps=1, direction="egress")
    assert refused["type"] == "QoSRulesConflict"
    await rule(admin, policy, "minimum_bandwidth", expect=400, min_kbps=1, direction="any")
    alias = f"/qos/alias_minimum_packet_rate_rules/{made['id']}"
    body = {"alias_minimum_packet_rate_rule": {"direction": "ingress"}}
    await admin.call("PUT", alias, body, expect=200)
    await rule(admin, policy, "minimum_packet_rate", min_kpps=7, direction="egress")
    rules = (await member.show(f"/qos/policies/{policy['id']}"))["policy"]["rules"]
    assert [(one["min_kpps"], one["direction"]) for one in rules] == [(100, "ingress"), (7, "egress")]
    shown = (await admin.show("/qos/rule-types/minimum_packet_rate"))["rule_type"]
    ways = shown["drivers"][0]["supported_parameters"][1]
    assert ways["parameter_values"] == ["any", "ingress", "egress"]
