"""Networks by their traffic: what the API promises, seen in guests and on the wire.

Guests are namespaces on the cloud's switch, at ports made by the official client; see test_network_guests for
what only real ones can show.
"""

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from cumulo.testing import dhcpv6, frames, site
from cumulo.testing.frames import ARP, BROADCAST, IPV4
from cumulo.testing.launched import until
from cumulo.testing.official import OpenStack
from cumulo.testing.spaces import Space, Spaces
from cumulo.testing.topology import floating, network, opened, port, six

MBIT = 1_000_000
NOTHING = "00:00:00:00:00:00"


@pytest.fixture(scope="module")
def alice(administrator: OpenStack) -> OpenStack:
    return opened(administrator.member("traffic-alice"))


@pytest.fixture(scope="module")
def bob(administrator: OpenStack) -> OpenStack:
    return opened(administrator.member("traffic-bob"))


def fetches(address: str, number: int, *, patience: float = 5) -> bool:
    """Say whether the machine itself gets what a guest serves."""
    line = [sys.executable, "-c", site.CLIENT, address, str(number), str(patience)]
    return subprocess.run(line, capture_output=True, check=False).returncode == 0


def test_two_projects_use_the_same_addresses(alice: OpenStack, bob: OpenStack, spaces: Spaces):
    guests, outer = {}, {}
    for user, number in ((alice, 8001), (bob, 8002)):
        network(user, "same", "10.30.0.0/24", router="door")
        for name, address in (("server", "10.30.0.10"), ("asker", "10.30.0.11")):
            made = port(user, name, "same", "--fixed-ip", f"ip-address={address}")
            guests[number, name] = spaces.guest(made, gateway="10.30.0.1")
        guests[number, "server"].serve(number)
        outer[number] = floating(user, "server")
    for number, other in ((8001, 8002), (8002, 8001)):
        asker = guests[number, "asker"]
        asker.reaches("10.30.0.10")
        assert asker.fetch("10.30.0.10", number) == "10.30.0.11"
        assert asker.fetch("10.30.0.10", other, patience=1) is None
        until(lambda number=number: fetches(outer[number], number), what="a floating IP")
        assert not fetches(outer[number], other, patience=1)
        assert asker.fetch(outer[other], other) is not None


def test_single_ports_of_a_floating_ip_lead_in(alice: OpenStack, spaces: Spaces):
    made = port(alice, "forwarded", "same")
    guest = spaces.guest(made, gateway="10.30.0.1")
    guest.serve(22)
    guest.serve(23)
    address = alice.json("floating ip create", "public")["floating_ip_address"]
    alice(
        "floating ip port forwarding create", address, "--port", "forwarded", "--protocol", "tcp",
        "--internal-protocol-port", "22", "--external-protocol-port", "2222",
        "--internal-ip-address", guest.address,
    )  # fmt: skip
    until(lambda: fetches(address, 2222), what="the forwarded port")
    for number in (22, 23, 2223):
        assert not fetches(address, number, patience=1)


def own_addresses(space: Space) -> str:
    return space.ip("-6", "address", "show", "dev", "eth0", "scope", "global", "-tentative")


def test_dhcpv6_gives_a_port_its_address(alice: OpenStack, spaces: Spaces):
    network(alice, "stateful", "10.31.0.0/24")
    six(alice, "stateful", "fd00:31::/64", "dhcpv6-stateful")
    guest = spaces.guest(port(alice, "stateful", "stateful"))
    neighbour = spaces.guest(port(alice, "neighbour", "stateful"))
    guest.reaches(neighbour.address)
    assert dhcpv6.router_of(guest) == (True, False, [])
    assert dhcpv6.lease(guest) == (guest.address_v6, ["fd00:53::1"])
    assert own_addresses(guest) == ""
    for each in (guest, neighbour):
        each.ip("address", "add", f"{each.address_v6}/64", "dev", "eth0", "nodad")
    guest.reaches(neighbour.address_v6)
    guest.reaches("fd00:31::1")


