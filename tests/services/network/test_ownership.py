"""What a project owns of networks goes, and what others have on it keeps it."""

import pytest

from cumulo.contracts.ownership import Owned, Stage
from cumulo.services.network.errors import UsedByOtherProject
from cumulo.services.network.ownership import NetworksOwned
from cumulo.testing.ownership import check_ownership


async def an_outside(admin):
    made = await admin.create("network", **{"name": "outside", "router:external": True})
    await admin.create("subnet", network_id=made["id"], ip_version=4, cidr="192.0.2.0/24")
    return made["id"]


async def a_policy(admin, project_id):
    body = {"policy": {"name": "slow", "project_id": project_id}}
    policy = (await admin.call("POST", "/qos/policies", body, expect=201))["policy"]["id"]
    limit = {"bandwidth_limit_rule": {"max_kbps": 1000}}
    await admin.call("POST", f"/qos/policies/{policy}/bandwidth_limit_rules", limit, expect=201)
    return policy


async def a_log_and_a_range(admin, project_id, group_id):
    log = {"project_id": project_id, "resource_type": "security_group", "resource_id": group_id}
    await admin.call("POST", "/log/logs", {"log": log}, expect=201)
    body = {"metering_label": {"project_id": project_id, "name": "all"}}
    await admin.call("POST", "/metering/metering-labels", body, expect=201)
    body = {"security_groups_default_statefulness": {"project_id": project_id}}
    await admin.call("POST", "/security-groups-default-statefulness", body, expect=201)
    vlans = {"network_type": "vlan", "physical_network": project_id, "minimum": 1, "maximum": 9}
    body = {"network_segment_range": {**vlans, "shared": False, "project_id": project_id}}
    await admin.call("POST", "/network_segment_ranges", body, expect=201)
    kind = {"provider:network_type": "vlan", "provider:physical_network": project_id}
    await admin.create("network", project_id=project_id, **kind)


async def forward(client, outside, port_id):
    forwarding = await client.create("floatingip", floating_network_id=outside)
    ports = {"internal_port_id": port_id, "internal_port": 80, "external_port": 8080, "protocol": "tcp"}
    path = f"/floatingips/{forwarding['id']}/port_forwardings"
    await client.call("POST", path, {"port_forwarding": ports}, expect=201)


async def one_of_everything(client, admin, project_id, outside):
    """Make one of each kind, hanging on each other as much as they can."""
    scope = await client.create("address_scope", name="ours", ip_version=4)
    prefixes = {"prefixes": ["10.8.0.0/16"], "default_prefixlen": 24}
    pool = await client.create("subnetpool", name="pool", **prefixes, address_scope_id=scope["id"])
    home = await client.create("network", name="home")
    subnet = await client.create("subnet", network_id=home["id"], ip_version=4, subnetpool_id=pool["id"])
    group = await client.create("security_group", name="web")
    offices = await client.create("address_group", addresses=["192.0.2.0/24"])
    rule = {"security_group_id": group["id"], "direction": "ingress"}
    await client.create("security_group_rule", **rule, remote_address_group_id=offices["id"])
    port = await client.create("port", network_id=home["id"], name="web", security_groups=[group["id"]])
    router = await client.create("router", name="door", external_gateway_info={"network_id": outside})
    interface = {"subnet_id": subnet["id"]}
    await client.call("PUT", f"/routers/{router['id']}/add_router_interface", interface, expect=200)
    hop = port["fixed_ips"][0]["ip_address"]
    route = {"destination": "10.99.0.0/24", "nexthop": hop}
    await client.call("PUT", f"/routers/{router['id']}", {"router": {"routes": [route]}}, expect=200)
    await client.create("floatingip", floating_network_id=outside, port_id=port["id"])
    policy = await a_policy(admin, project_id)
    carried = await client.create("port", network_id=home["id"], qos_policy_id=policy)
    await forward(client, outside, carried["id"])
    subport = {"port_id": carried["id"], "segmentation_type": "vlan", "segmentation_id": 7}
    await client.create("trunk", port_id=port["id"], sub_ports=[subport])
    way = {"mirror_type": "gre", "remote_ip": "192.0.2.9", "directions": {"IN": int(project_id[1:])}}
    mirror = {"port_id": port["id"], "project_id": project_id, **way}
    await admin.call("POST", "/taas/tap_mirrors", {"tap_mirror": mirror}, expect=201)
    share = {"object_type": "network", "object_id": home["id"], "action": "access_as_shared"}
    body = {"rbac_policy": {**share, "target_tenant": f"friend-of-{project_id}"}}
    await client.call("POST", "/rbac-policies", body, expect=201)
    await a_log_and_a_range(admin, project_id, group["id"])
    far = await admin.create("network", name=f"far-{project_id}")
    wanted = {"network_id": far["id"], "ip_version": 4, "cidr": "10.7.0.0/24", "project_id": project_id}
    await admin.create("subnet", **wanted)
    return {
        "network": home["id"],
        "router": router["id"],
        "subnet": subnet["id"],
        "port": port["id"],
        "address": hop,
    }


