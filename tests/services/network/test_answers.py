"""How requests are read and answered that are unusual or not allowed, as clients of neutron expect it."""

import pytest

NOBODY = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
async def network(member):
    made = await member.create("network", name="net")
    await member.create("subnet", network_id=made["id"], cidr="10.0.0.0/24", ip_version=4)
    return made


async def revision(client, path, kind):
    return (await client.show(path))[kind]["revision_number"]


@pytest.mark.parametrize("path", ["/network_segment_ranges", "/floatingip_pools", "/security_groups"])
async def test_paths_are_written_with_either_dash(admin, path):
    assert await admin.show(path) == await admin.show(path.replace("_", "-"))
    made = await admin.create("security_group")
    assert (await admin.show(f"/security_groups/{made['id']}"))["security_group"]["id"] == made["id"]


async def test_each_of_several_may_have_its_own_envelope(member, network):
    wrapped = [{"port": {"network_id": network["id"], "name": name}} for name in ("a", "b")]
    made = await member.call(
        "POST", "/ports", {"ports": [*wrapped, {"network_id": network["id"]}]}, expect=201
    )
    assert [port["name"] for port in made["ports"]] == ["a", "b", ""]


async def test_what_cannot_be_an_id_is_told_apart_from_what_is_not_there(member, network):
    assert (await member.create("port", expect=404, network_id=NOBODY))["type"] == "NetworkNotFound"
    refused = await member.create("port", expect=400, network_id="nothing")
    assert "network_id" in refused["message"]
    router = await member.create("router")
    path = f"/routers/{router['id']}/add_router_interface"
    await member.call("PUT", path, {"port_id": "nothing"}, expect=400)
    await member.call("PUT", path, {"port_id": NOBODY}, expect=404)


async def test_what_an_administrator_makes_for_a_project_is_held_against_the_projects_limits(admin, member):
    await admin.call("PUT", "/quotas/p1", {"quota": {"network": 2}}, expect=200)
    await member.create("network", expect=400, project_id="p2")
    await admin.create("network", project_id="p1")
    three = [{"project_id": "p1"}, {"project_id": "p1"}, {}]
    refused = await admin.call("POST", "/networks", {"networks": three}, expect=409)
    assert refused["NeutronError"]["type"] == "OverQuota"
    made = await admin.call("POST", "/networks", {"networks": three[1:]}, expect=201)
    assert [network["project_id"] == "p1" for network in made["networks"]] == [True, False]
    assert (await admin.create("network", expect=409, tenant_id="p1"))["type"] == "OverQuota"


async def test_whose_something_is_is_said_once(admin, member):
    twice = {"project_id": "p1", "tenant_id": "p2"}
    for client in (admin, member):
        refused = await client.create("network", expect=400, **twice)
        assert (refused["type"], refused["message"]) == (
            "HTTPBadRequest",
            "'project_id' and 'tenant_id' do not match",
        )
    assert (await admin.create("network", project_id="p1", tenant_id="p1"))["project_id"] == "p1"
    assert (await member.create("network", expect=400, tenant_id="p2"))["type"] == "HTTPBadRequest"


async def test_the_address_of_no_port_is_refused(admin, member):
    outside = await admin.create("network", **{"router:external": True})
    await admin.create("subnet", network_id=outside["id"], cidr="192.0.2.0/24", ip_version=4)
    values = {"floating_network_id": outside["id"], "fixed_ip_address": "10.0.0.9"}
    assert (await member.create("floatingip", expect=400, **values))["type"] == "BadRequest"
    made = await member.create("floatingip", floating_network_id=outside["id"])
    for port in ({}, {"port_id": None}):
        body = {"floatingip": {"fixed_ip_address": "10.0.0.9", **port}}
        await member.call("PUT", f"/floatingips/{made['id']}", body, expect=400)


async def test_limits_are_numbers_that_neutron_can_count_to(admin):
    for limit in (-2, 2**31):
        refused = await admin.call("PUT", "/quotas/p1", {"quota": {"network": limit}}, expect=400)
        assert str(limit) in refused["NeutronError"]["message"]
    await admin.call("PUT", "/quotas/p1", {"quota": {"network": 2**31 - 1}}, expect=200)


