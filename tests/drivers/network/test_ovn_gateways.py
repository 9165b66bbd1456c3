"""Several ways out, distributed floating IPs, NDP proxies, logs and tags through real OVN."""

import asyncio
import subprocess

import msgspec
import pytest

from cumulo.node.ports.counters import Counters
from cumulo.services.network.drivers.specs import (
    FloatingIpSpec,
    GatewaySpec,
    InterfaceSpec,
    Kind,
    LogSpec,
    MeterSpec,
    NetworkSpec,
    PortSpec,
    QosSpec,
    RouterSpec,
    RuleSpec,
    SecurityGroupSpec,
)
from cumulo.testing.network import FLOATING, GROUP, INSIDE, OUTSIDE, ROUTER, SUBNET, port
from cumulo.testing.site import HOST, SIZE

pytestmark = pytest.mark.engines

FARTHER = NetworkSpec(id="net-far", name="farther", mtu=1500)
SECOND = GatewaySpec(
    interface=InterfaceSpec(
        port_id="port-far", network_id="net-far", mac="fa:16:3e:00:02:09", networks=("172.31.253.10/24",)
    ),
    next_hops=("172.31.253.1",),
    snat_address="172.31.253.10",
    snat_cidrs=("10.50.0.0/24",),
    address="172.31.253.10",
    qos=(QosSpec(ingress=True, rate=1000),),
)


@pytest.fixture
def nbctl(central):
    """Ask OVN's own tool."""

    async def ask(*arguments):
        command = ["ovn-nbctl", "--timeout=10", f"--db={central[0]}", *arguments]
        run = subprocess.run
        done = await asyncio.to_thread(run, command, check=True, capture_output=True, text=True)
        return done.stdout

    return ask


async def test_each_way_out_has_its_route_its_translation_and_its_limit(ovn_driver, nbctl):
    router = msgspec.structs.replace(ROUTER, further_gateways=(SECOND,), watched=True)
    other = FloatingIpSpec(
        id="fip2", router_id="router", address="172.31.253.20", fixed_address="10.50.0.12",
        gateway="port-far", chosen=True,
    )  # fmt: skip
    for spec in (INSIDE, OUTSIDE, FARTHER, SUBNET, GROUP, router, other):
        await ovn_driver.ensure(spec)
    routes = await nbctl("lr-route-list", "cumulo-router")
    assert routes.count("0.0.0.0/0") == 2
    assert "lrp-port-far ecmp" in routes
    assert routes.count("bfd") == 2
    (uuid,) = (
        await nbctl("--bare", "--columns=_uuid", "find", "Logical_Router_Port", "name=lrp-port-far")
    ).split()
    chosen = await nbctl("--bare", "--columns=external_ip", "find", "NAT", f"gateway_port={uuid}")
    assert sorted(chosen.split()) == ["172.31.253.10", "172.31.253.20"]
    assert "rate=1000" in await nbctl("qos-list", "cumulo-net-far")
    assert await ovn_driver.differences(router) == []
    await ovn_driver.ensure(ROUTER)
    assert "172.31.253" not in await nbctl("lr-route-list", "cumulo-router")
    assert (await nbctl("--bare", "--columns=_uuid", "list", "BFD")).strip() == ""


async def test_a_gateway_that_does_not_move_has_one_host(ovn_driver, nbctl, central):
    for name, address in (("host-a", "127.0.0.1"), ("host-b", "127.0.0.2")):
        command = ["ovn-sbctl", "--timeout=10", f"--db={central[1]}", "chassis-add", name, "geneve", address]
        await asyncio.to_thread(subprocess.run, command, check=True)
    async with asyncio.timeout(10):
        await ovn_driver._ready()
        await ovn_driver._south.until(lambda: len(ovn_driver._south.rows("Chassis")) == 2)
    for spec, number in ((ROUTER, 2), (msgspec.structs.replace(ROUTER, several=False), 1)):
        for each in (INSIDE, OUTSIDE, spec):
            await ovn_driver.ensure(each)
        held = await nbctl("--bare", "--columns=chassis_name", "list", "Gateway_Chassis")
        assert len(held.split()) == number


