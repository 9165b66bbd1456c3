"""Two real guests: what they see of their networks, and what they keep when these break."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from cumulo.runtime.engines.processes import Record
from cumulo.testing.guests import Guest
from cumulo.testing.launched import CommandRefused, LaunchedCloud, until
from cumulo.testing.official import OpenStack
from cumulo.testing.residence import Residence
from cumulo.testing.spaces import Space, Spaces
from cumulo.testing.topology import floating, network, opened, port, six


class Pair:
    """Two real guests, `one` and `two`, on a network of both IP versions; `one` is at a trunk's port."""

    def __init__(self, cloud: LaunchedCloud, user: OpenStack, folder: Path, spaces: Spaces) -> None:
        self.cloud = cloud
        self.user = user
        self.home = Residence(cloud, user, folder, name="traffic")
        self.home.network("dual", "10.35.0.0/24", router="dual-door")
        six(user, "dual", "fd00:35::/64", "slaac")
        self.neighbours = {tag: self._subport(tag, spaces) for tag in (101, 102)}
        self.ports = {name: port(user, name, "dual") for name in ("one", "two")}
        user("network trunk create", "trunk", "--parent-port", "one")
        for tag in self.neighbours:
            subport = f"port=tagged{tag},segmentation-type=vlan,segmentation-id={tag}"
            user("network trunk set", "trunk", "--subport", subport)
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
    cloud: LaunchedCloud, administrator: OpenStack, spaces: Spaces, tmp_path_factory: pytest.TempPathFactory
) -> Pair:
    return Pair(cloud, opened(administrator.member("pair")), tmp_path_factory.mktemp("pair"), spaces)


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