async def test_the_rules_of_a_new_group_are_held_against_the_limits(admin, member):
    await member.create("security_group")
    force = {"quota": {"security_group_rule": 7, "force": True}}
    await admin.call("PUT", "/quotas/p1", force, expect=200)
    refused = await member.create("security_group", expect=409)
    assert (refused["type"], "security_group_rule" in refused["message"]) == ("OverQuota", True)
    force["quota"]["security_group_rule"] = 8
    await admin.call("PUT", "/quotas/p1", force, expect=200)
    await member.create("security_group")


async def test_the_mtu_is_within_what_the_network_carries_and_its_subnets_need(member):
    refused = await member.create("network", expect=400, mtu=1443)
    assert "the most is 1442" in refused["message"]
    short = await member.create("network", mtu=67)
    v4 = {"network_id": short["id"], "cidr": "10.0.0.0/24", "ip_version": 4}
    assert (await member.create("subnet", expect=409, **v4))["type"] == "NetworkMTUSubnetConflict"
    network = await member.create("network", mtu=1280)
    await member.create("subnet", network_id=network["id"], cidr="fd00::/64", ip_version=6)
    path = f"/networks/{network['id']}"
    refused = await member.call("PUT", path, {"network": {"mtu": 1279}}, expect=409)
    assert "IPv6" in refused["NeutronError"]["message"]
    await member.call("PUT", path, {"network": {"mtu": 1443}}, expect=400)
    longest = await member.call("PUT", path, {"network": {"mtu": 0}}, expect=200)
    assert longest["network"]["mtu"] == 1442


async def test_subnets_and_interfaces_are_revisions_of_what_they_belong_to(member, network):
    path = f"/networks/{network['id']}"
    first = await revision(member, path, "network")
    subnet = await member.create("subnet", network_id=network["id"], cidr="10.0.1.0/24", ip_version=4)
    assert await revision(member, path, "network") == first + 1
    router = await member.create("router")
    door, body = f"/routers/{router['id']}", {"subnet_id": subnet["id"]}
    before = router["revision_number"]
    await member.call("PUT", f"{door}/add_router_interface", body, expect=200)
    assert await revision(member, door, "router") == before + 1
    await member.call("PUT", f"{door}/remove_router_interface", body, expect=200)
    assert await revision(member, door, "router") == before + 2
    named = {"subnet": {"name": "second"}}
    await member.call("PUT", f"/subnets/{subnet['id']}", named, expect=200)
    assert await revision(member, path, "network") == first + 2
    await member.delete(f"/subnets/{subnet['id']}")
    assert await revision(member, path, "network") == first + 3


async def test_a_port_is_in_each_group_once_and_in_groups_of_one_kind(member, network):
    kept = await member.create("security_group", stateful=True)
    loose = await member.create("security_group", stateful=False)
    port = await member.create("port", network_id=network["id"], security_groups=[kept["id"]])
    both = {"network_id": network["id"], "security_groups": [kept["id"], loose["id"]]}
    assert (await member.create("port", expect=409, **both))["type"] == "SecurityGroupsStatefulnessConflict"
    path = f"/ports/{port['id']}"
    for groups, status in (([kept["id"], loose["id"]], 409), ([kept["id"]] * 2, 400), (["default"], 400)):
        await member.call("PUT", path, {"port": {"security_groups": groups}}, expect=status)
    assert (await member.show(path))["port"]["security_groups"] == [kept["id"]]
    await member.call("PUT", path, {"port": {"security_groups": [loose["id"]]}}, expect=200)


@pytest.mark.parametrize("protocol", [41, 43, 44, 58, 59, 60])
async def test_protocols_of_ipv6_are_refused_for_ipv4_by_their_numbers_too(member, protocol):
    group = await member.create("security_group")
    rule = {"security_group_id": group["id"], "direction": "ingress", "protocol": protocol}
    refused = await member.create("security_group_rule", expect=400, **rule)
    assert refused["type"] == "SecurityGroupEthertypeConflictWithProtocol"
    await member.create("security_group_rule", ethertype="IPv6", **rule)


