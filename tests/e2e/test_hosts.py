"""A cloud on two hosts with real guests, through the official client: servers go from one to the other.

The tests share one story and run in the order of the file. The second host is a network namespace of this
machine with engines and a node of its own; it is killed and comes back.
"""

import contextlib
import itertools
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cumulo.runtime.engines.certificates import FOLDER, strangers
from cumulo.runtime.hosts.folder import hosts_of
from cumulo.runtime.state import StateFolder
from cumulo.testing.guests import Guest
from cumulo.testing.launched import Client, CommandRefused, LaunchedCloud, until
from cumulo.testing.residence import Residence

SECOND = "second"
ZONE = "far"
LIVE = ("--os-compute-api-version", "2.30")  # since which a live migration may name its host freely
OLD = ("--os-compute-api-version", "2.94")  # until which evacuated servers run
MARKER = "nobody writes this by chance"
ROOMY = ("--ram", "128", "--vcpus", "1", "--disk", "1", "--ephemeral", "1", "--swap", "16")
EPHEMERAL = "/dev/vdb"
FORMATTED = "mke2fs {disk} > /dev/null 2>&1 && mount -t ext2 {disk} /mnt"
CHURN = """cat > /run/churn << 'END'
echo $$ > /run/churning
while :; do
  head -c 4000000 /dev/urandom > /run/one; cp /run/one /run/two; sync; cp /run/two /run/three
  cmp /run/one /run/three || echo differs >> /run/lost
  date > /run/turned
done
END
(setsid sh /run/churn < /dev/null > /dev/null 2>&1 &)"""
"""Writes memory all the time and looks whether it holds: what is not carried over shows, or crashes it."""
SENT = re.compile(r"^\[(\d+\.\d+)\] .*bytes from", re.MULTILINE)


class Story:
    """One project's servers on two hosts, as its user and the administrator see them."""

    def __init__(self, cloud: LaunchedCloud, home: Residence) -> None:
        self.cloud = cloud
        self.home = home
        self.admin = cloud.admin
        self.first = cloud.state.host
        self.ids: dict[str, str] = {}
        cloud.admin("flavor", "create", "--public", *ROOMY, "roomy")
        self.roamer: Guest = home.boot("roamer", "home", "--flavor", "roomy")
        self.boots = self.roamer.boot_id

    def id(self, server: str) -> str:
        """Return a server's id."""
        if server not in self.ids:
            self.ids[server] = self.home.user.json("server", "show", server)["id"]
        return self.ids[server]

    def show(self, server: str) -> dict[str, Any]:
        """Return a server's document, also while the cloud is away."""

        def shown() -> dict[str, Any]:
            with contextlib.suppress(CommandRefused):
                found: dict[str, Any] = self.admin.json("server", "show", self.id(server))
                return found
            return {}

        return until(shown, seconds=90, what=f"{server} shown")

    def host(self, server: str) -> str:
        """Return the host that a server is on."""
        return str(self.show(server)["OS-EXT-SRV-ATTR:host"])

    def whereabouts(self, volume: str) -> str:
        """Return the host on which a server has a volume."""
        (held,) = self.admin.json("volume", "show", self.volume(volume))["attachments"]
        return str(held["host_name"])

    def volume(self, name: str) -> str:
        """Return a volume's id."""
        return str(self.home.user.json("volume", "show", name)["id"])

    def unpack(self, volume: str) -> None:
        """Mount a volume in the guest that has just booted."""
        disk = self.roamer.run(f"grep -l {self.volume(volume)[:20]} /sys/block/*/serial").split("/")[3]
        self.roamer.run(f"mount -t ext2 /dev/{disk} /mnt")

    def other(self, server: str) -> str:
        """Return the host that it is not on."""
        return SECOND if self.host(server) == self.first else self.first

    def settled(self, server: str) -> dict[str, Any]:
        """Wait until nothing is done to a server any more."""

        def idle() -> dict[str, Any]:
            found = self.show(server)
            return found if found["OS-EXT-STS:task_state"] is None else {}

        return until(idle, seconds=240, what=f"{server} settled")

    def move(self, server: str, host: str) -> None:
        """Move a running server, and wait until it is there."""
        self.admin(*LIVE, "server", "migrate", "--live-migration", "--host", host, "--wait", self.id(server))
        found = self.settled(server)
        assert (found["status"], found["OS-EXT-SRV-ATTR:host"]) == ("ACTIVE", host)


