"""The network API over HTTP, as clients of neutron use it."""

import pytest

from cumulo.services.network.drivers.specs import Kind


@pytest.fixture
async def external(admin):
    network = await admin.create("network", name="public", **{"router:external": True})
    cidr = {"cidr": "172.24.9.0/24", "ip_version": 4, "enable_dhcp": False}
    await admin.create("subnet", network_id=network["id"], **cidr)
    return network


@pytest.fixture
async def network(member):
    made = await member.create("network", name="net")
    await member.create("subnet", network_id=made["id"], cidr="10.0.0.0/24", ip_version=4)
    return (await member.show(f"/networks/{made['id']}"))["network"]


async def test_a_network_has_neutrons_attributes(member):
    network = await member.create("network", name="net")
    assert network["status"] == "ACTIVE"
    assert network["tenant_id"] == network["project_id"] == "p1"
    assert network["router:external"] is False
    assert network["subnets"] == []
    assert network["revision_number"] >= 1
    assert network["created_at"].endswith("Z")
    assert "provider:network_type" not in network


async def test_several_networks_are_created_at_once(member):
    body = {"networks": [{"name": "a"}, {"name": "b"}]}
    made = await member.call("POST", "/networks", body, expect=201)
    assert [network["name"] for network in made["networks"]] == ["a", "b"]


async def test_only_an_administrator_makes_external_and_shared_networks(member, admin, other):
    await member.create("network", shared=False, **{"router:external": False})  # says nothing
    refused = await member.create("network", expect=403, shared=True)
    assert refused["type"] == "PolicyNotAuthorized"
    shared = await admin.create("network", name="shared", shared=True)
    seen = await other.show(f"/networks/{shared['id']}")
    assert seen["network"]["shared"] is True
    await other.call("PUT", f"/networks/{shared['id']}", {"network": {"name": "x"}}, expect=403)


async def test_another_project_sees_no_network(network, other):
    refused = await other.show(f"/networks/{network['id']}", expect=404)
    assert refused["NeutronError"]["type"] == "NetworkNotFound"
    await other.delete(f"/networks/{network['id']}", expect=404)
    assert (await other.show("/networks"))["networks"] == []


async def test_an_unknown_attribute_is_named(member):
    refused = await member.create("network", expect=400, nme="x")
    assert "'nme'" in refused["message"]


async def test_a_subnet_gets_gateway_and_pool(member, network):
    (subnet_id,) = network["subnets"]
    subnet = (await member.show(f"/subnets/{subnet_id}"))["subnet"]
    assert subnet["gateway_ip"] == "10.0.0.1"
    assert subnet["allocation_pools"] == [{"start": "10.0.0.2", "end": "10.0.0.254"}]
    body = {"network_id": network["id"], "cidr": "10.0.0.128/25", "ip_version": 4}
    overlap = await member.create("subnet", expect=400, **body)
    assert "overlap" in overlap["message"]


async def test_ports_get_the_next_free_address_and_the_default_group(member, network):
    ports = [await member.create("port", network_id=network["id"]) for _ in range(2)]
    addresses = [port["fixed_ips"][0]["ip_address"] for port in ports]
    assert len(set(addresses)) == 2
    groups = (await member.show("/security-groups?name=default"))["security_groups"]
    assert ports[0]["security_groups"] == [groups[0]["id"]]
    found = await member.show(f"/ports?fixed_ips=ip_address={addresses[1]}")
    assert [port["id"] for port in found["ports"]] == [ports[1]["id"]]
    assert "binding:host_id" not in ports[0]


async def test_a_port_that_a_server_has_is_not_a_members_to_delete(member, admin, network):
    made = await member.create("port", network_id=network["id"], device_owner="compute:nova")
    free = await member.create("port", network_id=network["id"], device_owner="somebody:else")
    await member.delete(f"/ports/{made['id']}", expect=403)
    await member.delete(f"/ports/{free['id']}")
    await admin.delete(f"/ports/{made['id']}")


async def test_a_subnet_that_is_not_there_for_a_project_is_told_of_by_its_own_id(member, other, network):
    subnet = await member.create("subnet", network_id=network["id"], ip_version=4, cidr="10.77.0.0/24")
    router = await other.create("router")
    path = f"/routers/{router['id']}/add_router_interface"
    told = await other.call("PUT", path, {"subnet_id": subnet["id"]}, expect=404)
    assert subnet["id"] in told["NeutronError"]["message"]
    assert network["id"] not in told["NeutronError"]["message"]


async def test_a_router_connects_and_keeps_what_it_needs(member, network, external):
    router = await member.create("router", name="r", external_gateway_info={"network_id": external["id"]})
    assert router["external_gateway_info"]["external_fixed_ips"][0]["ip_address"].startswith("172.24.9.")
    (subnet_id,) = network["subnets"]
    path = f"/routers/{router['id']}"
    body = {"subnet_id": subnet_id}
    added = await member.call("PUT", f"{path}/add_router_interface", body, expect=200)
    assert added["subnet_id"] == subnet_id
    in_use = await member.delete(path, expect=409)
    assert in_use["NeutronError"]["type"] == "RouterInUse"
    owned = await member.delete(f"/ports/{added['port_id']}", expect=409)
    assert owned["NeutronError"]["type"] == "ServicePortInUse"
    await member.call("PUT", f"{path}/remove_router_interface", body, expect=200)
    await member.delete(path)


