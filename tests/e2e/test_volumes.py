"""Volumes with real guests, which write to them and read again, through the official `openstack` client.

The tests share one story and run in the order of the file; at most two guests run at once.
"""

import contextlib
import mmap
import os
import signal
from collections.abc import Callable

import pytest

from cumulo.testing import leftovers
from cumulo.testing.guests import Guest
from cumulo.testing.launched import Client, CommandRefused, LaunchedCloud, until
from cumulo.testing.residence import Residence

GIB = 1 << 30
FORMATTED = "mke2fs {disk} > /dev/null && mount -t ext2 {disk} /mnt"
MARKER = "nobody writes this by chance"
SECRET = "nobody may read this beside us"
ONLINE = ("--os-volume-api-version", "3.42")  # since which volumes grow while they are in use
UNFORCED = ("--os-volume-api-version", "3.66")  # since which they are snapshotted so without `--force`
WRITING = """
    head -c 8000000 /dev/urandom > /tmp/piece
    (for n in 1 2 3 4 5 6; do
        dd if=/tmp/piece of=/mnt/piece-$n bs=1M conv=fsync && sleep 1 || exit
    done; echo all > /tmp/written) > /tmp/said 2>&1 &
"""


class Story:
    """One project's guests and volumes, and the words for what happens to them."""

    def __init__(self, cloud: LaunchedCloud, home: Residence) -> None:
        self.cloud = cloud
        self.home = home
        self.user = home.user
        self.writer = home.boot("writer", "home")

    def volume(self, name: str, *options: str) -> None:
        """Make a volume, and wait until it is there."""
        self.user("volume", "create", *options, name)
        self.becomes(name, "available")

    def becomes(self, name: str, status: str) -> None:
        """Wait for a volume's status."""
        self.reaches(lambda: self.user.json("volume", "show", name)["status"] == status, f"{name} {status}")

    def reaches(self, condition: Callable[[], bool], what: str, seconds: float = 90) -> None:
        """Wait for something, also while the cloud is away."""

        def met() -> bool:
            with contextlib.suppress(CommandRefused):
                return condition()
            return False

        until(met, seconds=seconds, what=what)

    def attach(self, server: str, volume: str) -> str:
        """Give a server a volume, and wait until its guest has it; return the disk there."""
        self.user("server", "add", "volume", server, volume)
        self.becomes(volume, "in-use")
        return self.disk(server, volume)

    def detach(self, server: str, volume: str) -> None:
        """Take a volume from a server, and wait until it is free."""
        self.user("server", "remove", "volume", server, volume)
        self.becomes(volume, "available")

    def disk(self, server: str, volume: str) -> str:
        """Return a volume's disk in its guest, which knows it by its serial number; "" when it has none."""
        identity = self.user.json("volume", "show", volume)["id"]
        found = self.guest(server).run(f"grep -l {identity[:20]} /sys/block/*/serial || true")
        return f"/dev/{found.split('/')[3]}" if found else ""

    def size(self, server: str, volume: str) -> int:
        """Return how large a guest finds a volume."""
        return int(self.guest(server).run(f"blockdev --getsize64 {self.disk(server, volume)}"))

    def guest(self, server: str) -> Guest:
        """Return a server's guest."""
        return self.home.servers[server]

    def dies(self, point: str, *doing: str) -> None:
        """Have the cloud killed at a part of a saga, which a command leads to, and start it as usual."""
        self.kill_at(point, lambda: self.user(*doing))

    def kill_at(self, point: str, do: Callable[[], object]) -> None:
        """Have the cloud killed at a part of a saga, which something done leads to, and start it as usual."""
        self.cloud.kill()
        self.cloud.up(CUMULO_KILL_AT=point)
        process = self.cloud.server
        with contextlib.suppress(CommandRefused):  # it may die before it has answered
            do()
        until(lambda: not process.alive(), seconds=60, what=f"the death at {point}")
        self.cloud.kill()
        self.cloud.up()


@pytest.fixture(scope="module")
def vera(cloud: LaunchedCloud) -> Client:
    client = cloud.user("vera")
    client("security", "group", "list")  # the project's default group is made when it is first looked for
    return client


@pytest.fixture(scope="module")
def before(cloud: LaunchedCloud, vera: Client) -> leftovers.Inventory:
    """What stands before anything was made, but for a project and a type of encrypted volumes."""
    cipher = ("--encryption-provider", "luks", "--encryption-cipher", "aes-xts-plain64")
    key = ("--encryption-key-size", "256", "--encryption-control-location", "front-end")
    cloud.admin("volume", "type", "create", *cipher, *key, "sealed")
    return leftovers.settled(cloud)