async def test_an_administrator_finds_the_default_group_of_a_project_that_has_used_nothing_yet(admin):
    (group,) = (await admin.show("/security-groups?project_id=p9&name=default"))["security_groups"]
    assert group["project_id"] == "p9"


async def test_a_rule_of_the_template_is_there_once_for_each_kind_of_group(admin):
    rule = {"direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22}
    made = await admin.create("default_security_group_rule", used_in_default_sg=True, **rule)
    for flags in (
        {"used_in_default_sg": True, "used_in_non_default_sg": False},
        {"used_in_default_sg": False, "used_in_non_default_sg": True},
    ):
        refused = await admin.create("default_security_group_rule", expect=409, **rule, **flags)
        assert made["id"] in refused["message"]
    neither = {"used_in_default_sg": False, "used_in_non_default_sg": False}
    await admin.create("default_security_group_rule", **rule, **neither)


async def test_a_scope_that_is_shared_stays_so(admin):
    scope = await admin.create("address_scope", ip_version=4, shared=True)
    body = {"address_scope": {"shared": False}}
    refused = await admin.call("PUT", f"/address-scopes/{scope['id']}", body, expect=400)
    assert refused["NeutronError"]["type"] == "AddressScopeUpdateError"


async def test_prefixes_in_anothers_scope_are_not_a_pools_owner_to_change(admin, member):
    scope = await admin.create("address_scope", ip_version=4, shared=True)
    pool = await member.create("subnetpool", prefixes=["20.0.0.0/18"], address_scope_id=scope["id"])
    path, more = f"/subnetpools/{pool['id']}", {"prefixes": ["20.0.0.0/18", "40.0.0.0/18"]}
    refused = await member.call("PUT", path, {"subnetpool": more}, expect=400)
    assert refused["NeutronError"]["type"] == "IllegalSubnetPoolUpdate"
    await member.call("PUT", f"{path}/add_prefixes", {"prefixes": ["40.0.0.0/18"]}, expect=400)
    await member.call("PUT", path, {"subnetpool": {"name": "mine"}}, expect=200)
    await admin.call("PUT", path, {"subnetpool": more}, expect=200)


async def test_a_policy_that_is_an_administrators_is_not_taken_off_a_network(admin, member, network):
    made = await admin.call("POST", "/qos/policies", {"policy": {"name": "slow"}}, expect=201)
    policy, path = made["policy"], f"/networks/{network['id']}"
    await admin.call("PUT", path, {"network": {"qos_policy_id": policy["id"]}}, expect=200)
    off = {"network": {"qos_policy_id": None}}
    refused = await member.call("PUT", path, off, expect=403)
    assert refused["NeutronError"]["type"] == "PolicyRemoveAuthorizationError"
    qos = f"/qos/policies/{policy['id']}"
    await admin.call("PUT", qos, {"policy": {"shared": True}}, expect=200)
    assert (await member.call("PUT", path, off, expect=200))["network"]["qos_policy_id"] is None


async def test_tags_of_a_policy_are_found_by_its_plural_alone(admin):
    made = await admin.call("POST", "/qos/policies", {"policy": {"name": "slow"}}, expect=201)
    id_ = made["policy"]["id"]
    await admin.call("PUT", f"/policies/{id_}/tags/blue", expect=201)
    assert (await admin.show(f"/qos/policies/{id_}/tags"))["tags"] == ["blue"]


async def test_members_say_which_ports_a_subnet_is_for(member, network):
    for number, kind in ((1, "test:one"), (2, "test:two")):
        values = {"network_id": network["id"], "ip_version": 4, "cidr": f"192.168.{number}.0/24"}
        await member.create("subnet", service_types=[kind], **values)
    port = await member.create("port", network_id=network["id"], device_owner="test:two")
    assert port["fixed_ips"][0]["ip_address"].startswith("192.168.2.")


async def test_routers_are_of_flavors_for_routers(admin, member):
    body = {"flavor": {"name": "other", "service_type": "FLAVORS"}}
    made = (await admin.call("POST", "/flavors", body, expect=201))["flavor"]
    refused = await member.create("router", expect=400, flavor_id=made["id"])
    assert refused["type"] == "InvalidServiceType"
    body["flavor"]["service_type"] = "VPN"
    await admin.call("POST", "/flavors", body, expect=400)