async def test_a_floating_ip_leads_to_a_port_and_away_again(member, network, external):
    (subnet_id,) = network["subnets"]
    router = await member.create("router", external_gateway_info={"network_id": external["id"]})
    interface = {"subnet_id": subnet_id}
    await member.call("PUT", f"/routers/{router['id']}/add_router_interface", interface, expect=200)
    port = await member.create("port", network_id=network["id"])
    made = await member.create("floatingip", floating_network_id=external["id"], port_id=port["id"])
    assert made["status"] == "ACTIVE"
    assert made["fixed_ip_address"] == port["fixed_ips"][0]["ip_address"]
    path = f"/floatingips/{made['id']}"
    freed = await member.call("PUT", path, {"floatingip": {"port_id": None}}, expect=200)
    assert freed["floatingip"]["port_id"] is None
    assert freed["floatingip"]["status"] == "DOWN"
    await member.delete(path)


async def test_a_floating_ip_needs_a_way_to_its_port(member, network, external):
    port = await member.create("port", network_id=network["id"])
    values = {"floating_network_id": external["id"], "port_id": port["id"]}
    refused = await member.create("floatingip", expect=404, **values)
    assert refused["type"] == "ExternalGatewayForFloatingIPNotFound"


async def test_rules_of_a_group_are_listed_with_it_and_not_doubled(member):
    group = await member.create("security_group", name="web")
    assert {rule["direction"] for rule in group["security_group_rules"]} == {"egress"}
    rule = {"security_group_id": group["id"], "direction": "ingress", "protocol": "tcp"}
    rule |= {"port_range_min": 22, "port_range_max": 22}
    await member.create("security_group_rule", **rule)
    again = await member.create("security_group_rule", expect=409, **rule)
    assert again["type"] == "SecurityGroupRuleExists"
    shown = (await member.show(f"/security-groups/{group['id']}"))["security_group"]
    assert len(shown["security_group_rules"]) == 3


async def test_lists_show_only_fields_asked_for(member, network):
    listed = await member.show("/networks?fields=id&fields=name")
    assert listed["networks"] == [{"id": network["id"], "name": "net"}]


async def test_tags_are_added_and_taken_away(member, network):
    path = f"/networks/{network['id']}/tags"
    await member.call("PUT", f"{path}/red", expect=201)
    assert (await member.show(path))["tags"] == ["red"]
    await member.delete(f"{path}/blue", expect=404)
    await member.delete(path)
    assert (await member.show(path))["tags"] == []


async def test_limits_hold_and_are_shown(member, admin):
    limits = {"network": "1", "force": False}  # as the command line client writes them
    await admin.call("PUT", "/quotas/p1", {"quota": limits}, expect=200)
    await member.create("network")
    refused = await member.create("network", expect=409)
    assert refused["type"] == "OverQuota"
    details = (await member.show("/quotas/p1/details"))["quota"]
    assert details["network"] == {"limit": 1, "used": 1, "reserved": 0}
    await member.show("/quotas/p2", expect=403)


async def test_what_is_built_is_said(member):
    aliases = {each["alias"] for each in (await member.show("/extensions"))["extensions"]}
    assert {"router", "security-group", "external-net"} <= aliases
    await member.show("/extensions/nothing", expect=404)


async def test_providers_are_listed_by_what_they_provide(member):
    path = "/service-providers"
    (router,) = (await member.show(path))["service_providers"]
    assert (router["service_type"], router["name"]) == ("L3_ROUTER_NAT", "ovn")
    assert (await member.show(f"{path}?service_type=L3_ROUTER_NAT"))["service_providers"] == [router]
    assert (await member.show(f"{path}?service_type=VPN"))["service_providers"] == []


async def test_everything_realised_reaches_the_data_plane(cloud, driver, member, network):
    await member.create("port", network_id=network["id"])
    await cloud.settle()
    await cloud.tasks.settle()
    there = await driver.describe()
    assert {kind.value for kind, _ in there} >= {"network", "subnet", "port", "security_group"}


async def test_numbers_and_truths_may_be_text(member):
    network = await member.create("network", mtu="1300", admin_state_up="false")
    assert network["mtu"] == 1300
    assert network["admin_state_up"] is False


