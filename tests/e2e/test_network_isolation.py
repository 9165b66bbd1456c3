"""What a hostile guest sends and nobody may get: forged frames, and packets for other projects.

Guests are namespaces on the cloud's switch, their ports made as users make them. After each forged frame
comes an honest one by the same way: once that has arrived, the forged one would have, too.
"""

from collections.abc import Callable

import pytest

from cumulo.node.ports.guard import COOKIE
from cumulo.testing import frames
from cumulo.testing.frames import ALL_NODES, ARP, BROADCAST, IPV4, IPV6
from cumulo.testing.launched import LaunchedCloud, until
from cumulo.testing.official import OpenStack
from cumulo.testing.ovn import run
from cumulo.testing.spaces import Space, Spaces

FORGED, HONEST = b"forged frame", b"honest frame"
STRANGER = "fa:16:3e:99:99:99"
PREFIX = "fd66:6666::"


class Lab:
    """Three guests of a security group that allows everything, on a network of both IP versions."""

    def __init__(self, user: OpenStack, spaces: Spaces) -> None:
        self.user = user
        user("security group create", "open")
        for version in ("IPv4", "IPv6"):
            user("security group rule create", "open", "--ethertype", version, "--protocol", "any")
        user("network create", "lab")
        user("subnet create", "lab4", "--network", "lab", "--subnet-range", "10.20.0.0/24")
        six = ("--ip-version", "6", "--ipv6-ra-mode", "slaac", "--ipv6-address-mode", "slaac")
        user("subnet create", "lab6", "--network", "lab", "--subnet-range", "fd00:20::/64", *six)
        user("router create", "door")
        for subnet in ("lab4", "lab6"):
            user("router add subnet", "door", subnet)
        ports = [self.port(name) for name in ("mallory", "victim", "third")]
        self.mallory, self.victim, self.third = [spaces.guest(port) for port in ports]
        self.mallory.reaches(self.victim.address)
        for space in (self.mallory, self.victim, self.third):
            until(lambda space=space: _has_its_own(space), what=f"the address {space.address_v6}")

    def port(self, name: str, network: str = "lab", *options: str) -> dict[str, object]:
        """Make a port."""
        return dict(
            self.user.json("port create", name, "--network", network, "--security-group", "open", *options)
        )

    def honest(self) -> bytes:
        """Return a frame that Mallory may send to the victim."""
        packet = frames.echo(self.mallory.address, self.victim.address, HONEST)
        return frames.ethernet(self.victim.mac, self.mallory.mac, IPV4, packet)

    def passes(self, frame: bytes, trace: bytes = FORGED) -> bool:
        """Have Mallory send a frame; say whether the victim heard anything with this trace."""
        self.victim.wire.forget()
        for _ in range(3):
            self.mallory.wire.send(frame)
        self.mallory.wire.send(self.honest())
        heard = []

        def arrived(came: bytes) -> bool:
            heard.append(trace in came)
            return HONEST in came

        assert self.victim.wire.hears(arrived) is not None, "not even an honest frame arrives"
        return any(heard)

    def to_victim(self, kind: int, packet: bytes, **forged: str) -> bytes:
        """Return a frame from Mallory to the victim, unless `target` or `source` say otherwise."""
        target, source = forged.get("target", self.victim.mac), forged.get("source", self.mallory.mac)
        return frames.ethernet(target, source, kind, packet)


def _has_its_own(space: Space) -> bool:
    return space.address_v6 in space.ip("-6", "address", "show", "dev", "eth0", "-tentative")


@pytest.fixture(scope="module")
def lab(cloud: LaunchedCloud, administrator: OpenStack, spaces: Spaces) -> Lab:
    made = Lab(administrator.member("mallory"), spaces)
    until(lambda: _guarded(cloud), what="the guard against router advertisements")
    return made


def _guarded(cloud: LaunchedCloud) -> bool:
    bridge = cloud.state.short_run / f"{cloud.state.integration_bridge}.mgmt"
    return "actions=" in run("ovs-ofctl", "dump-flows", f"unix:{bridge}", f"cookie={COOKIE}/-1")


