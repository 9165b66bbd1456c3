"""What may happen to a server in its life, through the official `openstack` client: its guest remembers.

The tests share one story and run in the order of the file; at most two guests run at once.
"""

import re

import pytest
import websocket

from cumulo.testing import leftovers
from cumulo.testing.guests import Guest
from cumulo.testing.launched import Client, CommandRefused, LaunchedCloud, until
from cumulo.testing.residence import FLAVOR, Residence

MARKER = "nobody writes this by chance"
LARGER = "mini.larger"


class Story:
    """One project with a server, the subject, on whose disk the marker is."""

    def __init__(self, cloud: LaunchedCloud, home: Residence) -> None:
        self.cloud = cloud
        self.user = home.user
        self.home = home
        self.subject = home.boot("subject", "home")
        self.subject.run(f"echo {MARKER} > /root/marker; sync")

    def becomes(self, status: str, server: str = "subject") -> None:
        """Wait for a server's status."""
        until(lambda: self.status(server) == status, seconds=120, what=f"{server} {status}")

    def status(self, server: str = "subject") -> str:
        """Return a server's status."""
        return str(self.user.json("server", "show", server)["status"])

    def remembers(self, guest: Guest | None = None) -> bool:
        """Wait until a guest answers; say whether the marker is on its disk."""
        found = guest or self.subject
        found.wait()
        return found.run("cat /root/marker") == MARKER

    def memory(self) -> int:
        """Return how much memory the subject's guest sees, MiB."""
        return int(self.subject.run("awk '/MemTotal/ {print $2}' /proc/meminfo")) // 1024


@pytest.fixture(scope="module")
def lena(cloud: LaunchedCloud) -> Client:
    client = cloud.user("lena")
    client("security", "group", "list")  # the project's default group is made when it is first looked for
    cloud.admin("flavor", "create", "--ram", "256", "--disk", "2", "--vcpus", "1", LARGER)
    return client


@pytest.fixture(scope="module")
def before(cloud: LaunchedCloud, lena: Client) -> leftovers.Inventory:
    return leftovers.settled(cloud)


@pytest.fixture(scope="module")
def story(
    cloud: LaunchedCloud, lena: Client, before: leftovers.Inventory, tmp_path_factory: pytest.TempPathFactory
) -> Story:
    home = Residence(cloud, lena, tmp_path_factory.mktemp("lena"))
    home.network("home", "10.17.0.0/24", router="door")
    return Story(cloud, home)


def test_a_serial_port_is_typed_at(story: Story):
    """What is typed comes back, and then what the guest says to it."""
    url = story.user.json("console", "url", "show", "--serial", "subject")["url"]
    port = websocket.create_connection(url, timeout=60)
    try:
        port.send_binary(b"\rwho-is-there\r")
        said = ""
        while not re.search(r"who-is-there(?s:.*)\n", said):
            said += port.recv().decode(errors="replace")
    finally:
        port.close()
    with pytest.raises(websocket.WebSocketException):
        websocket.create_connection(url, timeout=60)  # its token is used up


def test_a_resized_server_is_larger_and_remembers(story: Story):
    small = story.memory()
    story.user("server", "resize", "--flavor", LARGER, "--wait", "subject")
    assert story.status() == "VERIFY_RESIZE"
    assert story.remembers()
    assert story.memory() > small + 90
    story.user("server", "resize", "confirm", "subject")
    story.becomes("ACTIVE")
    assert story.user.json("server", "show", "subject")["flavor"]["original_name"] == LARGER


def test_a_smaller_disk_is_refused_by_name(story: Story):
    with pytest.raises(CommandRefused, match=r"smaller|disk"):
        story.user("server", "resize", "--flavor", FLAVOR, "subject")
    assert story.status() == "ACTIVE"


def test_a_server_that_nothing_else_can_take_stays_where_it_is(story: Story):
    story.cloud.admin("server", "migrate", story.user.json("server", "show", "subject")["id"])
    story.becomes("ACTIVE")
    (event, *_) = story.user.json("server", "event", "list", "subject")
    assert event["Action"] == "migrate"
    assert story.remembers()


def test_a_rescued_server_shows_its_own_disk_beside(story: Story):
    story.user("server", "rescue", "subject")
    story.becomes("RESCUE")
    story.subject.wait()
    disk = "mkdir -p /mnt && mount -t ext4 -o ro /dev/vdb2 /mnt && cat /mnt/root/marker; umount /mnt"
    assert story.subject.run(disk) == MARKER
    story.user("server", "unrescue", "subject")
    story.becomes("ACTIVE")
    assert story.remembers()


def test_a_shelved_server_leaves_its_host_and_comes_back(story: Story, before: leftovers.Inventory):
    story.user("server", "shelve", "--wait", "subject")
    story.becomes("SHELVED_OFFLOADED")
    grown = leftovers.grown(before, leftovers.inventory(story.cloud))
    assert grown.keys().isdisjoint({"domains", "guests' files", "allocations"})
    story.user("server", "unshelve", "--wait", "subject")
    story.becomes("ACTIVE")
    assert story.remembers()


def test_a_server_made_of_a_snapshot_remembers_too(story: Story):
    story.user("server", "image", "create", "--name", "portrait", "--wait", "subject")
    twin = story.home.boot("twin", "home", "--flavor", LARGER, image="portrait")
    assert story.remembers(twin)
    assert twin.run("hostname") == "twin"


def test_a_group_keeps_servers_apart_or_says_why_it_cannot(story: Story):
    group = story.user.json("server", "group", "create", "--policy", "anti-affinity", "apart")
    hint = ("--hint", f"group={group['id']}")
    story.user("server", "delete", "--wait", "twin")
    story.home.create("first", "home", *hint)
    with pytest.raises(CommandRefused):
        story.home.create("second", "home", *hint)
    shown = story.user.json("server", "show", "second")
    assert shown["status"] == "ERROR"
    assert "apart" in str(shown["fault"])
    assert shown["id"] in str(story.user.json("server", "group", "show", "apart")["members"])


def test_nothing_is_left_of_the_story(story: Story, before: leftovers.Inventory):
    story.user("server", "group", "delete", "apart")
    story.home.clear()
    story.user("image", "delete", "portrait")
    until(
        lambda: leftovers.grown(before, leftovers.inventory(story.cloud)) == {},
        seconds=60,
        what="nothing left",
    )
