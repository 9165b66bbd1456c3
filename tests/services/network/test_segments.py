"""What networks consist of at layer 2, and which addresses ports get of it."""

import pytest

from cumulo.services.network.drivers.specs import HostState, Kind


def provider(kind, physical=None, number=None):
    given = {"network_type": kind, "physical_network": physical, "segmentation_id": number}
    return {f"provider:{name}": value for name, value in given.items() if value is not None}


async def ids(admin, network):
    rows = (await admin.show(f"/segments?network_id={network['id']}&sort_key=segmentation_id"))["segments"]
    return [row["id"] for row in rows]


@pytest.fixture
async def hosts(cloud, driver):
    """Two hosts, each on a physical network of its own."""
    driver.known_hosts = [
        HostState(name=f"c{n}", host=f"host{n}", physical_networks=(f"rack{n}",)) for n in (1, 2)
    ]
    cloud.tasks.wake("network.hosts")
    await cloud.tasks.settle()


@pytest.fixture
async def routed(admin):
    """A network of two VLANs with a subnet on each."""
    network = await admin.create("network", segments=[provider("vlan", f"rack{n}", 10 + n) for n in (1, 2)])
    for number, segment in enumerate(await ids(admin, network), 1):
        cidr = f"10.0.{number}.0/24"
        await admin.create("subnet", network_id=network["id"], cidr=cidr, ip_version=4, segment_id=segment)
    return network


async def test_a_network_of_several_segments_shows_them_and_reaches_each(admin, member, cloud, driver):
    wanted = [provider("geneve"), provider("vlan", "rack1", 11), provider("vlan", "rack2", 12)]
    network = await admin.create("network", segments=wanted)
    assert network["segments"] == [
        {f"provider:{name}": given.get(f"provider:{name}") for name in
         ("network_type", "physical_network", "segmentation_id")} for given in wanted
    ]  # fmt: skip
    assert "provider:network_type" not in network
    await cloud.tasks.settle()
    spec = driver.specs[Kind.NETWORK, network["id"]]
    assert spec.physical_network is None
    assert [(physical, vlan) for _, physical, vlan in spec.further] == [("rack1", 11), ("rack2", 12)]
    await member.create("network", expect=403, segments=wanted)
    refused = await admin.create("network", expect=400, segments=wanted, **provider("geneve"))
    assert refused["type"] == "SegmentsSetInConjunctionWithProviders"


async def test_segments_come_and_go(admin, member, cloud, driver):
    network = await admin.create("network", **provider("vlan", "rack1", 5))
    (only,) = await ids(admin, network)
    kept = await admin.delete(f"/segments/{only}", expect=409)
    assert "no other" in kept["NeutronError"]["message"]
    values = {"network_id": network["id"], "network_type": "vlan", "physical_network": "rack2"}
    body = {"segment": {**values, "segmentation_id": 6, "name": "second"}}
    made = (await admin.call("POST", "/segments", body, expect=201))["segment"]
    assert (made["name"], made["segmentation_id"]) == ("second", 6)
    await admin.call("PUT", f"/segments/{made['id']}", {"segment": {"description": "row 2"}}, expect=200)
    await admin.delete(f"/segments/{only}")
    await cloud.tasks.settle()
    spec = driver.specs[Kind.NETWORK, network["id"]]
    assert (spec.physical_network, spec.vlan, spec.further) == ("rack2", 6, ())
    assert (await admin.show(f"/networks/{network['id']}"))["network"]["provider:segmentation_id"] == 6
    assert (await member.show("/segments"))["segments"] == []
    await member.show(f"/segments/{made['id']}", expect=404)
    await member.call("POST", "/segments", body, expect=403)


async def test_networks_are_found_by_their_first_segment(admin):
    wide = await admin.create(
        "network", segments=[provider("vlan", "rack1", 3), provider("vlan", "rack2", 3)]
    )
    narrow = await admin.create("network", **provider("vlan", "rack1", 4))
    for asked, found in (("provider:network_type=vlan", {wide["id"], narrow["id"]}),
                         ("provider:segmentation_id=4", {narrow["id"]})):  # fmt: skip
        rows = (await admin.show(f"/networks?{asked}&fields=id"))["networks"]
        assert {row["id"] for row in rows} == found


async def test_a_vlan_is_one_networks_and_a_tag_is_a_number_that_there_is(admin):
    await admin.create("network", **provider("vlan", "rack1", 7))
    taken = await admin.create("network", expect=409, **provider("vlan", "rack1", 7))
    assert taken["type"] == "VlanIdInUse"
    await admin.create("network", **provider("vlan", "rack2", 7))
    await admin.create("network", **provider("flat", "rack1"))
    taken = await admin.create("network", expect=409, **provider("flat", "rack1"))
    assert taken["type"] == "FlatNetworkInUse"
    await admin.create("network", expect=400, **provider("vlan", "rack1", 4095))
    await admin.create("network", expect=400, **provider("flat", "rack3", 1))