@contextlib.contextmanager
def pinged(address: str, folder: Path) -> Iterator[Callable[[], float]]:
    """Ping an address ten times a second; give what says the longest time without an answer, in seconds."""
    file = folder / "pings"
    with file.open("wb") as output:
        process = subprocess.Popen(["ping", "-D", "-i", "0.1", "-W", "1", address], stdout=output)

    def longest() -> float:
        time.sleep(1)  # what follows the last answer counts as well
        times = [float(text) for text in SENT.findall(file.read_text())] + [time.time() - 1]
        assert len(times) > 10
        return max(later - earlier for earlier, later in itertools.pairwise(times))

    try:
        time.sleep(1)
        yield longest
    finally:
        process.terminate()
        process.wait()


def end_of(guest: Guest) -> str:
    """Return what the guest wrote near the end of its ephemeral disk."""
    return guest.run(f"dd if={EPHEMERAL} bs=1M skip=1000 count=1 2> /dev/null | tr -d '\\000' | head -n 1")


def losses(guest: Guest) -> str:
    """Wait until the guest has gone once more round `CHURN`; return what it found lost, one line each."""
    turn = "rm -f /run/turned; until [ -e /run/turned ]; do sleep 0.1; done"
    return guest.run(f"{turn}; cat /run/lost 2> /dev/null || true")