def test_dhcpv6_tells_the_rest_to_guests_with_addresses_of_their_own(alice: OpenStack, spaces: Spaces):
    network(alice, "stateless", "10.32.0.0/24")
    six(alice, "stateless", "fd00:32::/64", "dhcpv6-stateless")
    guest = spaces.guest(port(alice, "stateless", "stateless"))
    until(lambda: guest.address_v6 in own_addresses(guest), what="the address that the port has")
    assert dhcpv6.router_of(guest) == (False, True, ["fd00:32::/64"])
    assert dhcpv6.information(guest) == (None, ["fd00:53::1"])
    guest.reaches("fd00:32::1")


@pytest.fixture(scope="module")
def ten(administrator: OpenStack) -> str:
    """A policy that limits to 10 Mbit/s both ways, and marks what is sent."""
    administrator("network qos policy create", "ten", "--share")
    for direction in ("--egress", "--ingress"):
        limit = ("--type", "bandwidth-limit", "--max-kbps", "10000", direction)
        administrator("network qos rule create", "ten", *limit)
    administrator("network qos rule create", "ten", "--type", "dscp-marking", "--dscp-mark", "26")
    return "ten"


@pytest.fixture(scope="module")
def limited(alice: OpenStack, ten: str, spaces: Spaces) -> tuple[Space, Space]:
    """A guest with the limit, and one without."""
    network(alice, "slow", "10.33.0.0/24")
    made = [port(alice, "limited", "slow", "--qos-policy", ten), port(alice, "free", "slow")]
    one, two = [spaces.guest(each) for each in made]
    one.reaches(two.address)
    serves_iperf(two)
    return one, two


def serves_iperf(space: Space) -> None:
    serving = space.start("iperf3", "--server", "--forceflush")
    assert serving.stdout is not None
    until(lambda: "listening" in serving.stdout.readline(), what="iperf3")


def megabits(guest: Space, address: str, *direction: str) -> float:
    """Return what arrives of twice the limit, once the burst that it allows is over.

    By UDP: how near TCP comes to a limit depends on how busy the machine is.
    """
    flood = ("--udp", "--bitrate", "20M", "--length", "1200", "--time", "4", "--omit", "2")
    line = guest.command("iperf3", "--client", address, *flood, "--json", *direction)
    measured = json.loads(subprocess.run(line, capture_output=True, text=True, check=True).stdout)
    return float(measured["end"]["sum_received"]["bits_per_second"]) / MBIT


BOTH_WAYS = pytest.mark.parametrize("direction", [(), ("--reverse",)], ids=["sent", "received"])


@BOTH_WAYS
def test_a_limit_of_10_mbit_is_kept_within_15_percent(
    limited: tuple[Space, Space], direction: tuple[str, ...]
):
    one, two = limited
    assert megabits(one, two.address, *direction) == pytest.approx(10, rel=0.15)


@pytest.fixture(scope="module")
def behind(alice: OpenStack, administrator: OpenStack, spaces: Spaces) -> tuple[Space, Space]:
    """A guest behind a router, and a device on the external network."""
    network(alice, "behind", "10.36.0.0/24", router="limited-door")
    guest = spaces.guest(port(alice, "behind", "behind"), gateway="10.36.0.1")
    (subnet,) = administrator.json("subnet list", "--network", "public")
    bench = spaces.outside(subnet["Subnet"].replace("0/24", "251/24"))
    guest.reaches(bench.address)
    serves_iperf(bench)
    return guest, bench


@BOTH_WAYS
def test_a_routers_gateway_is_limited(
    alice: OpenStack, ten: str, behind: tuple[Space, Space], direction: tuple[str, ...]
):
    guest, bench = behind
    alice("router set", "limited-door", "--external-gateway", "public", "--qos-policy", ten)
    guest.reaches(bench.address)
    assert megabits(guest, bench.address, *direction) == pytest.approx(10, rel=0.15)


@BOTH_WAYS
def test_a_floating_ip_is_limited_by_itself(
    alice: OpenStack, ten: str, behind: tuple[Space, Space], direction: tuple[str, ...]
):
    guest, bench = behind
    alice("router unset", "limited-door", "--qos-policy")
    if not alice.json("floating ip list", "--port", "behind"):
        floating(alice, "behind")
    (leads_in,) = alice.json("floating ip list", "--port", "behind")
    alice("floating ip set", leads_in["ID"], "--qos-policy", ten)
    guest.reaches(bench.address)
    assert megabits(guest, bench.address, *direction) == pytest.approx(10, rel=0.15)


