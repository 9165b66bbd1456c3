"""Networks by their traffic: what the API promises, seen in guests and on the wire.

Most guests are namespaces on the cloud's switch, at ports made by the official client; where a guest's own
part counts (its addresses, its VLANs, its metadata, what it keeps through accidents) two real ones are asked.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cumulo.runtime.engines.processes import Record
from cumulo.testing import dhcpv6, frames, site
from cumulo.testing.frames import ARP, BROADCAST, IPV4
from cumulo.testing.guests import Guest
from cumulo.testing.launched import CommandRefused, LaunchedCloud, until
from cumulo.testing.official import OpenStack
from cumulo.testing.residence import Residence
from cumulo.testing.spaces import Space, Spaces

MBIT = 1_000_000
NOTHING = "00:00:00:00:00:00"


@pytest.fixture(scope="module")
def spaces(cloud: LaunchedCloud) -> Iterator[Spaces]:
    with Spaces(cloud) as made:
        yield made


def opened(user: OpenStack, group: str = "open") -> OpenStack:
    """Give a project a security group in which everything is allowed."""
    user("security group create", group)
    for version in ("IPv4", "IPv6"):
        user("security group rule create", group, "--ethertype", version, "--protocol", "any")
    return user


@pytest.fixture(scope="module")
def alice(administrator: OpenStack) -> OpenStack:
    return opened(administrator.member("traffic-alice"))


@pytest.fixture(scope="module")
def bob(administrator: OpenStack) -> OpenStack:
    return opened(administrator.member("traffic-bob"))


def network(user: OpenStack, name: str, cidr: str, *, router: str = "") -> None:
    user("network create", name)
    user("subnet create", name, "--network", name, "--subnet-range", cidr)
    if router:
        user("router create", router, "--external-gateway", "public")
        user("router add subnet", router, name)


def port(user: OpenStack, name: str, at: str, *options: str, group: str = "open") -> dict[str, Any]:
    return dict(user.json("port create", name, "--network", at, "--security-group", group, *options))


def floating(user: OpenStack, port_name: str) -> str:
    made = user.json("floating ip create", "public", "--port", port_name)
    return str(made["floating_ip_address"])


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


def six(user: OpenStack, name: str, cidr: str, mode: str) -> None:
    """Add an IPv6 subnet to a network, and a router to that."""
    modes = ("--ipv6-ra-mode", mode, "--ipv6-address-mode", mode, "--dns-nameserver", "fd00:53::1")
    user("subnet create", f"{name}6", "--network", name, "--ip-version", "6", "--subnet-range", cidr, *modes)
    user("router create", f"{name}6")
    user("router add subnet", f"{name}6", f"{name}6")


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
    """Return what TCP makes of a way, once the burst that a limit allows is over."""
    line = guest.command("iperf3", "--client", address, "--time", "5", "--omit", "2", "--json", *direction)
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


class Pair:
    """Two real guests, `one` and `two`, on a network of both IP versions; `one` is at a trunk's port."""

    def __init__(self, cloud: LaunchedCloud, user: OpenStack, folder: Path, spaces: Spaces) -> None:
        self.cloud = cloud
        self.user = user
        self.home = Residence(cloud, user, folder, name="traffic")  # type: ignore[arg-type]  # it takes the same words
        self.home.network("dual", "10.35.0.0/24", router="dual-door")
        six(user, "dual", "fd00:35::/64", "slaac")
        self.neighbours = {tag: self._subport(tag, spaces) for tag in (101, 102)}
        self.ports = {name: port(user, name, "dual") for name in ("one", "two")}
        subports = [
            ("--subport", f"port=tagged{tag},segmentation-type=vlan,segmentation-id={tag}")
            for tag in (101, 102)
        ]
        user(
            "network trunk create",
            "trunk",
            "--parent-port",
            "one",
            *(word for pair in subports for word in pair),
        )
        for name in ("one", "two"):
            made = ("--image", "mini", "--flavor", "mini", "--key-name", "key", "--port", name)
            user("server create", name, *made)
        self.guests = {name: Guest(floating(user, name), self.home.key) for name in ("one", "two")}
        for guest in self.guests.values():
            guest.wait(300)

    def _subport(self, tag: int, spaces: Spaces) -> Space:
        network(self.user, f"tagged{tag}", f"10.{tag}.0.0/24")
        port(self.user, f"tagged{tag}", f"tagged{tag}")
        return spaces.guest(port(self.user, f"neighbour{tag}", f"tagged{tag}"))

    def fixed(self, name: str, version: int = 4) -> str:
        """Return a guest's address as the API says it."""
        held = [each["ip_address"] for each in self.ports[name]["fixed_ips"]]
        return next(address for address in held if (":" in address) == (version == 6))

    def talk(self) -> bool:
        """Say whether both guests reach each other by their addresses, and the machine them."""
        try:
            return all(
                guest.reaches(self.fixed(other, version))
                for guest, other in ((self.guests["one"], "two"), (self.guests["two"], "one"))
                for version in (4, 6)
            )
        except CommandRefused:
            return False

    def keep_their_addresses(self) -> bool:
        """Have both guests renew their leases; say whether they have the addresses they had."""
        for name, guest in self.guests.items():
            guest.run("kill -USR1 $(pidof udhcpc)")
            shown = guest.run("ip address show eth0")
            if f" {self.fixed(name)}/" not in shown or f" {self.fixed(name, 6)}/" not in shown:
                return False
        return True

    def come_back(self) -> None:
        """Wait until OVN is as the database has it, and the guests talk by the addresses they had."""
        until(self._agrees, seconds=90, what="OVN as the database has it")
        until(self.talk, seconds=90, what="guests that talk")
        assert self.keep_their_addresses()

    def _agrees(self) -> bool:
        try:
            return bool(self.cloud.command("network", "check"))
        except CommandRefused:
            return False


