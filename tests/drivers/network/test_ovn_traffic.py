"""Real packets through real OVN: what the rows mean to guests.

Guests are network namespaces on a private switch. TCP answers are larger than one packet: with a wrong
checksum or segment offload on the way, pings pass and every connection dies.
"""

import asyncio
import subprocess
import sys
import textwrap
from contextlib import ExitStack

import msgspec
import pytest

from cumulo.services.network.drivers.ovn import OvnDriver
from cumulo.services.network.drivers.specs import (
    GatewaySpec,
    InterfaceSpec,
    Kind,
    NetworkSpec,
    PortSpec,
    RouterSpec,
    RuleSpec,
    SecurityGroupSpec,
    SubnetSpec,
    Use,
)
from cumulo.testing import ovn
from cumulo.testing.network import FLOATING, GROUP, INSIDE, OUTSIDE, ROUTER, SUBNET, port

pytestmark = pytest.mark.engines

HOST = "172.31.254.1"
SIZE = 200_000
SERVER = textwrap.dedent(
    """
    import socket, sys
    listener = socket.create_server(("", int(sys.argv[1])))
    print("ready", flush=True)
    while True:
        connection, peer = listener.accept()
        connection.sendall(peer[0].encode().ljust(200000))
        connection.close()
    """
)
CLIENT = textwrap.dedent(
    """
    import socket, sys
    connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=float(sys.argv[3]))
    connection.settimeout(5)
    data = b""
    while piece := connection.recv(65536):
        data += piece
    print(len(data), data.strip().decode())
    """
)
TALK = textwrap.dedent(
    """
    import socket, sys
    connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5)
    connection.settimeout(float(sys.argv[3]))
    print("connected", flush=True)
    for line in sys.stdin:
        try:
            connection.sendall(line.encode())
            print(connection.recv(100).decode().strip() or "closed", flush=True)
        except OSError:
            print("silence", flush=True)
    """
)
ECHO = textwrap.dedent(
    """
    import socket, sys
    listener = socket.create_server(("", int(sys.argv[1])))
    print("ready", flush=True)
    while True:
        connection, peer = listener.accept()
        while data := connection.recv(100):
            connection.sendall(data)
    """
)
DHCP = textwrap.dedent(
    """
    import json, os, socket, struct, sys
    mac = bytes.fromhex(sys.argv[1].replace(":", ""))
    heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    heard.bind(("eth0", 0))
    heard.settimeout(10)
    ask = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ask.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    ask.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
    ask.bind(("0.0.0.0", 68))
    message = struct.pack("!4B4s4x16x16s192x", 1, 1, 6, 0, os.urandom(4), mac)
    wanted = bytes([53, 1, 1, 55, 5, 1, 3, 6, 26, 121, 255])
    ask.sendto(message + bytes([99, 130, 83, 99]) + wanted, ("255.255.255.255", 67))
    while True:
        frame = heard.recv(2048)
        if frame[23] == 17 and frame[34:38] == struct.pack("!HH", 67, 68):
            break
    reply, options, told = frame[42:], frame[42 + 240:], {}
    while options and options[0] != 255:
        told[options[0]] = options[2 : 2 + options[1]].hex()
        options = options[2 + options[1] :]
    print(socket.inet_ntoa(reply[16:20]), json.dumps(told))
    """
)
OTHERS = SecurityGroupSpec(
    id="66666666-2222-3333-4444-555555555555",
    name="friends",
    rules=(
        RuleSpec(id="f-out", ingress=False, version=4),
        RuleSpec(id="f-in", ingress=True, version=4, remote_group="66666666-2222-3333-4444-555555555555"),
        RuleSpec(id="f-ping", ingress=True, version=4, protocol="icmp", remote_cidr="10.0.0.0/8"),
    ),
)
NEAR = NetworkSpec(id="net-near", name="near", mtu=1442)
NEAR_SUBNET = SubnetSpec(
    id="sub-near", network_id="net-near", version=4, cidr="10.51.0.0/24", mtu=1442, dhcp=True,
    gateway="10.51.0.1",
)  # fmt: skip
NEAR_PORT = PortSpec(
    id="port-near", network_id="net-near", mac="fa:16:3e:00:05:0b",
    addresses=(("sub-near", "10.51.0.11"),), dhcp_subnet_v4="sub-near", security_groups=(OTHERS.id,),
)  # fmt: skip