def test_what_a_limited_guest_sends_is_marked(limited: tuple[Space, Space]):
    one, two = limited
    marked = frames.ethernet(two.mac, one.mac, IPV4, frames.echo(one.address, two.address, b"marked?"))
    two.wire.forget()
    one.wire.send(marked)
    heard = two.wire.hears(lambda frame: b"marked?" in frame)
    assert heard is not None
    assert heard[15] >> 2 == 26


class Rack:
    """A switch of the physical network: it has an address on each VLAN, and speaks in tagged frames only."""

    def __init__(self, space: Space, address: str) -> None:
        self.space = space
        self.address = address

    def asks(self, tag: int, other: str) -> str | None:
        """Ask by ARP on a VLAN who has an address; return the card that says so on that VLAN."""
        message = frames.arp(1, (self.space.mac, self.address), (NOTHING, other))
        self._send(tag, BROADCAST, ARP, message)
        answer = self._hears(
            tag, ARP, lambda came: came[6:8] == b"\0\x02" and came[14:18] == frames.packed(other)
        )
        return None if answer is None else answer[8:14].hex(":")

    def pings(self, tag: int, other: str) -> bool:
        """Say whether a ping to an address on a VLAN is answered; questions by ARP meanwhile are."""
        card = self.asks(tag, other)
        if card is None:
            return False
        self._send(tag, card, IPV4, frames.echo(self.address, other, b"from the rack"))

        def answered(came: bytes) -> bool:
            if came[6:8] == b"\0\x01" and came[24:28] == frames.packed(self.address):
                asker = (came[8:14].hex(":"), other)
                self._send(tag, asker[0], ARP, frames.arp(2, (self.space.mac, self.address), asker))
            return came[20:21] == b"\0" and b"from the rack" in came

        return self._hears(tag, None, answered) is not None

    def _send(self, tag: int, target: str, kind: int, payload: bytes) -> None:
        self.space.wire.send(frames.ethernet(target, self.space.mac, kind, payload, tag=tag))

    def _hears(self, tag: int, kind: int | None, wanted: Callable[[bytes], bool]) -> bytes | None:
        def fits(frame: bytes) -> bool:
            seen, of, payload = frames.content(frame)
            return seen == tag and kind in (of, None) and wanted(payload)

        heard = self.space.wire.hears(fits, 2)
        return None if heard is None else frames.content(heard)[2]


@pytest.fixture(scope="module")
def operator(administrator: OpenStack) -> OpenStack:
    return opened(administrator, "operators")  # an administrator finds every project's `open`


def test_provider_vlans_are_trunked_to_the_physical_network(operator: OpenStack, spaces: Spaces):
    """Two VLANs on one wire, each with a guest that is reached by its own tag alone."""
    user = operator
    for tag in (301, 302):
        provider = ("--provider-network-type", "vlan", "--provider-physical-network", "external")
        user("network create", f"vlan{tag}", *provider, "--provider-segment", str(tag))
        user("subnet create", f"vlan{tag}", "--network", f"vlan{tag}", "--subnet-range", "10.34.0.0/24")
    made = {tag: port(user, f"at{tag}", f"vlan{tag}", group="operators") for tag in (301, 302)}
    guests = {tag: spaces.guest(made[tag]) for tag in made}
    rack = Rack(spaces.outside(), "10.34.0.200")
    for tag, guest in guests.items():
        until(lambda tag=tag, guest=guest: rack.pings(tag, guest.address), what=f"VLAN {tag}")
        assert rack.asks(tag, guest.address) == guest.mac
    assert rack.asks(303, guests[301].address) is None


def test_a_flat_network_is_the_physical_one(operator: OpenStack, spaces: Spaces):
    (subnet,) = operator.json("subnet list", "--network", "public")
    guest = spaces.guest(port(operator, "flat", "public", group="operators"))
    bench = spaces.outside(subnet["Subnet"].replace("0/24", "250/24"))
    bench.reaches(guest.address)
    guest.serve(80)
    assert bench.fetch(guest.address, 80) == bench.address
    assert fetches(guest.address, 80)
