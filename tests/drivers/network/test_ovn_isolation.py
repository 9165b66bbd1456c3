"""Real packets that must not arrive: from others' addresses and networks, after a rule is gone."""

import asyncio

import msgspec
import pytest

from cumulo.testing.network import GROUP, INSIDE, SUBNET, port
from cumulo.testing.site import ECHO, OTHERS, TALK

pytestmark = pytest.mark.engines


async def test_an_open_connection_ends_with_its_rule(site):
    """Also one that goes on without a pause."""
    pair = [port(11), port(12)]
    await site.realise(INSIDE, SUBNET, GROUP, *pair)
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
    await site.realise(INSIDE, SUBNET, GROUP, OTHERS, *pair)
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
    await site.realise(INSIDE, SUBNET, GROUP, OTHERS, *pair)
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
    await site.realise(INSIDE, SUBNET, theirs, their_subnet, OTHERS, mine, their)
    one, _ = [await site.guest(spec) for spec in (mine, their)]
    await site.settle()
    assert not await site.pings(one, "10.50.0.12", patience=1)


async def test_a_spoofed_address_goes_nowhere(site):
    pair = [port(number, security_groups=(OTHERS.id,)) for number in (11, 12)]
    await site.realise(INSIDE, SUBNET, GROUP, OTHERS, *pair)
    one, _ = [await site.guest(spec) for spec in pair]
    await site.settle()
    assert await site.pings(one, "10.50.0.12")
    await site.ip(one, "address", "add", "10.50.0.77/24", "dev", "eth0")
    await site.ip(one, "address", "del", "10.50.0.11/24", "dev", "eth0")
    assert not await site.pings(one, "10.50.0.12", patience=1)