@pytest.fixture(scope="module")
def story(
    cloud: LaunchedCloud, vera: Client, before: leftovers.Inventory, tmp_path_factory: pytest.TempPathFactory
) -> Story:
    home = Residence(cloud, vera, tmp_path_factory.mktemp("vera"))
    home.network("home", "10.15.0.0/24", router="door")
    return Story(cloud, home)


def test_a_guest_formats_an_attached_volume_and_writes(story: Story):
    story.volume("data", "--size", "1")
    disk = story.attach("writer", "data")
    assert story.size("writer", "data") == GIB
    story.writer.run(FORMATTED.format(disk=disk))
    story.writer.run(f"echo {MARKER} > /mnt/marker; sync")


def test_a_guest_sees_its_volume_grow(story: Story):
    story.user(*ONLINE, "volume", "set", "--size", "2", "data")
    story.reaches(lambda: story.size("writer", "data") == 2 * GIB, "a larger disk in the guest")
    story.becomes("data", "in-use")
    assert story.writer.run("cat /mnt/marker") == MARKER


def test_a_snapshot_of_an_attached_volume_holds_its_content(story: Story):
    story.user(*UNFORCED, "volume", "snapshot", "create", "--volume", "data", "moment")
    story.reaches(
        lambda: story.user.json("volume", "snapshot", "show", "moment")["status"] == "available", "a snapshot"
    )
    story.writer.run("echo later > /mnt/marker; sync")
    story.volume("past", "--snapshot", "moment")
    disk = story.attach("writer", "past")
    story.writer.run(f"mkdir -p /media/past && mount -t ext2 -o ro {disk} /media/past")
    assert story.writer.run("cat /media/past/marker") == MARKER
    story.writer.run("umount /media/past")
    story.detach("writer", "past")
    assert story.disk("writer", "past") == ""
    story.user("volume", "delete", "past")
    story.user("volume", "snapshot", "delete", "moment")
    story.writer.run(f"echo {MARKER} > /mnt/marker; sync")


def test_what_a_guest_writes_waits_for_a_storage_daemon_that_was_killed(story: Story):
    story.writer.run(WRITING)
    story.reaches(lambda: story.writer.run("ls /mnt/piece-2") != "", "the first pieces")
    daemons = leftovers.storage_daemons(story.cloud.state)
    assert daemons
    for pid in daemons:
        os.kill(int(pid), signal.SIGKILL)
    story.reaches(lambda: story.writer.run("cat /tmp/written") == "all", "all pieces")
    assert daemons.isdisjoint(leftovers.storage_daemons(story.cloud.state))
    disk = story.disk("writer", "data")
    story.writer.run(f"umount /mnt && echo 3 > /proc/sys/vm/drop_caches && mount -t ext2 {disk} /mnt")
    sums = story.writer.run("md5sum /tmp/piece /mnt/piece-*").split()[::2]
    assert (len(sums), len(set(sums))) == (7, 1)


def test_a_hard_reboot_keeps_the_volumes(story: Story):
    boot = story.writer.boot_id
    story.user("server", "reboot", "--hard", "--wait", "writer")
    story.reaches(lambda: story.writer.boot_id != boot, "another boot")
    story.writer.run(f"mount -t ext2 {story.disk('writer', 'data')} /mnt")
    assert story.writer.run("cat /mnt/marker") == MARKER


def test_a_killed_attachment_is_completed(story: Story):
    story.volume("more", "--size", "1")
    story.dies("AttachVolume.attach:after", "server", "add", "volume", "writer", "more")
    story.reaches(lambda: story.user.json("volume", "show", "more")["status"] == "in-use", "the attachment")
    assert story.size("writer", "more") == GIB


def test_a_killed_extension_is_completed(story: Story):
    story.dies("ExtendVolume.grow:after", *ONLINE, "volume", "set", "--size", "2", "more")
    story.reaches(lambda: story.size("writer", "more") == 2 * GIB, "a larger disk in the guest")
    story.becomes("more", "in-use")


def test_a_killed_detachment_is_completed(story: Story):
    story.dies("DetachVolume.detach:after", "server", "remove", "volume", "writer", "more")
    story.reaches(lambda: story.user.json("volume", "show", "more")["status"] == "available", "a free volume")
    assert story.disk("writer", "more") == ""
    assert story.writer.run("cat /mnt/marker") == MARKER
    story.user("volume", "delete", "more")