async def test_a_distributed_floating_ip_answers_with_a_mac_of_its_own(site):
    distributed = msgspec.structs.replace(
        FLOATING, gateway="port-ex", port_id="port-11", mac="fa:16:3e:00:09:09"
    )
    await site.realise(INSIDE, OUTSIDE, SUBNET, GROUP, port(11), ROUTER, distributed)
    guest = await site.guest(port(11))
    await site.serve(guest, 22)
    await site.serve(site.host.namespace, 9000)
    await site.settle()
    assert await site.fetch(site.host.namespace, "172.31.254.20", 22) == (SIZE, HOST)
    assert await site.fetch(guest, HOST, 9000) == (SIZE, "172.31.254.20")
    known = await asyncio.to_thread(site.host.inside, "ip", "neighbour", "show", "172.31.254.20")
    assert "fa:16:3e:00:09:09" in known


def six(address):
    """Return a network, its port and group, and a router that leads from it to the host."""
    group = SecurityGroupSpec(
        id="88888888-2222-3333-4444-555555555555",
        name="six",
        rules=(
            RuleSpec(id="six-out", ingress=False, version=6),
            RuleSpec(id="six-ping", ingress=True, version=6, protocol="icmp"),
        ),
    )
    guest = PortSpec(
        id="port-sixth", network_id="net-six", mac="fa:16:3e:00:06:0b", addresses=(("s", address),),
        security_groups=(group.id,),
    )  # fmt: skip
    outer = InterfaceSpec(
        port_id="port-six-ex", network_id="net-ex", mac="fa:16:3e:00:06:02", networks=("2001:db8:1::10/64",)
    )
    inner = InterfaceSpec(
        port_id="port-six-gw", network_id="net-six", mac="fa:16:3e:00:06:01", networks=("2001:db8:1:1::1/64",)
    )
    router = RouterSpec(
        id="six", name="six", interfaces=(inner,),
        gateway=GatewaySpec(interface=outer, next_hops=("2001:db8:1::1",)),
    )  # fmt: skip
    return NetworkSpec(id="net-six", name="six", mtu=1442), group, guest, router


async def test_a_neighbour_outside_finds_an_address_that_the_router_answers_for(site):
    address = "2001:db8:1:1::b"
    network, group, guest, router = six(address)
    await site.realise(OUTSIDE, network, group, guest, router)
    inside = await site.guest(guest, static=False)
    await site.ip(inside, "address", "add", f"{address}/64", "dev", "eth0", "nodad")
    await site.ip(inside, "route", "add", "default", "via", "2001:db8:1:1::1")
    # The host takes the whole prefix for neighbours of its own: it finds none that no one answers for.
    host = site.host.namespace
    await site.ip(host, "address", "add", "2001:db8:1::1/64", "dev", "br-ex", "nodad")
    await site.ip(host, "route", "add", "2001:db8:1:1::/64", "dev", "br-ex")
    await site.settle()
    assert not await site.pings(host, address)
    await site.driver.ensure(msgspec.structs.replace(router, proxied=(address,)))
    await site.settle()
    assert await site.pings(host, address, patience=10)


async def test_a_host_writes_down_what_a_group_drops_and_lets_pass(site):
    logged = msgspec.structs.replace(GROUP, logs=(LogSpec(id="one"),))
    await site.realise(INSIDE, OUTSIDE, SUBNET, logged, port(11), ROUTER, FLOATING)
    guest = await site.guest(port(11))
    await site.serve(guest, 22)
    await site.settle()
    assert await site.fetch(site.host.namespace, "172.31.254.20", 22) == (SIZE, HOST)
    assert await site.fetch(site.host.namespace, "172.31.254.20", 23, patience=1) is None
    written = site.host.folder / "ovn-controller.out"
    async with asyncio.timeout(10):
        while True:
            lines = [line for line in written.read_text().splitlines() if 'name="cumulo-one"' in line]
            verdicts = {word for line in lines for word in ("verdict=allow", "verdict=drop") if word in line}
            if len(verdicts) == 2:
                break
            await asyncio.sleep(0.1)
    assert any("tp_dst=23" in line and "verdict=drop" in line for line in lines)
    await site.driver.remove(Kind.FLOATING_IP, FLOATING.id)


