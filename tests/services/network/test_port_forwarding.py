"""Port forwarding of floating IPs."""

import asyncio

import pytest

from cumulo.services.network.drivers.specs import Kind


class World:
    """A port behind a router, and a floating IP that leads nowhere yet."""

    def __init__(self, network, router, port, floating):
        self.network, self.router, self.port, self.floating = network, router, port, floating
        self.path = f"/floatingips/{floating}/port_forwardings"


@pytest.fixture
async def world(member, admin):
    outside = await admin.create("network", **{"router:external": True})
    await admin.create("subnet", network_id=outside["id"], cidr="192.0.2.0/24", ip_version=4)
    network = await member.create("network")
    subnet = await member.create("subnet", network_id=network["id"], cidr="10.0.0.0/24", ip_version=4)
    router = await member.create("router", external_gateway_info={"network_id": outside["id"]})
    path = f"/routers/{router['id']}/add_router_interface"
    await member.call("PUT", path, {"subnet_id": subnet["id"]}, expect=200)
    port = await member.create("port", network_id=network["id"], name="web")
    floating = await member.create("floatingip", floating_network_id=outside["id"])
    return World(network["id"], router["id"], port, floating["id"])


async def forward(client, world, expect=201, **values):
    body = {"internal_port_id": world.port["id"], "protocol": "tcp", **values}
    made = await client.call("POST", world.path, {"port_forwarding": body}, expect=expect)
    return made["port_forwarding"] if expect == 201 else made["NeutronError"]


async def test_a_port_of_a_floating_ip_leads_to_a_port_inside(member, world, cloud, driver):
    made = await forward(member, world, external_port=2222, internal_port=22, description="ssh")
    inside = world.port["fixed_ips"][0]["ip_address"]
    assert made["internal_ip_address"] == inside
    assert (made["external_port"], made["external_port_range"]) == (2222, "2222:2222")
    floating = (await member.show(f"/floatingips/{world.floating}"))["floatingip"]
    assert floating["status"] == "ACTIVE"
    assert floating["router_id"] == world.router
    assert floating["port_forwardings"][0]["internal_port"] == 22
    await cloud.tasks.settle()
    spec = driver.specs[Kind.FLOATING_IP, world.floating]
    assert spec.fixed_address is None
    assert spec.forwards[0].ports == ((2222, 22),)
    await member.delete(f"{world.path}/{made['id']}")
    await cloud.tasks.settle()
    assert (Kind.FLOATING_IP, world.floating) not in driver.specs
    freed = (await member.show(f"/floatingips/{world.floating}"))["floatingip"]
    assert (freed["router_id"], freed["status"]) == (None, "DOWN")


async def test_a_port_that_is_asked_for_by_many_at_once_leads_to_one(member, world):
    body = {"internal_port_id": world.port["id"], "protocol": "tcp", "external_port": 80, "internal_port": 80}
    where = f"/network/v2.0{world.path}"
    calls = [member.client.post(where, json={"port_forwarding": body}) for _ in range(8)]
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [201, *[400] * 7]


async def test_a_floating_ip_leads_to_a_port_or_forwards_ports(member, world):
    body = {"internal_port_id": world.port["id"], "protocol": "tcp", "external_port": 80, "internal_port": 80}
    floating = f"/network/v2.0/floatingips/{world.floating}"
    answers = await asyncio.gather(
        member.client.post(f"/network/v2.0{world.path}", json={"port_forwarding": body}),
        member.client.put(floating, json={"floatingip": {"port_id": world.port["id"]}}),
    )
    assert sorted(answer.is_success for answer in answers) == [False, True]


async def test_ranges_lead_port_by_port_or_to_one(member, world, cloud, driver):
    made = await forward(member, world, external_port_range="8000:8002", internal_port_range="80:82")
    assert "external_port" not in made
    await forward(member, world, external_port_range="9000:9001", internal_port=90)
    await cloud.tasks.settle()
    forwards = {each.ports for each in driver.specs[Kind.FLOATING_IP, world.floating].forwards}
    assert forwards == {((8000, 80), (8001, 81), (8002, 82)), ((9000, 90), (9001, 90))}
    found = await member.show(f"{world.path}?external_port=8001")
    assert [each["id"] for each in found["port_forwardings"]] == [made["id"]]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"external_port": 1}, "internal_port or its range"),
        ({"external_port": 70000, "internal_port": 1}, "not within 1 to 65535"),
        ({"external_port_range": "1:3", "internal_port_range": "1:2"}, "as long as the external"),
        ({"external_port": 1, "external_port_range": "1:1", "internal_port": 1}, "not both"),
        ({"external_port": 1, "internal_port": 1, "protocol": "icmp"}, "protocol 'icmp'"),
        ({"external_port": 1, "internal_port": 1, "internal_ip_address": "10.9.9.9"}, "10.9.9.9"),
    ],
)
async def test_a_forwarding_that_means_nothing_is_refused(member, world, values, says):
    refused = await forward(member, world, expect=400, **values)
    assert says in refused["message"]