def test_a_server_is_made_of_the_image_of_a_running_one(story: Story):
    """The image's server boots from a volume made of it."""
    story.writer.run(f"echo {MARKER} > /root/marker; sync")
    story.user("server", "image", "create", "--name", "portrait", "--wait", "writer")
    assert story.writer.run("cat /root/marker") == MARKER
    reader = story.home.boot("reader", "home", "--boot-from-volume", "1", image="portrait")
    assert reader.run("cat /root/marker") == MARKER
    (attached,) = story.user.json("server", "volume", "list", "reader")
    root = story.user.json("volume", "show", attached["Volume ID"])
    assert root["volume_image_metadata"]["image_name"] == "portrait"


def test_another_guest_reads_what_was_written(story: Story):
    story.writer.run("umount /mnt")
    story.detach("writer", "data")
    disk = story.attach("reader", "data")
    reader = story.guest("reader")
    reader.run(f"mount -t ext2 {disk} /mnt")
    assert reader.run("cat /mnt/marker") == MARKER
    reader.run("umount /mnt")
    story.detach("reader", "data")
    story.user("volume", "delete", "data")


def test_a_read_only_volume_is_only_read(story: Story):
    story.volume("archive", "--size", "1", "--read-only")
    disk = story.attach("writer", "archive")
    with pytest.raises(CommandRefused, match=r"(?i)permitted|read-only"):
        story.writer.run(f"dd if=/dev/zero of={disk} bs=4k count=1 conv=fsync")
    assert story.writer.run(f"cat /sys/block/{disk.removeprefix('/dev/')}/ro") == "1"
    story.detach("writer", "archive")
    story.user("volume", "delete", "archive")


def test_an_encrypted_volume_hides_what_a_guest_writes(story: Story):
    story.volume("diary", "--size", "1", "--type", "sealed")
    disk = story.attach("writer", "diary")
    assert story.size("writer", "diary") == GIB
    story.writer.run(FORMATTED.format(disk=disk))
    story.writer.run(f"for n in $(seq 1000); do echo {SECRET}; done > /mnt/marker; sync")
    story.user(*ONLINE, "volume", "set", "--size", "2", "diary")
    story.reaches(lambda: story.size("writer", "diary") == 2 * GIB, "a larger disk in the guest")
    story.writer.run("umount /mnt")
    story.detach("writer", "diary")
    files = list((story.cloud.state.path / "volumes" / "layers").iterdir())
    assert files
    assert not any(SECRET.encode() in file.read_bytes() for file in files)
    disk = story.attach("reader", "diary")
    story.guest("reader").run(f"mount -t ext2 {disk} /mnt")
    assert story.guest("reader").run("tail -n 1 /mnt/marker") == SECRET


def test_the_image_of_an_encrypted_volume_holds_its_content_for_its_project_alone(story: Story):
    story.volume("letters", "--size", "1", "--type", "sealed")
    disk = story.attach("writer", "letters")
    story.writer.run(FORMATTED.format(disk=disk))
    story.writer.run(f"for n in $(seq 1000); do echo {SECRET}; done > /mnt/marker; umount /mnt")
    story.detach("writer", "letters")
    story.user("image", "create", "--volume", "letters", "bundle")
    story.reaches(lambda: story.user.json("image", "show", "bundle")["status"] == "active", "an image")
    image = story.user.json("image", "show", "bundle")["id"]
    (stored,) = (story.cloud.state.path / "images").rglob(f"*{image}*")
    with stored.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        assert content[:4] == b"LUKS"
        assert content.find(SECRET.encode()) == -1
    story.becomes("letters", "available")
    with pytest.raises(CommandRefused, match="encrypted"):
        story.user("volume", "create", "--size", "1", "--image", "bundle", "open")
    story.user("volume", "create", "--size", "1", "--type", "sealed", "--image", "bundle", "copies")
    story.reaches(
        lambda: story.user.json("volume", "show", "copies")["status"] == "available",
        "a volume, every byte of which is written anew",
        seconds=300,
    )
    disk = story.attach("writer", "copies")
    story.writer.run(f"mount -t ext2 {disk} /mnt")
    assert story.writer.run("tail -n 1 /mnt/marker") == SECRET
    story.writer.run("umount /mnt")
    story.detach("writer", "copies")
    story.user("image", "delete", "bundle")


def test_deleting_all_leaves_nothing(cloud: LaunchedCloud, story: Story, before: leftovers.Inventory):
    """The diary is attached when its server goes; the root volume stays, as nobody asked for its end."""
    story.user("server", "delete", "--wait", "reader")
    story.becomes("diary", "available")
    story.home.clear()
    for volume in story.user.json("volume", "list"):
        story.user("volume", "delete", volume["ID"])
    story.user("image", "delete", "portrait")
    until(
        lambda: leftovers.grown(before, leftovers.inventory(cloud)) == {},
        seconds=30,
        what=f"nothing left, but there was {leftovers.grown(before, leftovers.inventory(cloud))}",
    )