async def test_one_port_of_a_group_is_logged(ovn_driver, nbctl):
    logged = msgspec.structs.replace(GROUP, logs=(LogSpec(id="one", dropped=False, port="port-11"),))
    for spec in (INSIDE, SUBNET, logged, port(11)):
        await ovn_driver.ensure(spec)
    acls = await nbctl("acl-list", "cumulo_11111111_2222_3333_4444_555555555555")
    named = 'log(name=cumulo-one,severity=info,meter="cumulo_log")'
    assert '(outport == "port-11" && ip4 && tcp && tcp.dst == 22) allow-related' in acls
    assert acls.count(named) == 2, acls
    assert "cumulo_log" in await nbctl("meter-list")
    await ovn_driver.ensure(GROUP)
    assert "log(" not in await nbctl("acl-list", "cumulo_11111111_2222_3333_4444_555555555555")


async def test_a_network_of_several_segments_has_a_way_to_each(ovn_driver, nbctl):
    network = NetworkSpec(
        id="wide", name="wide", mtu=1500, physical_network="rack1", vlan=11, qinq=True,
        further=(("s2", "rack2", 12),),
    )  # fmt: skip
    await ovn_driver.ensure(network)
    tags = await nbctl("--bare", "--columns=name,tag", "find", "Logical_Switch_Port", "type=localnet")
    assert tags.split() == ["provnet-wide", "11", "provnet-wide-s2", "12"] or tags.split() == [
        "provnet-wide-s2", "12", "provnet-wide", "11",
    ]  # fmt: skip
    options = await nbctl("lsp-get-options", "provnet-wide")
    assert "ethtype=802.11ad" in options
    assert "vlan-passthru" in await nbctl("get", "Logical_Switch", "cumulo-wide", "other_config")


SEND = """
import socket, struct, sys
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("eth0", 0))
source, target = (bytes.fromhex(mac.replace(":", "")) for mac in sys.argv[1:3])
for _ in range(3):
    link.send(target + source + struct.pack("!HHH", 0x8100, 7, 0x88B5) + b"tagged".ljust(60))
print("sent", flush=True)
"""
HEAR = """
import socket, sys
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
link.bind(("eth0", 0))
link.settimeout(float(sys.argv[1]))
print("ready", flush=True)
try:
    while b"tagged" not in link.recv(2048):
        pass
    print("heard", flush=True)
except TimeoutError:
    print("silence", flush=True)
"""


async def test_guests_tags_pass_through_a_transparent_network(site):
    """Frames of an Ethernet type of their own: only the tag can keep them from their neighbour."""
    loose = [port(n, port_security=False, security_groups=()) for n in (11, 12)]
    await site.realise(INSIDE, SUBNET, *loose)
    one, two = [await site.guest(spec) for spec in loose]

    async def heard(patience):
        hearing = await site.run(two, HEAR, str(patience), says=b"ready\n")
        await site.run(one, SEND, loose[0].mac, loose[1].mac, says=b"sent\n")
        return await asyncio.to_thread(hearing.stdout.readline)

    await site.settle()
    assert await heard(1) == b"silence\n"
    await site.driver.ensure(msgspec.structs.replace(INSIDE, transparent=True))
    await site.settle()
    assert await heard(5) == b"heard\n"


async def test_the_switch_counts_what_passes_a_gateway(site):
    meters = (
        MeterSpec(mark=77, ingress=False, prefix="172.31.254.0/24"),
        MeterSpec(mark=78, ingress=True, prefix="0.0.0.0/0"),
        MeterSpec(mark=79, ingress=True, prefix="198.51.100.0/24"),
    )
    router = msgspec.structs.replace(ROUTER, meters=meters)
    await site.realise(INSIDE, OUTSIDE, SUBNET, GROUP, port(11), router, FLOATING)
    guest = await site.guest(port(11))
    await site.serve(site.host.namespace, 9000)
    await site.settle()
    assert await site.fetch(guest, HOST, 9000) == (SIZE, "172.31.254.20")
    counters = Counters(site.host.folder / "br-int.mgmt")
    async with asyncio.timeout(20):  # the switch gathers what its cache has seen now and then
        while True:
            found = {count.mark: count for count in await counters.counts()}
            if found[78].bytes > SIZE:
                break
            await asyncio.sleep(0.2)
    assert SIZE > found[77].bytes > 0
    assert found[79].packets == 0
