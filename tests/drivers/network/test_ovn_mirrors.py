"""A mirrored port's packets arrive at an address outside, in the tunnels of its mirror."""

import asyncio
import textwrap

import pytest

from cumulo.core.drivers import Temporary
from cumulo.services.network.drivers.specs import Kind, MirrorSpec
from cumulo.testing import ovn
from cumulo.testing.network import GROUP, INSIDE, OUTSIDE, SUBNET, port
from cumulo.testing.site import OTHERS

pytestmark = pytest.mark.engines

SINK = "172.31.254.99"
ID = "77777777-2222-4333-8444-555555555555"
LISTEN = textwrap.dedent(
    """
    import socket, struct
    heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    heard.bind(("eth0", 0))
    print("ready", flush=True)
    while True:
        frame = heard.recv(2048)
        if frame[23] != 47:
            continue
        kind = frame[36:38].hex()
        if kind == "6558":
            number, inner = struct.unpack("!I", frame[38:42])[0], frame[42:]
        else:
            number, inner = struct.unpack("!H", frame[44:46])[0] & 1023, frame[50:]
        if inner[12:14].hex() == "0800":
            print(kind, number, inner[:6].hex(":"), flush=True)
    """
)


async def sink(site):
    """Return what listens in a namespace outside, which the host's external bridge leads to."""
    far, host = f"{site.host.namespace}-far", site.host.namespace
    await asyncio.to_thread(ovn.run, "ip", "netns", "add", far)
    site.stack.callback(ovn.run, "ip", "netns", "del", far)
    await site.ip(host, "link", "add", "far", "type", "veth", "peer", "name", "eth0", "netns", far)
    await site.ip(host, "link", "set", "far", "up")
    await site.ip(far, "link", "set", "eth0", "up")
    await site.ip(far, "address", "add", f"{SINK}/24", "dev", "eth0")
    await asyncio.to_thread(site.host.vsctl, "add-port", "br-ex", "far")
    return await site.run(far, LISTEN, says=b"ready\n")


@pytest.mark.parametrize(("tunnel", "kind"), [("gre", "6558"), ("erspan", "88be")])
async def test_what_a_port_is_sent_and_sends_arrives_elsewhere_too(site, tunnel, kind):
    friends = [port(number, security_groups=(OTHERS.id,)) for number in (11, 12)]
    mirror = MirrorSpec(id=ID, port_id="port-11", tunnel=tunnel, sink=SINK, inward=101, outward=102)
    await site.realise(INSIDE, OUTSIDE, SUBNET, GROUP, OTHERS, *friends, mirror)
    assert await site.driver.differences(mirror) == []
    assert (Kind.MIRROR, ID) in await site.driver.describe()
    _, two = [await site.guest(spec) for spec in friends]
    listener = await sink(site)
    await site.settle()
    wanted = {f"{kind} 101 {friends[0].mac}", f"{kind} 102 {friends[1].mac}"}
    seen = set()

    async def until_both():
        while seen < wanted:
            line = await asyncio.to_thread(listener.stdout.readline)
            seen.add(line.decode().strip())

    async def ping():
        while True:
            await site.pings(two, "10.50.0.11", patience=1)

    pinging = asyncio.create_task(ping())
    async with asyncio.timeout(30):
        await until_both()
    pinging.cancel()
    assert seen == wanted  # and nothing of the other port's own
    await site.driver.remove(Kind.MIRROR, ID)
    await site.settle()
    assert "ovn-i" not in await asyncio.to_thread(site.host.vsctl, "show")


async def test_a_mirror_waits_for_its_port_and_changes(ovn_driver, central):
    async def asked(*words):
        return await asyncio.to_thread(ovn.run, "ovn-nbctl", "--timeout=10", f"--db={central[0]}", *words)

    mirror = MirrorSpec(id=ID, port_id="port-11", tunnel="gre", sink=SINK, inward=101)
    with pytest.raises(Temporary):
        await ovn_driver.ensure(mirror)
    for spec in (INSIDE, SUBNET, GROUP, port(11), mirror):
        await ovn_driver.ensure(spec)
    assert "101" in await asked("mirror-list")
    held = ("--bare", "--columns=mirror_rules", "find", "logical_switch_port", "name=port-11")
    assert (await asked(*held)).strip()
    await ovn_driver.ensure(MirrorSpec(id=ID, port_id="port-11", tunnel="gre", sink=SINK, outward=7))
    listed = await asked("mirror-list")
    assert "101" not in listed
    assert "from-lport" in listed
    await asked("lsp-detach-mirror", "port-11", f"o{ID[:8]}22")
    assert await ovn_driver.differences(
        MirrorSpec(id=ID, port_id="port-11", tunnel="gre", sink=SINK, outward=7)
    )