class Site:
    """A host with guests, and ways to talk between namespaces."""

    def __init__(self, host, stack, driver, north):
        self.host = host
        self.stack = stack
        self.driver = driver
        self.north = north
        self.plugged = set()

    async def guest(self, spec, *, static=True):
        """Plug a guest into a port, and wait until OVN has wired it."""
        name = spec.id.removeprefix("port-")
        if spec.use is Use.GUEST:
            self.plugged.add(spec.id)
        made = await asyncio.to_thread(self.stack.enter_context, self.host.guest(name, spec.id, spec.mac))
        if static:
            net, address = "10.51" if spec is NEAR_PORT else "10.50", spec.addresses[0][1]
            await self.ip(made, "address", "add", f"{address}/24", "dev", "eth0")
            await self.ip(made, "route", "add", "default", "via", f"{net}.0.1")
        return made

    async def ip(self, namespace, *words):
        await asyncio.to_thread(ovn.run, "ip", "-n", namespace, *words)

    async def settle(self):
        """Wait until every guest's port is claimed, and every change in the switch's flows."""
        rows = self.driver._north.rows("Logical_Switch_Port")
        async with asyncio.timeout(20):
            await self.driver._north.until(
                lambda: self.plugged <= {row["name"] for row in rows.values() if row["up"]}
            )
        await asyncio.to_thread(
            ovn.run, "ovn-nbctl", "--timeout=30", f"--db={self.north}", "--wait=hv", "sync"
        )

    async def serve(self, namespace, number, *, program=SERVER):
        """Answer TCP on a port with 200 kB that begin with the caller's address."""
        await self.run(namespace, program, str(number), says=b"ready\n")

    async def run(self, namespace, program, *words, says):
        """Run a program there until the test ends; it is ready once it says so."""
        command = ["ip", "netns", "exec", namespace, sys.executable, "-c", program, *words]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.stack.callback(child.stdin.close)
        self.stack.callback(child.stdout.close)
        self.stack.callback(child.wait)
        self.stack.callback(child.kill)
        assert await asyncio.to_thread(child.stdout.readline) == says
        return child

    async def fetch(self, namespace, address, number, *, patience=5):
        """Connect and return (bytes received, the address that the server saw), or None."""
        command = ["ip", "netns", "exec", namespace, sys.executable, "-c", CLIENT]
        command += [address, str(number), str(patience)]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
        if done.returncode:
            return None
        size, seen = done.stdout.split()
        return int(size), seen

    async def pings(self, namespace, address, *, patience=2):
        command = ["ip", "netns", "exec", namespace, "ping", "-c1", f"-W{patience}", "-q", address]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True)
        return done.returncode == 0


@pytest.fixture
async def site(folder, central):
    north, south = central
    driver = OvnDriver(north, south)
    await driver.start()
    with ExitStack() as stack:
        host = await asyncio.to_thread(stack.enter_context, ovn.chassis(folder, south, f"{HOST}/24"))
        async with asyncio.timeout(20):
            await driver._ready()
            await driver._south.until(lambda: bool(driver._south.rows("Chassis")))
        yield Site(host, stack, driver, north)
        await driver.stop()


async def realise(driver, *specs):
    for spec in specs:
        await driver.ensure(spec)


async def test_guests_of_a_group_talk_and_strangers_are_shut_out(site):
    friends = [port(number, security_groups=(OTHERS.id,)) for number in (11, 12)]
    stranger = port(13)
    await realise(site.driver, INSIDE, SUBNET, GROUP, OTHERS, *friends, stranger)
    one, two = [await site.guest(spec) for spec in friends]
    three = await site.guest(stranger)
    await site.settle()
    assert await site.driver.up() == {"port-11": True, "port-12": True, "port-13": True}
    assert site.driver.take_changed() == {"port-11", "port-12", "port-13"}
    await site.serve(one, 8000)
    assert await site.fetch(two, "10.50.0.11", 8000) == (SIZE, "10.50.0.12")
    assert await site.fetch(three, "10.50.0.11", 8000, patience=1) is None
    assert await site.pings(three, "10.50.0.11")  # only ping is allowed to all of 10.0.0.0/8
    await site.serve(three, 8000)
    assert await site.fetch(one, "10.50.0.13", 8000, patience=1) is None
    # The stranger joins.
    await site.driver.ensure(port(13, security_groups=(OTHERS.id,)))
    await site.settle()
    assert await site.fetch(three, "10.50.0.11", 8000) == (SIZE, "10.50.0.13")


async def test_a_spoofed_address_goes_nowhere(site):
    pair = [port(number, security_groups=(OTHERS.id,)) for number in (11, 12)]
    await realise(site.driver, INSIDE, SUBNET, GROUP, OTHERS, *pair)
    one, _ = [await site.guest(spec) for spec in pair]
    await site.settle()
    assert await site.pings(one, "10.50.0.12")
    await site.ip(one, "address", "add", "10.50.0.77/24", "dev", "eth0")
    await site.ip(one, "address", "del", "10.50.0.11/24", "dev", "eth0")
    assert not await site.pings(one, "10.50.0.12", patience=1)


