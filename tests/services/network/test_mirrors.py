"""Tap mirrors: guests' ports whose packets are sent elsewhere, too."""

import pytest

from cumulo.services.network.drivers.specs import Kind, MirrorSpec

PATH = "/taas/tap_mirrors"


@pytest.fixture
async def port(member):
    network = await member.create("network")
    return await member.create("port", network_id=network["id"])


async def mirror(client, port, expect=201, **changes):
    values = {"remote_ip": "192.0.2.9", "mirror_type": "gre", "directions": {"IN": "101", "OUT": 102}}
    body = {"tap_mirror": {"port_id": port["id"], **values, **changes}}
    made = await client.call("POST", PATH, body, expect=expect)
    return made["tap_mirror"] if expect == 201 else made["NeutronError"]


async def test_a_mirror_is_realised_once_its_port_is_there_and_goes_with_it(
    admin, member, port, cloud, driver
):
    made = await mirror(admin, port, project_id=port["project_id"], name="watch")
    assert made["directions"] == {"IN": 101, "OUT": 102}
    await cloud.tasks.settle()
    spec = MirrorSpec(
        id=made["id"], port_id=port["id"], tunnel="gre", sink="192.0.2.9", inward=101, outward=102
    )
    assert driver.specs[Kind.MIRROR, made["id"]] == spec
    assert [one["id"] for one in (await member.show(f"{PATH}?name=watch"))["tap_mirrors"]] == [made["id"]]
    renamed = {"tap_mirror": {"name": "look"}}
    changed = await member.call("PUT", f"{PATH}/{made['id']}", renamed, expect=200)
    assert changed["tap_mirror"]["name"] == "look"
    await member.delete(f"/ports/{port['id']}")
    await cloud.tasks.settle()
    await member.show(f"{PATH}/{made['id']}", expect=404)
    assert (Kind.MIRROR, made["id"]) not in driver.specs


async def test_a_mirror_of_one_direction_by_erspan_ends_when_it_is_deleted(admin, port, cloud, driver):
    made = await mirror(admin, port, mirror_type="erspanv1", directions={"OUT": 7}, remote_ip="2001:db8::9")
    await cloud.tasks.settle()
    spec = driver.specs[Kind.MIRROR, made["id"]]
    assert (spec.tunnel, spec.sink, spec.inward, spec.outward) == ("erspan", "2001:db8::9", None, 7)
    await admin.delete(f"{PATH}/{made['id']}")
    await cloud.tasks.settle()
    assert (Kind.MIRROR, made["id"]) not in driver.specs


@pytest.mark.parametrize(
    "changes",
    [
        {"remote_ip": "nowhere"},
        {"remote_ip": "127.0.0.1"},
        {"remote_ip": "224.0.0.1"},
        {"mirror_type": "vxlan"},
        {"mirror_type": "erspanv1", "directions": {"IN": 1024}},
        {"directions": {}},
        {"directions": {"BOTH": 1}},
        {"directions": {"IN": -1}},
        {"directions": {"IN": 2**32}},
        {"directions": {"IN": 1, "OUT": 1}},
        {"directions": {"IN": "one"}},
    ],
)
async def test_a_mirror_that_cannot_be_is_refused(admin, port, changes):
    await mirror(admin, port, expect=400, **changes)
    assert (await admin.show(PATH))["tap_mirrors"] == []


async def test_a_tunnel_is_of_one_mirror(admin, port):
    await mirror(admin, port)
    refused = await mirror(admin, port, expect=409, directions={"OUT": 101})
    assert refused["type"] == "TapMirrorTunnelConflict"
    await mirror(admin, port, directions={"OUT": 101}, remote_ip="192.0.2.10")


async def test_only_an_administrator_has_hosts_send_elsewhere_and_no_other_project_sees_it(
    admin, member, other, port
):
    await mirror(member, port, expect=403)
    made = await mirror(admin, port, project_id=port["project_id"])
    await other.show(f"{PATH}/{made['id']}", expect=404)
    await member.delete(f"{PATH}/{made['id']}")


async def test_a_routers_port_is_not_mirrored(admin, cloud):
    network = await admin.create("network")
    subnet = await admin.create("subnet", network_id=network["id"], cidr="10.9.0.0/24", ip_version=4)
    router = await admin.create("router")
    body = {"subnet_id": subnet["id"]}
    added = await admin.call("PUT", f"/routers/{router['id']}/add_router_interface", body, expect=200)
    await mirror(admin, {"id": added["port_id"]}, expect=400)
    await mirror(admin, {"id": router["id"]}, expect=404)