def test_what_is_honest_arrives(lab: Lab):
    """Else the silence that the other tests hear would say nothing."""
    six = frames.echo(lab.mallory.address_v6, lab.victim.address_v6, FORGED)
    assert lab.passes(lab.to_victim(IPV6, six))
    card, address = lab.mallory.mac, lab.mallory.address_v6
    told = frames.neighbour(address, card, source=frames.link_local(card))
    assert lab.passes(lab.to_victim(IPV6, told, target=frames.many(ALL_NODES)), frames.packed(address))
    asked = frames.arp(1, (card, lab.mallory.address), ("00:00:00:00:00:00", lab.victim.address))
    assert lab.victim.pings(lab.third.address)
    assert lab.passes(lab.to_victim(ARP, asked), frames.packed(lab.mallory.address))
    assert lab.mallory.pings(f"{frames.link_local(lab.victim.mac)}%eth0")


def test_a_strangers_mac_is_dropped(lab: Lab):
    four = frames.echo(lab.mallory.address, lab.victim.address, FORGED)
    assert not lab.passes(lab.to_victim(IPV4, four, source=STRANGER))
    assert not lab.passes(lab.to_victim(IPV4, four, source=lab.third.mac))
    six = frames.echo(lab.mallory.address_v6, lab.victim.address_v6, FORGED)
    assert not lab.passes(lab.to_victim(IPV6, six, source=lab.third.mac))


@pytest.mark.parametrize("address", ["neighbour", "gateway", "outside"])
def test_a_strangers_address_is_dropped(lab: Lab, address: str):
    four = {"neighbour": lab.third.address, "gateway": "10.20.0.1", "outside": "192.0.2.1"}[address]
    assert not lab.passes(lab.to_victim(IPV4, frames.echo(four, lab.victim.address, FORGED)))
    six = {"neighbour": lab.third.address_v6, "gateway": "fd00:20::1", "outside": "2001:db8::1"}[address]
    assert not lab.passes(lab.to_victim(IPV6, frames.echo(six, lab.victim.address_v6, FORGED)))
    whose = frames.link_local(lab.third.mac)
    assert not lab.passes(lab.to_victim(IPV6, frames.echo(whose, lab.victim.address_v6, FORGED)))


@pytest.mark.parametrize("operation", [1, 2])
@pytest.mark.parametrize("target", ["victim", "everybody"])
def test_forged_arp_is_dropped(lab: Lab, operation: int, target: str):
    card = lab.victim.mac if target == "victim" else BROADCAST
    for claimed in (lab.third.address, "10.20.0.1"):
        message = frames.arp(operation, (lab.mallory.mac, claimed), (card, lab.victim.address))
        assert not lab.passes(lab.to_victim(ARP, message, target=card), frames.packed(claimed))
    hers = frames.arp(operation, (lab.third.mac, lab.mallory.address), (card, lab.victim.address))
    assert not lab.passes(lab.to_victim(ARP, hers, target=card), frames.packed(lab.mallory.address) + b"\xfa")


def test_forged_neighbour_advertisements_are_dropped(lab: Lab):
    own, all_nodes = frames.link_local(lab.mallory.mac), frames.many(ALL_NODES)
    for claimed in (lab.third.address_v6, "fd00:20::1", frames.link_local(lab.third.mac)):
        told = frames.neighbour(claimed, lab.mallory.mac, source=own)
        for target in (all_nodes, lab.victim.mac):
            assert not lab.passes(lab.to_victim(IPV6, told, target=target), frames.packed(claimed))
    hers = frames.neighbour(lab.mallory.address_v6, lab.third.mac, source=own)
    assert not lab.passes(lab.to_victim(IPV6, hers, target=all_nodes), frames.packed(lab.mallory.address_v6))


@pytest.mark.parametrize("target", ["victim", "everybody"])
def test_router_advertisements_of_guests_are_dropped(lab: Lab, target: str):
    card = lab.victim.mac if target == "victim" else frames.many(ALL_NODES)
    told = frames.router(f"{PREFIX}/64", lab.mallory.mac, source=frames.link_local(lab.mallory.mac))
    assert not lab.passes(lab.to_victim(IPV6, told, target=card), frames.packed(PREFIX))
    assert PREFIX[:4] not in lab.victim.ip("-6", "route", "show")