async def test_the_host_reaches_a_floating_ip_and_the_guest_gets_out(site):
    await realise(site.driver, INSIDE, OUTSIDE, SUBNET, GROUP, port(11), ROUTER, FLOATING)
    guest = await site.guest(port(11))
    await site.serve(guest, 22)
    await site.serve(guest, 23)
    await site.serve(site.host.namespace, 9000)
    await site.settle()
    assert await site.fetch(site.host.namespace, "172.31.254.20", 22) == (SIZE, HOST)
    assert await site.fetch(site.host.namespace, "172.31.254.20", 23, patience=1) is None
    assert await site.fetch(guest, HOST, 9000) == (SIZE, "172.31.254.20")
    # Without its floating IP the guest is hidden behind the router's own address.
    await site.driver.remove(Kind.FLOATING_IP, FLOATING.id)
    await site.settle()
    assert await site.fetch(site.host.namespace, "172.31.254.20", 22, patience=1) is None
    assert await site.fetch(guest, HOST, 9000) == (SIZE, "172.31.254.10")


async def test_guests_reach_each_others_floating_ip(site):
    asker = port(12)
    await realise(site.driver, INSIDE, OUTSIDE, SUBNET, GROUP, port(11), asker, ROUTER, FLOATING)
    one, two = await site.guest(port(11)), await site.guest(asker)
    await site.serve(one, 22)
    await site.settle()
    assert await site.fetch(two, "172.31.254.20", 22) == (SIZE, "172.31.254.10")


async def test_a_guest_behind_another_router_reaches_a_floating_ip(site):
    inner = InterfaceSpec(
        port_id="port-gw2", network_id="net-near", mac="fa:16:3e:00:01:02", networks=("10.51.0.1/24",)
    )
    outer = InterfaceSpec(
        port_id="port-ex2", network_id="net-ex", mac="fa:16:3e:00:02:02", networks=("172.31.254.11/24",)
    )
    other = RouterSpec(
        id="other",
        name="other",
        interfaces=(inner,),
        gateway=GatewaySpec(
            interface=outer, next_hops=(HOST,), snat_address="172.31.254.11", snat_cidrs=("10.51.0.0/24",)
        ),
    )
    await realise(site.driver, INSIDE, OUTSIDE, SUBNET, GROUP, OTHERS, port(11), ROUTER, FLOATING)
    await realise(site.driver, NEAR, NEAR_SUBNET, NEAR_PORT, other)
    one, two = await site.guest(port(11)), await site.guest(NEAR_PORT)
    await site.serve(one, 22)
    await site.settle()
    assert await site.fetch(two, "172.31.254.20", 22) == (SIZE, "172.31.254.11")


async def test_taking_a_rule_away_cuts_the_way(site):
    await realise(site.driver, INSIDE, OUTSIDE, SUBNET, GROUP, port(11), ROUTER, FLOATING)
    guest = await site.guest(port(11))
    await site.serve(guest, 22)
    await site.settle()
    assert await site.fetch(site.host.namespace, "172.31.254.20", 22) == (SIZE, HOST)
    await site.driver.ensure(msgspec.structs.replace(GROUP, rules=GROUP.rules[:1]))
    await site.settle()
    assert await site.fetch(site.host.namespace, "172.31.254.20", 22, patience=1) is None


async def test_an_open_connection_ends_with_its_rule(site):
    """Also one that goes on without a pause."""
    pair = [port(11), port(12)]
    await realise(site.driver, INSIDE, SUBNET, GROUP, *pair)
    one, two = [await site.guest(spec) for spec in pair]
    await site.serve(one, 22, program=ECHO)
    await site.settle()
    talk = await site.run(two, TALK, "10.50.0.11", "22", "2", says=b"connected\n")

    async def say(word):
        talk.stdin.write(word + b"\n")
        talk.stdin.flush()
        return await asyncio.to_thread(talk.stdout.readline)

    assert await say(b"hello") == b"hello\n"
    await site.driver.ensure(msgspec.structs.replace(GROUP, rules=GROUP.rules[:1]))
    await site.settle()
    assert await say(b"still there?") == b"silence\n"