@pytest.fixture(scope="module")
def pair(
    cloud: LaunchedCloud, alice: OpenStack, spaces: Spaces, tmp_path_factory: pytest.TempPathFactory
) -> Pair:
    return Pair(cloud, alice, tmp_path_factory.mktemp("pair"), spaces)


def test_guests_speak_both_versions(pair: Pair):
    one = pair.guests["one"]
    until(pair.talk, what="both guests by both versions")
    assert pair.keep_their_addresses()
    assert one.reaches("fd00:35::1")
    assert "default via fe80:" in one.run("ip -6 route")


def test_a_guest_sees_its_trunks_networks_by_their_tags(pair: Pair):
    one = pair.guests["one"]
    until(lambda: one.run("lsmod | grep -c ^8021q || true") == "1", what="VLANs in the guest")
    for tag, neighbour in pair.neighbours.items():
        card = pair.user.json("port show", f"tagged{tag}")["mac_address"]
        one.run(f"ip link add link eth0 name eth{tag} type vlan id {tag}")
        one.run(f"ip link set eth{tag} address {card} up")
        one.run(f"udhcpc -q -n -t 5 -i eth{tag} -s /etc/mini/lease > /dev/null 2>&1")
        own = pair.user.json("port show", f"tagged{tag}")["fixed_ips"][0]["ip_address"]
        assert f" {own}/24 " in one.run(f"ip address show eth{tag}")
        until(lambda neighbour=neighbour: one.reaches(neighbour.address), what=f"tag {tag}")
        assert neighbour.pings(own)


HEADERS = (
    "X-Instance-ID",
    "X-Tenant-ID",
    "X-Forwarded-For",
    "X-Real-IP",
    "Forwarded: for",
    "X-Neutron-Network-ID",
    "X-OVN-Network-ID",
    "X-Instance-ID-Signature",
)


def test_metadata_cannot_be_had_with_forged_headers(pair: Pair):
    ids = {name: pair.user.json("server show", name)["id"] for name in ("one", "two")}
    document = "http://169.254.169.254/openstack/latest/meta_data.json"
    for header in HEADERS:
        name, _, key = header.partition(": ")
        for value in (ids["two"], pair.fixed("two")):
            line = f"{name}: {key}={value}" if key else f"{name}: {value}"
            told = json.loads(pair.guests["one"].run(f"wget -q -O - --header '{line}' {document}"))
            assert told["uuid"] == ids["one"], header


def test_metadata_cannot_be_had_with_anothers_address(pair: Pair):
    one, theirs = pair.guests["one"], pair.fixed("two")
    one.run(f"ip address add {theirs}/32 dev lo; ip route add 169.254.169.253/32 dev lo")
    command = f"ping -c 1 -W 2 -I {theirs} {pair.fixed('one').rpartition('.')[0]}.1"
    assert one.run(f"{command} > /dev/null && echo answered || echo silence") == "silence"
    one.run(f"ip address del {theirs}/32 dev lo; ip route del 169.254.169.253/32 dev lo")


def another(pair: Pair, part: str, *, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Kill a part, and wait until the supervisor has another one; do something before."""
    record = Record(pair.cloud.state.run / f"{part}.process")
    process = record.find()
    assert process is not None
    meanwhile()
    process.terminate(signal.SIGKILL)
    until(lambda: record.find() not in (None, process), what=f"another {part}")


@pytest.mark.parametrize(
    "part",
    ["ovn-northd", "ovsdb-nb", "ovsdb-sb", "ovsdb-vswitch", "ovn-controller", "ovs-vswitchd", "server"],
)
def test_guests_outlive_a_killed_part(pair: Pair, part: str):
    another(pair, part)
    pair.come_back()


@pytest.mark.parametrize("databases", [("nb",), ("sb",), ("nb", "sb")], ids="-".join)
def test_guests_outlive_their_networks_databases(pair: Pair, databases: tuple[str, ...]):
    for name in databases:
        another(pair, f"ovsdb-{name}", meanwhile=(pair.cloud.state.path / "ovsdb" / f"{name}.db").unlink)
    pair.come_back()