async def test_ports_on_routed_networks_wait_for_their_host(admin, routed, hosts, member):
    assert (await admin.show(f"/networks/{routed['id']}"))["network"]["l2_adjacency"] is False
    port = await admin.create("port", network_id=routed["id"])
    assert (port["fixed_ips"], port["ip_allocation"]) == ([], "deferred")
    body = {"port": {"binding:host_id": "host2"}}
    port = (await admin.call("PUT", f"/ports/{port['id']}", body, expect=200))["port"]
    assert port["ip_allocation"] == "immediate"
    assert port["fixed_ips"][0]["ip_address"].startswith("10.0.2.")
    there = await admin.create("port", network_id=routed["id"], **{"binding:host_id": "host1"})
    assert there["fixed_ips"][0]["ip_address"].startswith("10.0.1.")
    body = {"port": {"binding:host_id": "host1"}}
    refused = await admin.call("PUT", f"/ports/{port['id']}", body, expect=409)
    assert refused["NeutronError"]["type"] == "HostConnectedToNoSegment"
    nowhere = {"binding:host_id": "elsewhere"}
    await admin.create("port", expect=409, network_id=routed["id"], **nowhere)


async def test_guests_of_a_segment_are_told_of_the_others(admin, routed, cloud, driver):
    shown = (await admin.show(f"/subnets?network_id={routed['id']}&sort_key=cidr"))["subnets"]
    assert [subnet["host_routes"] for subnet in shown] == [
        [{"destination": "10.0.2.0/24", "nexthop": "10.0.1.1"}],
        [{"destination": "10.0.1.0/24", "nexthop": "10.0.2.1"}],
    ]
    await admin.delete(f"/subnets/{shown[1]['id']}")
    assert (await admin.show(f"/subnets/{shown[0]['id']}"))["subnet"]["host_routes"] == []
    used = await admin.delete(f"/segments/{shown[0]['segment_id']}", expect=409)
    assert "subnet is on it" in used["NeutronError"]["message"]
    refused = await admin.create(
        "subnet", expect=400, network_id=routed["id"], cidr="10.9.0.0/24", ip_version=4
    )
    assert refused["type"] == "SubnetsNotAllAssociatedWithSegments"


async def test_networks_take_vlans_from_ranges(admin, member):
    values = {"name": "ours", "network_type": "vlan", "physical_network": "rack1"}
    body = {"network_segment_range": {**values, "minimum": 100, "maximum": 101}}
    made = (await admin.call("POST", "/network_segment_ranges", body, expect=201))["network_segment_range"]
    assert (made["available"], made["used"], made["shared"]) == ([100, 101], {}, True)
    overlapping = await admin.call("POST", "/network_segment_ranges", body, expect=409)
    assert overlapping["NeutronError"]["type"] == "NetworkSegmentRangeOverlaps"
    numbers = [(await admin.create("network", **provider("vlan")))["provider:segmentation_id"] for _ in "12"]
    assert numbers == [100, 101]
    refused = await admin.create("network", expect=409, **provider("vlan", "rack1"))
    assert refused["type"] == "NoNetworkAvailable"
    path = f"/network_segment_ranges/{made['id']}"
    assert (await admin.show(path))["network_segment_range"]["used"].keys() == {"100", "101"}
    used = await admin.call("PUT", path, {"network_segment_range": {"minimum": 101}}, expect=409)
    assert used["NeutronError"]["type"] == "NetworkSegmentRangeReferencedByProject"
    await admin.call("PUT", path, {"network_segment_range": {"maximum": 105}}, expect=200)
    await admin.delete(path, expect=409)
    tunnels = {"network_segment_range": {**values, "network_type": "geneve", "minimum": 1, "maximum": 2}}
    await admin.call("POST", "/network_segment_ranges", tunnels, expect=400)
    await member.show(path, expect=404)


async def test_a_projects_range_is_for_its_networks_alone(admin):
    values = {"network_type": "vlan", "physical_network": "rack1", "minimum": 5, "maximum": 9}
    body = {"network_segment_range": {**values, "shared": False, "project_id": "p1"}}
    await admin.call("POST", "/network_segment_ranges", body, expect=201)
    await admin.create("network", expect=409, **provider("vlan"))
    mine = await admin.create("network", project_id="p1", **provider("vlan"))
    assert mine["provider:segmentation_id"] == 5


async def test_tags_of_guests_pass_where_the_network_lets_them(admin, member, cloud, driver):
    open_ = await member.create("network", vlan_transparent=True)
    nested = await admin.create("network", qinq=True, **provider("vlan", "rack1", 9))
    assert (open_["vlan_transparent"], nested["qinq"]) == (True, True)
    await cloud.tasks.settle()
    assert driver.specs[Kind.NETWORK, open_["id"]].transparent
    assert driver.specs[Kind.NETWORK, nested["id"]].qinq
    await member.create("network", expect=400, qinq=True)
    await admin.create("network", expect=400, qinq=True, vlan_transparent=True, **provider("vlan", "r", 2))