async def test_a_port_that_is_switched_off_is_cut_off(site):
    pair = [port(number, security_groups=(OTHERS.id,)) for number in (11, 12)]
    await realise(site.driver, INSIDE, SUBNET, GROUP, OTHERS, *pair)
    one, _ = [await site.guest(spec) for spec in pair]
    await site.settle()
    assert await site.pings(one, "10.50.0.12")
    off = msgspec.structs.replace(pair[1], enabled=False)
    await site.driver.ensure(off)
    site.plugged.discard(off.id)
    await site.settle()
    assert not await site.pings(one, "10.50.0.12", patience=1)


async def test_a_foreign_mac_is_dropped_unless_port_security_is_off(site):
    pair = [port(number, security_groups=(OTHERS.id,)) for number in (11, 12)]
    await realise(site.driver, INSIDE, SUBNET, GROUP, OTHERS, *pair)
    one, _ = [await site.guest(spec) for spec in pair]
    await site.settle()
    assert await site.pings(one, "10.50.0.12")
    await site.ip(one, "link", "set", "eth0", "address", "fa:16:3e:99:99:99")
    assert not await site.pings(one, "10.50.0.12", patience=1)
    # Answers find the way to another card only by an address that OVN does not know.
    await site.ip(one, "address", "flush", "dev", "eth0")
    await site.ip(one, "address", "add", "10.50.0.77/24", "dev", "eth0")
    await site.driver.ensure(port(11, security_groups=(), port_security=False))
    await site.settle()
    assert await site.pings(one, "10.50.0.12")


async def test_projects_with_the_same_addresses_do_not_meet(site):
    """Two networks, one range: each guest reaches its own neighbour only."""
    theirs = msgspec.structs.replace(INSIDE, id="net-theirs", name="theirs")
    their_subnet = msgspec.structs.replace(SUBNET, id="sub-theirs", network_id="net-theirs")
    own = {"network_id": "net-theirs", "dhcp_subnet_v4": "sub-theirs", "security_groups": (OTHERS.id,)}
    mine = port(11, security_groups=(OTHERS.id,))
    their = port(12, **own, addresses=(("sub-theirs", "10.50.0.12"),))
    await realise(site.driver, INSIDE, SUBNET, theirs, their_subnet, OTHERS, mine, their)
    one, _ = [await site.guest(spec) for spec in (mine, their)]
    await site.settle()
    assert not await site.pings(one, "10.50.0.12", patience=1)


async def test_two_networks_meet_only_at_a_router(site):
    here = port(11, security_groups=(OTHERS.id,))
    await realise(
        site.driver, INSIDE, SUBNET, NEAR, NEAR_SUBNET, OUTSIDE, GROUP, OTHERS, here, NEAR_PORT, ROUTER
    )
    one, two = await site.guest(here), await site.guest(NEAR_PORT)
    await site.serve(two, 8000)
    await site.settle()
    assert await site.fetch(one, "10.51.0.11", 8000, patience=1) is None
    other = InterfaceSpec(
        port_id="port-gw2", network_id="net-near", mac="fa:16:3e:00:01:02", networks=("10.51.0.1/24",)
    )
    joined = msgspec.structs.replace(ROUTER, interfaces=(*ROUTER.interfaces, other))
    await site.driver.ensure(joined)
    await site.settle()
    assert await site.fetch(one, "10.51.0.11", 8000) == (SIZE, "10.50.0.11")


async def test_a_guest_gets_its_address_routes_and_mtu_by_dhcp(site):
    await realise(site.driver, INSIDE, SUBNET, GROUP, port(11))
    guest = await site.guest(port(11), static=False)
    await site.settle()
    command = ["ip", "netns", "exec", guest, sys.executable, "-c", DHCP, port(11).mac]
    address, options = (await asyncio.to_thread(ovn.run, *command)).split(maxsplit=1)
    told = {int(key): value for key, value in msgspec.json.decode(options).items()}
    assert address == "10.50.0.11"
    assert told[26] == "05a2"  # 1442
    assert told[3] == "0a320001"
    assert told[6] == "c0000235"
    link_local, routed, default = "20a9fea9fe0a320002", "180a3c000a320009", "000a320001"
    assert told[121] == link_local + routed + default


async def test_metadata_is_served_through_the_localport(site):
    metadata = port(2, use=Use.METADATA, security_groups=(), port_security=False)
    await realise(site.driver, INSIDE, SUBNET, GROUP, metadata, port(11))
    served = await site.guest(metadata)
    guest = await site.guest(port(11))
    await site.ip(served, "address", "add", "169.254.169.254/32", "dev", "eth0")
    await site.ip(guest, "route", "add", "169.254.169.254/32", "via", "10.50.0.2")
    await site.serve(served, 80)
    await site.settle()
    assert await site.fetch(guest, "169.254.169.254", 80) == (SIZE, "10.50.0.11")
