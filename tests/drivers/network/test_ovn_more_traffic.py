"""Real packets: forwarded ports, limited bandwidth, marks, and ports behind a VLAN tag."""

import asyncio
import sys
import textwrap
import time

import msgspec
import pytest

from cumulo.services.network.drivers.specs import FloatingIpSpec, ForwardSpec, Kind, QosSpec
from cumulo.testing import ovn
from cumulo.testing.network import FLOATING, GROUP, INSIDE, OUTSIDE, ROUTER, SUBNET, port
from cumulo.testing.site import HOST, OTHERS, SIZE

pytestmark = pytest.mark.engines

FORWARDING = FloatingIpSpec(
    id="forwarding",
    router_id="router",
    address="172.31.254.20",
    forwards=(
        ForwardSpec(id="ssh", protocol="tcp", fixed_address="10.50.0.11", ports=((2222, 22), (2223, 23))),
    ),
    network_id="net-ex",
    gateway="port-ex",
)


async def test_only_forwarded_ports_of_a_floating_ip_lead_in(site):
    await site.realise(INSIDE, OUTSIDE, SUBNET, GROUP, port(11), ROUTER, FORWARDING)
    guest = await site.guest(port(11))
    await site.serve(guest, 22)
    await site.settle()
    outside = site.host.namespace
    assert await site.fetch(outside, "172.31.254.20", 2222) == (SIZE, HOST)
    assert await site.fetch(outside, "172.31.254.20", 22, patience=1) is None
    moved = msgspec.structs.replace(FORWARDING.forwards[0], ports=((3333, 22),))
    await site.driver.ensure(msgspec.structs.replace(FORWARDING, forwards=(moved,)))
    await site.settle()
    assert await site.fetch(outside, "172.31.254.20", 2222, patience=1) is None
    assert await site.fetch(outside, "172.31.254.20", 3333) == (SIZE, HOST)
    await site.driver.remove(Kind.FLOATING_IP, FORWARDING.id)
    await site.settle()
    assert await site.fetch(outside, "172.31.254.20", 3333, patience=1) is None


async def seconds(site, namespace, address, number):
    """Return how long 200 kB take."""
    started = time.monotonic()
    assert (await site.fetch(namespace, address, number) or (0,))[0] == SIZE
    return time.monotonic() - started


@pytest.mark.parametrize("ingress", [False, True])
async def test_a_ports_bandwidth_is_limited_both_ways(site, ingress):
    """200 kB at 800 kbit/s take 2 s, less the burst of 80 kbit."""
    slow = QosSpec(ingress=ingress, rate=800, burst=80)
    limited = port(11, security_groups=(OTHERS.id,), qos=(slow,))
    free = port(12, security_groups=(OTHERS.id,))
    await site.realise(INSIDE, SUBNET, OTHERS, limited, free)
    one, two = await site.guest(limited), await site.guest(free)
    sender, receiver, address = (two, one, "10.50.0.12") if ingress else (one, two, "10.50.0.11")
    await site.serve(sender, 8000)
    await site.settle()
    assert await seconds(site, receiver, address, 8000) > 1.5
    await site.driver.ensure(msgspec.structs.replace(limited, qos=()))
    await site.settle()
    assert await seconds(site, receiver, address, 8000) < 1.5


async def test_a_floating_ips_bandwidth_is_limited(site):
    slow = (QosSpec(ingress=False, rate=800, burst=80),)
    limited = msgspec.structs.replace(FLOATING, qos=slow, network_id="net-ex", gateway="port-ex")
    await site.realise(INSIDE, OUTSIDE, SUBNET, GROUP, port(11), ROUTER, limited)
    guest = await site.guest(port(11))
    await site.serve(guest, 22)
    await site.settle()
    assert await seconds(site, site.host.namespace, "172.31.254.20", 22) > 1.5


async def test_what_a_port_sends_is_marked(site):
    marked = port(11, security_groups=(OTHERS.id,), qos=(QosSpec(ingress=False, dscp=26),))
    plain = port(12, security_groups=(OTHERS.id,))
    await site.realise(INSIDE, SUBNET, OTHERS, marked, plain)
    one, two = await site.guest(marked), await site.guest(plain)
    await site.settle()
    listen = (
        "import socket\n"
        "heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))\n"
        "heard.bind(('eth0', 0))\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    frame = heard.recv(2048)\n"
        "    if frame[23] == 1 and frame[34] == 8:\n"
        "        print(frame[15] >> 2, flush=True)\n"
    )
    heard = await site.run(two, listen, says=b"ready\n")
    assert await site.pings(one, "10.50.0.12")
    assert await asyncio.to_thread(heard.stdout.readline) == b"26\n"