async def test_a_guest_on_anothers_network_cannot_choose_who_it_is(member, other, admin):
    shared = await admin.create("network", name="shared", shared=True)
    cidr = {"cidr": "10.7.0.0/24", "ip_version": 4}
    await admin.create("subnet", network_id=shared["id"], **cidr)
    port = await other.create("port", network_id=shared["id"], device_owner="note:mine")
    for said in (
        {"mac_address": "fa:16:3e:01:02:03"},
        {"fixed_ips": [{"ip_address": "10.7.0.9"}]},
        {"port_security_enabled": False},
        {"allowed_address_pairs": [{"ip_address": "10.7.0.9"}]},
        {"device_owner": "network:dhcp"},
    ):
        refused = await other.create("port", expect=403, network_id=shared["id"], **said)
        assert refused["type"] == "PolicyNotAuthorized"
        if "mac_address" not in said:
            await other.call("PUT", f"/ports/{port['id']}", {"port": said}, expect=403)


async def test_no_client_makes_a_routers_or_the_metadata_port(member, network, external):
    router = await member.create("router", external_gateway_info={"network_id": external["id"]})
    for owner in ("network:router_interface", "network:router_gateway", "network:distributed"):
        values = {"device_owner": owner, "device_id": router["id"]}
        refused = await member.create("port", expect=400, network_id=network["id"], **values)
        assert refused["type"] == "InvalidInput"
    (subnet_id,) = network["subnets"]
    interface = {"subnet_id": subnet_id}
    path = f"/routers/{router['id']}/add_router_interface"
    added = await member.call("PUT", path, interface, expect=200)
    moved = {"port": {"device_owner": "", "device_id": ""}}
    await member.call("PUT", f"/ports/{added['port_id']}", moved, expect=409)


async def test_a_port_has_dhcp_options_of_its_own(cloud, driver, member, network):
    options = [
        {"opt_name": "bootfile-name", "opt_value": "pxelinux.0"},
        {"opt_name": "150", "opt_value": "192.0.2.9", "ip_version": "4"},
    ]
    port = await member.create("port", network_id=network["id"], extra_dhcp_opts=options)
    assert port["extra_dhcp_opts"] == [
        {"opt_name": "bootfile-name", "opt_value": "pxelinux.0", "ip_version": 4},
        {"opt_name": "150", "opt_value": "192.0.2.9", "ip_version": 4},
    ]
    await cloud.settle()
    spec = driver.specs[Kind.PORT, port["id"]]
    assert spec.dhcp_options_v4 == (("bootfile_name", "pxelinux.0"), ("tftp_server_address", "192.0.2.9"))
    change = [{"opt_name": "150", "opt_value": None}, {"opt_name": "mtu", "opt_value": "1400"}]
    body = {"port": {"extra_dhcp_opts": change}}
    changed = await member.call("PUT", f"/ports/{port['id']}", body, expect=200)
    named = [entry["opt_name"] for entry in changed["port"]["extra_dhcp_opts"]]
    assert named == ["bootfile-name", "mtu"]
    wrong = [{"opt_name": "no-such-option", "opt_value": "1"}]
    refused = await member.create("port", expect=400, network_id=network["id"], extra_dhcp_opts=wrong)
    assert "no-such-option" in refused["message"]


async def test_ports_with_options_of_their_own_follow_their_subnet(cloud, driver, member, network):
    option = {"opt_name": "mtu", "opt_value": "1400"}
    own = await member.create("port", network_id=network["id"], extra_dhcp_opts=[option])
    plain = await member.create("port", network_id=network["id"])
    await cloud.settle()
    realised = []
    ensure = driver.ensure

    async def noting(spec):
        realised.append(spec.id)
        await ensure(spec)

    driver.ensure = noting
    (subnet_id,) = network["subnets"]
    body = {"subnet": {"dns_nameservers": ["192.0.2.54"]}}
    await member.call("PUT", f"/subnets/{subnet_id}", body, expect=200)
    await cloud.settle()
    assert own["id"] in realised
    assert plain["id"] not in realised


async def test_there_are_no_availability_zones_and_none_can_be_asked_for(member):
    assert (await member.show("/availability_zones"))["availability_zones"] == []
    for kind in ("network", "router"):
        refused = await member.create(kind, expect=404, availability_zone_hints=["nova"])
        assert refused["type"] == "AvailabilityZoneNotFound"
    (provider,) = (await member.show("/service-providers"))["service_providers"]
    assert provider["name"] == "ovn"


async def test_an_administrator_sees_how_many_addresses_are_left(member, admin, network):
    await member.create("port", network_id=network["id"])
    path = f"/network-ip-availabilities/{network['id']}"
    shown = (await admin.show(path))["network_ip_availability"]
    assert (shown["network_name"], shown["total_ips"], shown["used_ips"]) == ("net", 253, 2)
    (line,) = shown["subnet_ip_availability"]
    assert (line["cidr"], line["used_ips"]) == ("10.0.0.0/24", 2)
    listed = await admin.show("/network-ip-availabilities?network_name=net&ip_version=4")
    assert listed["network_ip_availabilities"] == [shown]
    await admin.show("/network-ip-availabilities?ip_version=5", expect=400)
    await admin.show("/network-ip-availabilities/none", expect=404)
    await member.show(path, expect=403)