@pytest.fixture(scope="module")
def story(make_cloud: Callable[..., LaunchedCloud], tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Two hosts, and a server on one of them."""
    cloud = make_cloud()
    cloud.up()
    cloud.command("host", "add", SECOND)
    home = Residence(cloud, cloud.user("wanda"), tmp_path_factory.mktemp("hosts"))
    home.network("home", "10.44.0.0/24", "way")
    until(lambda: _up(cloud.admin) == {cloud.state.host, SECOND}, what="both hosts are up")
    return Story(cloud, home)


def _up(admin: Client) -> set[str]:
    services = admin.json("compute", "service", "list", "--service", "nova-compute")
    return {service["Host"] for service in services if service["State"] == "up"}


def test_a_server_of_a_zone_is_on_the_zones_host_and_reaches_one_elsewhere(story: Story) -> None:
    """An aggregate makes the second host a zone; frames go between the hosts through a tunnel."""
    if story.host("roamer") == SECOND:
        story.move("roamer", story.first)
    story.admin("aggregate", "create", "--zone", ZONE, ZONE)
    story.admin("aggregate", "add", "host", ZONE, SECOND)
    settler = story.home.boot("settler", "home", "--availability-zone", ZONE)
    assert story.host("settler") == SECOND
    assert settler.reaches(story.home.fixed_address("roamer", "home"))
    assert story.roamer.reaches(story.home.fixed_address("settler", "home"))


def test_a_running_server_moves_under_a_ping_that_hardly_notices(story: Story, tmp_path: Path) -> None:
    """There and back, with what it has in memory, on its disk and on a volume."""
    user = story.home.user
    user("volume", "create", "--size", "1", "luggage")
    until(lambda: user.json("volume", "show", "luggage")["status"] == "available", what="luggage")
    user("server", "add", "volume", "roamer", "luggage")
    identity = user.json("volume", "show", "luggage")["id"][:20]
    found = until(
        lambda: story.roamer.run(f"grep -l {identity} /sys/block/*/serial || true"), what="the volume's disk"
    )
    disk = f"/dev/{found.split('/')[3]}"
    story.roamer.run(FORMATTED.format(disk=disk))
    story.roamer.run(f"echo {MARKER} > /root/kept; echo {MARKER} > /mnt/kept; sync")
    story.roamer.run(f"echo {MARKER} | dd of={EPHEMERAL} bs=1M seek=1000 conv=fsync 2> /dev/null")
    story.roamer.run(CHURN)
    gaps = []
    for _ in range(2):
        with pinged(story.roamer.address, tmp_path) as longest:
            story.move("roamer", story.other("roamer"))
            gaps.append(longest())
        story.roamer.wait()  # emulated, a guest is slow at first: nothing of it is translated yet
        assert story.roamer.boot_id == story.boots
        assert story.roamer.run("cat /root/kept /mnt/kept") == f"{MARKER}\n{MARKER}"
        assert end_of(story.roamer) == MARKER
        assert losses(story.roamer) == ""
        story.roamer.run("date > /mnt/later && sync")
    story.roamer.run("kill $(cat /run/churning)")
    assert min(gaps) < 2, gaps  # the better one: a machine that is busy with other things loses more


def test_a_guest_does_not_go_to_a_host_that_cannot_prove_its_name(story: Story) -> None:
    """What shows the first host's certificate is not the second: the guest stays, and runs on."""
    if story.host("roamer") == SECOND:
        story.move("roamer", story.first)
    shown = folder_of(story.cloud.state, SECOND) / "server-cert.pem"
    key = shown.with_name("server-key.pem")
    kept = [(file, file.read_bytes()) for file in (shown, key)]
    for file, _ in kept:
        file.write_bytes((folder_of(story.cloud.state, "") / file.name).read_bytes())
    try:
        story.admin(*LIVE, "server", "migrate", "--live-migration", "--host", SECOND, story.id("roamer"))
        found = story.settled("roamer")
    finally:
        for file, content in kept:
            file.write_bytes(content)
    assert (found["status"], found["OS-EXT-SRV-ATTR:host"]) == ("ACTIVE", story.first)
    (last, *_) = story.admin.json(*LIVE, "server", "migration", "list", "--server", story.id("roamer"))
    assert last["Status"] == "error"
    assert story.roamer.boot_id == story.boots
    story.move("roamer", SECOND)


def test_guests_move_while_the_authority_turns(story: Story) -> None:
    """The turn begins while a guest is on its way, and the guest goes back when it is over."""
    before = [(folder_of(story.cloud.state, host) / "server-cert.pem").read_bytes() for host in ("", SECOND)]
    with ThreadPoolExecutor(1) as pool:
        moving = pool.submit(story.move, "roamer", story.other("roamer"))
        until(lambda: story.show("roamer")["OS-EXT-STS:task_state"] == "migrating", what="it leaves")
        said = story.cloud.command("keys", "rotate", "--authority")
        moving.result()
    assert "for 2 host(s)" in said
    after = [(folder_of(story.cloud.state, host) / "server-cert.pem").read_bytes() for host in ("", SECOND)]
    assert not {*before} & {*after}
    assert strangers([story.cloud.state, *hosts_of(story.cloud.state)]) == []
    story.move("roamer", story.other("roamer"))
    assert story.roamer.boot_id == story.boots


def folder_of(state: StateFolder, host: str) -> Path:
    """Return the folder of a host's certificates; "": of the machine itself."""
    return state.path / "hosts" / host / FOLDER if host else state.path / FOLDER


@pytest.mark.parametrize("seconds", [0.3, 2, 5])
def test_a_migration_ends_well_whenever_cumulo_is_killed(story: Story, seconds: float) -> None:
    """The guest is on one of both hosts, and never boots."""
    wanted = story.other("roamer")
    story.admin(*LIVE, "server", "migrate", "--live-migration", "--host", wanted, story.id("roamer"))
    time.sleep(seconds)  # anywhere in the migration's course
    story.cloud.kill()
    story.cloud.up()
    found = story.settled("roamer")
    assert found["status"] == "ACTIVE"
    assert found["OS-EXT-SRV-ATTR:host"] in (story.first, SECOND)
    story.roamer.wait()
    assert story.roamer.boot_id == story.boots
    assert story.roamer.run("cat /mnt/kept") == MARKER


def test_a_cold_migration_carries_the_disks(story: Story) -> None:
    """The server is off meanwhile; confirmed, it is where it went, and so is its ephemeral disk."""
    wanted = story.other("roamer")
    story.admin("server", "migrate", "--wait", story.id("roamer"))
    story.admin("server", "migration", "confirm", story.id("roamer"))
    found = story.settled("roamer")
    assert (found["status"], found["OS-EXT-SRV-ATTR:host"]) == ("ACTIVE", wanted)
    story.roamer.wait()
    assert story.roamer.run("cat /root/kept") == MARKER
    assert end_of(story.roamer) == MARKER
    story.boots = story.roamer.boot_id


def test_a_cold_migration_that_is_taken_back_finds_the_old_disk(story: Story) -> None:
    """What was written elsewhere is lost with the disk there; the volume is the same everywhere."""
    began = story.host("roamer")
    story.admin("server", "migrate", "--wait", story.id("roamer"))
    assert story.show("roamer")["status"] == "VERIFY_RESIZE"
    assert story.host("roamer") == story.whereabouts("luggage") != began
    story.roamer.wait()
    story.unpack("luggage")
    story.roamer.run("date > /root/elsewhere; date > /mnt/elsewhere; sync")
    story.admin("server", "migration", "revert", story.id("roamer"))
    found = story.settled("roamer")
    assert (found["status"], found["OS-EXT-SRV-ATTR:host"]) == ("ACTIVE", began)
    assert story.whereabouts("luggage") == began
    story.roamer.wait()
    assert story.roamer.run("cat /root/kept; ls /root/elsewhere 2> /dev/null || true") == MARKER
    story.unpack("luggage")
    assert story.roamer.run("cat /mnt/kept; wc -l < /mnt/elsewhere") == f"{MARKER}\n1"
    story.boots = story.roamer.boot_id


def test_servers_of_a_group_that_shun_each_other_are_on_different_hosts(story: Story) -> None:
    """A third finds no host, and says so."""
    user = story.home.user
    user("server", "group", "create", "--policy", "anti-affinity", "strangers")
    group = user.json("server", "group", "list")[0]["ID"]
    for name in ("one", "two"):
        story.home.create(name, "home", "--hint", f"group={group}")
    assert {story.host("one"), story.host("two")} == {story.first, SECOND}
    with pytest.raises(CommandRefused):
        story.home.create("three", "home", "--hint", f"group={group}")
    fault = user.json("server", "show", "three")["fault"]["message"]
    assert "strangers" in fault
    user("server", "delete", "--wait", "one", "two", "three")


def test_a_server_of_a_killed_host_is_made_anew_and_never_runs_twice(story: Story) -> None:
    """Its volume is as it was, its ephemeral disk empty; the host that comes back has nothing of it."""
    if story.host("roamer") != SECOND:
        story.move("roamer", SECOND)
    server_id = story.id("roamer")
    with pytest.raises(CommandRefused, match="still in use"):
        story.admin(*OLD, "server", "evacuate", server_id)
    story.cloud.command("host", "crash", SECOND)
    story.admin(*OLD, "compute", "service", "set", "--down", SECOND, "nova-compute")
    story.admin(*OLD, "server", "evacuate", server_id)  # its `--wait` looks for a state that is over by then
    found = story.settled("roamer")
    assert (found["status"], found["OS-EXT-SRV-ATTR:host"]) == ("ACTIVE", story.first)
    story.roamer.wait()
    assert story.roamer.boot_id != story.boots
    assert story.roamer.run(f"blockdev --getsize64 {EPHEMERAL}") == str(1 << 30)
    assert end_of(story.roamer) == ""
    assert story.whereabouts("luggage") == story.first
    story.unpack("luggage")
    assert story.roamer.run("cat /mnt/kept") == MARKER
    story.cloud.command("host", "start", SECOND)
    story.admin(*OLD, "compute", "service", "set", "--up", SECOND, "nova-compute")
    until(lambda: SECOND in _up(story.admin), seconds=90, what="the host is up again")
    left = story.cloud.state.path / "hosts" / SECOND / "node" / "servers" / server_id
    until(lambda: not left.exists(), seconds=90, what="nothing of the server is left there")
    assert story.roamer.run("cat /mnt/kept") == MARKER