@pytest.mark.parametrize("target", ["victim", "everybody"])
def test_dhcp_servers_of_guests_are_dropped(lab: Lab, target: str):
    everybody = target == "everybody"
    card, address = (BROADCAST, "255.255.255.255") if everybody else (lab.victim.mac, lab.victim.address)
    options = frames.option(53, b"\x02") + frames.option(6, frames.packed(lab.mallory.address)) + FORGED
    offer = frames.dhcp(2, lab.victim.mac, yours="10.20.0.66", options=options)
    packet = frames.udp((lab.mallory.address, 67), (address, 68), offer)
    assert not lab.passes(lab.to_victim(IPV4, packet, target=card))
    group, own = frames.link_local(lab.victim.mac), lab.mallory.address_v6
    card, address = (frames.many(ALL_NODES), ALL_NODES) if everybody else (lab.victim.mac, group)
    packet = frames.udp((own, 547), (address, 546), b"\x07\0\0\x01" + FORGED)
    assert not lab.passes(lab.to_victim(IPV6, packet, target=card))


@pytest.mark.parametrize("tag", [0, 5])
def test_tagged_frames_of_a_port_without_a_trunk_are_dropped(lab: Lab, tag: int):
    packet = frames.echo(lab.mallory.address, lab.victim.address, FORGED)
    frame = frames.ethernet(lab.victim.mac, lab.mallory.mac, IPV4, packet, tag=tag)
    assert not lab.passes(frame)


def test_an_allowed_pair_may_be_sent_from_and_no_longer(lab: Lab):
    packet = frames.echo("10.20.0.77", lab.victim.address, FORGED)
    frame = lab.to_victim(IPV4, packet)
    lab.user("port set", "mallory", "--allowed-address", "ip-address=10.20.0.77")
    until(lambda: lab.passes(frame), what="the allowed address")
    lab.user("port set", "mallory", "--no-allowed-address")
    until(lambda: not lab.passes(frame), what="an end of it")


@pytest.fixture(scope="module")
def alice(administrator: OpenStack, spaces: Spaces) -> tuple[OpenStack, Space, Space]:
    """Another project with the same addresses, and a network of its own addresses behind a router."""
    user = administrator.member("alice-next-door")
    user("security group create", "open")
    user("security group rule create", "open", "--protocol", "any")
    made = []
    for name, cidr in (("same", "10.20.0.0/24"), ("own", "10.21.0.0/24")):
        user("network create", name)
        user("subnet create", name, "--network", name, "--subnet-range", cidr)
        port = user.json("port create", name, "--network", name, "--security-group", "open")
        made.append(spaces.guest(port, gateway=cidr.replace("0/24", "1")))
    user("router create", "door", "--external-gateway", "public")
    user("router add subnet", "door", "own")
    return user, made[0], made[1]


def hears_nothing(listener: Space, doing: Callable[[], None], trace: bytes = FORGED) -> None:
    listener.wire.forget()
    doing()
    assert listener.wire.hears(lambda frame: trace in frame, 1) is None


def test_nothing_reaches_another_projects_network(lab: Lab, alice: tuple[OpenStack, Space, Space]):
    _, same, own = alice
    for theirs in (same, own):
        packet = frames.echo(lab.mallory.address, theirs.address, FORGED)
        for target in (theirs.mac, BROADCAST):
            frame = lab.to_victim(IPV4, packet, target=target)
            hears_nothing(theirs, lambda frame=frame: lab.mallory.wire.send(frame))
    assert not lab.mallory.pings(own.address, patience=1)


def ping(space: Space, other: Space) -> None:
    assert not space.pings(other.address, patience=1)


def test_no_route_leads_through_another_projects_router(lab: Lab, alice: tuple[OpenStack, Space, Space]):
    """Both routers are on the external network, where one may send the other whatever it likes."""
    user, _, theirs = alice
    outer = user.json("router show", "door")["external_gateway_info"]["external_fixed_ips"][0]["ip_address"]
    machine = outer.rpartition(".")[0] + ".1"
    lab.user("router set", "door", "--external-gateway", "public")
    lab.mallory.ip("route", "replace", "default", "via", "10.20.0.1")
    lab.mallory.reaches(machine)
    theirs.reaches(machine)
    lab.user("router set", "door", "--route", f"destination=10.21.0.0/24,gateway={outer}")
    lab.mallory.reaches(outer)
    hears_nothing(theirs, lambda: ping(lab.mallory, theirs), frames.packed(theirs.address))
    address = user.json("floating ip create", "public", "--port", "own")["floating_ip_address"]
    lab.mallory.reaches(address)
    theirs.reaches(machine)