async def test_everything_of_one_project_goes_and_nothing_of_the_others(cloud, member, other, admin):
    outside = await an_outside(admin)
    await one_of_everything(member, admin, "p1", outside)
    await one_of_everything(other, admin, "p2", outside)
    assert await check_ownership(cloud.tasks, NetworksOwned(), "p1", "p2") == [
        "address group",
        "address scope",
        "default statefulness",
        "floating ip",
        "log",
        "metering label",
        "network",
        "port",
        "qos policy",
        "rbac policy",
        "router",
        "security group",
        "subnet",
        "subnet pool",
        "tap mirror",
        "trunk",
        "vlan range",
    ]


async def refusal(cloud, kind, id_):
    thing = Owned(stage=Stage.NETWORKS, kind=kind, id=id_)
    with pytest.raises(UsedByOtherProject) as refused:
        async with cloud.tasks.work() as work:
            await NetworksOwned().remove(work, "p1", thing)
    return refused.value.message


async def test_a_network_on_which_others_have_ports_stays_and_says_whose(cloud, member, other, admin):
    made = await one_of_everything(member, admin, "p1", await an_outside(admin))
    await admin.call("PUT", f"/networks/{made['network']}", {"network": {"shared": True}}, expect=200)
    port = await other.create("port", network_id=made["network"])
    said = await refusal(cloud, "network", made["network"])
    assert said == f"Network {made['network']} is used by another project: port {port['id']} of project p2."
    await other.show(f"/ports/{port['id']}")


async def test_an_external_network_stays_while_others_have_addresses_of_it(cloud, other, admin):
    outside = await admin.create("network", **{"router:external": True, "project_id": "p1"})
    await admin.create("subnet", network_id=outside["id"], ip_version=4, cidr="192.0.2.0/24", project_id="p1")
    address = await other.create("floatingip", floating_network_id=outside["id"])
    assert f"floating IP {address['id']} of project p2" in await refusal(cloud, "network", outside["id"])
    await other.delete(f"/floatingips/{address['id']}")
    router = await other.create("router", external_gateway_info={"network_id": outside["id"]})
    assert f"router {router['id']} of project p2" in await refusal(cloud, "network", outside["id"])


async def test_a_router_stays_while_others_addresses_lead_through_it(cloud, member, admin):
    outside = await an_outside(admin)
    made = await one_of_everything(member, admin, "p1", outside)
    ports = (await member.show(f"/ports?network_id={made['network']}&name=web"))["ports"]
    (mine,) = (await member.show("/floatingips?status=ACTIVE&fixed_ip_address=" + made["address"]))[
        "floatingips"
    ]
    await member.delete(f"/floatingips/{mine['id']}")
    wanted = {"floating_network_id": outside, "port_id": ports[0]["id"], "project_id": "p2"}
    foreign = await admin.create("floatingip", **wanted)
    said = await refusal(cloud, "router", made["router"])
    assert f"floating IP {foreign['floating_ip_address']} of project p2" in said


async def test_a_port_that_is_an_interface_of_anothers_router_stays(cloud, member, admin):
    made = await one_of_everything(member, admin, "p1", await an_outside(admin))
    foreign = await admin.create("router", name="foreign", project_id="p2")
    body = {"port_id": made["port"]}
    (mine,) = (await member.show("/floatingips?status=ACTIVE&fixed_ip_address=" + made["address"]))[
        "floatingips"
    ]
    await member.delete(f"/floatingips/{mine['id']}")
    await admin.call("PUT", f"/routers/{foreign['id']}/add_router_interface", body, expect=200)
    async with cloud.engine.database.read() as db:
        found = await NetworksOwned().owned(db, "p1")
    assert made["port"] in [thing.id for thing in found if thing.kind == "port"]
    assert f"router {foreign['id']} of project p2" in await refusal(cloud, "port", made["port"])