ASK = textwrap.dedent(
    """
    import socket, struct, sys
    name = b"".join(bytes([len(part)]) + part.encode() for part in sys.argv[1].split("."))
    question = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + name + struct.pack("!BHH", 0, int(sys.argv[2]), 1)
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asking.settimeout(5)
    for _ in range(3):
        asking.sendto(question, ("10.50.0.12", 53))
    answer = asking.recv(512)
    print(struct.unpack_from("!H", answer, 6)[0], socket.inet_ntoa(answer[-4:]), flush=True)
    """
)


async def test_guests_are_told_their_neighbours_addresses_by_name(site):
    """Whatever server they ask, here one that is none: OVN answers on the way."""
    named = port(12, names=(("web", "10.50.0.12"), ("web.shop.example", "10.50.0.12")))
    await site.realise(INSIDE, SUBNET, GROUP, port(11), named)
    guest = await site.guest(port(11))
    await site.settle()
    command = ["ip", "netns", "exec", guest, sys.executable, "-c", ASK, "web.shop.example", "1"]
    assert (await asyncio.to_thread(ovn.run, *command)).strip() == "1 10.50.0.12"
    await site.driver.ensure(port(12))
    rows = site.driver._north.rows("DNS")
    async with asyncio.timeout(5):
        await site.driver._north.until(lambda: not rows)


TAGGED_PING = textwrap.dedent(
    """
    import socket, struct, sys

    def checksum(data):
        total = sum(struct.unpack(f"!{len(data) // 2}H", data))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        return ~total & 0xFFFF

    def mac(text):
        return bytes.fromhex(text.replace(":", ""))

    tag, source, target, own, other = int(sys.argv[1]), *map(mac, sys.argv[2:4]), *sys.argv[4:6]
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    link.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA: tells of tags that the kernel takes off
    link.bind(("eth0", 0))
    link.settimeout(float(sys.argv[6]))
    echo = struct.pack("!BBHHH", 8, 0, 0, 7, 1)
    echo = echo[:2] + struct.pack("!H", checksum(echo)) + echo[4:]
    ends = socket.inet_aton(own) + socket.inet_aton(other)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(echo), 0, 0, 64, 1, 0) + ends
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    frame = target + source + struct.pack("!HHH", 0x8100, tag, 0x0800) + head + echo
    for _ in range(3):
        link.send(frame)
    print("ready", flush=True)
    try:
        while True:
            heard, told, _, _ = link.recvmsg(2048, 64)
            seen = struct.unpack_from("=H", told[0][2], 16)[0] if told else 0
            if heard[12:14] == b"\\x81\\x00":
                seen, heard = struct.unpack("!H", heard[14:16])[0], heard[:12] + heard[16:]
            if heard[12:14] == b"\\x08\\x00" and heard[23] == 1 and heard[34] == 0:
                print(seen & 0xFFF, flush=True)
                break
    except TimeoutError:
        print("silence", flush=True)
    """
)


async def test_a_guest_reaches_a_subports_network_by_its_tag(site):
    """The guest tags its frames by itself: this kernel may have no VLAN devices."""
    theirs = msgspec.structs.replace(INSIDE, id="net-tagged", name="tagged")
    network = {"id": "sub-tagged", "network_id": "net-tagged", "cidr": "10.52.0.0/24"}
    their_subnet = msgspec.structs.replace(SUBNET, **network)
    parent = port(11, security_groups=(OTHERS.id,))
    own = {"network_id": "net-tagged", "dhcp_subnet_v4": None, "security_groups": (OTHERS.id,)}
    subport = port(21, **own, addresses=(("sub-tagged", "10.52.0.21"),), parent=parent.id, tag=101)
    neighbour = port(22, **own, addresses=(("sub-tagged", "10.52.0.22"),))
    await site.realise(INSIDE, SUBNET, theirs, their_subnet, OTHERS, parent, subport, neighbour)
    guest, _ = await site.guest(parent), await site.guest(neighbour)
    site.plugged.add(subport.id)
    await site.settle()
    assert (await site.driver.up())[subport.id] is True

    async def ping(tag, patience):
        words = [str(tag), subport.mac, neighbour.mac, "10.52.0.21", "10.52.0.22", str(patience)]
        asked = await site.run(guest, TAGGED_PING, *words, says=b"ready\n")
        return await asyncio.to_thread(asked.stdout.readline)

    assert await ping(101, 5) == b"101\n"
    assert await ping(102, 1) == b"silence\n"
    await site.driver.ensure(msgspec.structs.replace(subport, parent=None, tag=None))
    site.plugged.discard(subport.id)
    await site.settle()
    assert await ping(101, 1) == b"silence\n"