async def test_a_floating_ip_leads_as_a_whole_or_by_ports(member, world):
    made = await forward(member, world, external_port=80, internal_port=80)
    taken = await forward(member, world, expect=400, external_port_range="79:81", internal_port=81)
    assert "forwarded already" in taken["message"]
    path = f"/floatingips/{world.floating}"
    whole = {"floatingip": {"port_id": world.port["id"]}}
    refused = await member.call("PUT", path, whole, expect=409)
    assert refused["NeutronError"]["type"] == "FipInUseByPortForwarding"
    await member.delete(f"{world.path}/{made['id']}")
    shown = (await member.call("PUT", path, whole, expect=200))["floatingip"]
    assert shown["port_details"]["name"] == "web"
    refused = await forward(member, world, expect=409, external_port=80, internal_port=80)
    assert refused["type"] == "FloatingIpAssociated"


async def test_what_one_floating_ip_leads_to_another_does_not(member, admin, world):
    network = (await member.show(f"/floatingips/{world.floating}"))["floatingip"]["floating_network_id"]
    second = await member.create("floatingip", floating_network_id=network)
    made = await forward(member, world, external_port=80, internal_port=80)
    refused = await forward(member, world, expect=400, external_port=81, internal_port=80)
    assert made["id"] in refused["message"]
    path, whole = f"/floatingips/{second['id']}", {"floatingip": {"port_id": world.port["id"]}}
    refused = await member.call("PUT", path, whole, expect=409)
    assert refused["NeutronError"]["type"] == "PortHasPortForwarding"
    kept = await member.delete(f"/floatingips/{world.floating}", expect=409)
    assert kept["NeutronError"]["type"] == "FipInUseByPortForwarding"
    await member.delete(f"{world.path}/{made['id']}")
    await member.call("PUT", path, whole, expect=200)
    refused = await forward(member, world, expect=409, external_port=80, internal_port=80)
    assert refused["type"] == "PortHasBindingFloatingIP"
    led = await member.call("PUT", path, {"floatingip": {"description": "the shop"}}, expect=200)
    assert led["floatingip"]["port_id"] == world.port["id"]
    freed = await member.call("PUT", path, {"floatingip": {}}, expect=200)
    assert freed["floatingip"]["port_id"] is None


async def test_a_forwarding_within_its_floating_ip_says_a_port_or_a_range(member, world):
    await forward(member, world, external_port=80, internal_port=80)
    await forward(member, world, external_port_range="90:91", internal_port_range="90:91")
    shown = (await member.show(f"/floatingips/{world.floating}"))["floatingip"]["port_forwardings"]
    ports = [
        {name: value for name, value in one.items() if name.endswith(("port", "range"))} for one in shown
    ]
    assert {"external_port": 80, "internal_port": 80} in ports
    assert {"external_port_range": "90:91", "internal_port_range": "90:91"} in ports


async def test_a_forwarding_changes_and_goes_with_its_port(member, world, cloud, driver):
    made = await forward(member, world, external_port=80, internal_port=80)
    path = f"{world.path}/{made['id']}"
    changed = await member.call("PUT", path, {"port_forwarding": {"internal_port": 8080}}, expect=200)
    assert changed["port_forwarding"]["internal_port"] == 8080
    await cloud.tasks.settle()
    assert driver.specs[Kind.FLOATING_IP, world.floating].forwards[0].ports == ((80, 8080),)
    subnet = {"subnet_id": world.port["fixed_ips"][0]["subnet_id"]}
    needed = f"/routers/{world.router}/remove_router_interface"
    await member.call("PUT", needed, subnet, expect=409)
    await member.delete(f"/ports/{world.port['id']}")
    assert (await member.show(world.path))["port_forwardings"] == []
    await member.call("PUT", needed, subnet, expect=200)


async def test_another_project_sees_no_forwarding(member, other, world):
    made = await forward(member, world, external_port=80, internal_port=80)
    await other.show(world.path, expect=404)
    await other.delete(f"{world.path}/{made['id']}", expect=404)
