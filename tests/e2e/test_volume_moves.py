"""Volumes that move under a guest that writes: to other pools, of other kinds, and into other volumes.

The tests share one story, one guest and one cloud, with two pools of files and one behind iSCSI.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e.test_volumes import FORMATTED, MARKER, ONLINE, Story

from cumulo.testing.launched import Client, LaunchedCloud, said_by
from cumulo.testing.residence import Residence

GIB = 1 << 30
SETTINGS = """
[volumes.backends.local]
driver = "local"
[volumes.backends.second]
driver = "local"
path = "volumes-second"
[volumes.backends.targets]
driver = "iscsi"
"""
WRITING = """
    rm -f /tmp/written /mnt/piece-*; head -c 4000000 /dev/urandom > /tmp/piece
    (n=0; while [ ! -e /tmp/enough ]; do
        n=$((n+1)); dd if=/tmp/piece of=/mnt/piece-$((n%20)) bs=1M conv=fsync || exit
    done; echo all > /tmp/written) > /tmp/said 2>&1 &
"""
SWAP = """
import openstack, sys
compute = openstack.connect().compute
server, old, new = sys.argv[1:]
path = f"/servers/{server}/os-volume_attachments/{old}"
answer = compute.put(path, json={"volumeAttachment": {"volumeId": new}}, microversion="2.85")
sys.exit(None if answer.status_code == 202 else f"{answer.status_code}: {answer.text}")
"""


class Moves(Story):
    """The story of one guest's volumes, with the administrator who moves them."""

    def __init__(self, cloud: LaunchedCloud, home: Residence) -> None:
        super().__init__(cloud, home)
        self.admin: Client = cloud.admin

    @classmethod
    def begin(cls, cloud: LaunchedCloud, name: str, prefix: str, folder: Path) -> "Moves":
        """Return a user's story: a guest with a volume of the type `on-local`, on which a marker lies."""
        user = cloud.user(name)
        user("security", "group", "list")  # the project's default group is made when it is first looked for
        home = Residence(cloud, user, folder)
        home.network("home", prefix, router="door")
        made = cls(cloud, home)
        made.volume("data", "--size", "1", "--type", "on-local")
        disk = made.attach("writer", "data")
        made.writer.run(FORMATTED.format(disk=disk))
        made.writer.run(f"echo {MARKER} > /mnt/marker; sync")
        return made

    def seen(self, volume: str) -> dict[str, str]:
        """Return a volume as an administrator sees it."""
        identity = self.user.json("volume", "show", volume)["id"]
        found: dict[str, str] = self.admin.json("volume", "show", identity)
        return found

    def backend(self, volume: str) -> str:
        """Return the backend that a volume lies in."""
        return self.standing(volume)[0]

    def pool(self, backend: str) -> str:
        """Return a backend's pool, as volumes are moved to it."""
        hosts = {service["Host"] for service in self.admin.json("volume", "service", "list")}
        return next(f"{host}#volumes" for host in hosts if host.endswith(f"@{backend}"))

    def move(self, volume: str, backend: str) -> None:
        """Have a volume moved to another backend, and wait until it is there."""
        self.admin("volume", "migrate", "--host", self.pool(backend), self.seen(volume)["id"])
        self.arrives(volume, backend)

    def arrives(self, volume: str, backend: str) -> None:
        """Wait until a volume is in a backend."""
        moved = (backend, "success", "in-use")
        self.reaches(lambda: self.standing(volume) == moved, f"{volume} in {backend}")

    def standing(self, volume: str) -> tuple[str, str | None, str]:
        """Return the backend that a volume lies in, how far its last move is, and its status."""
        seen = self.seen(volume)
        backend = seen["os-vol-host-attr:host"].partition("@")[2].partition("#")[0]
        return backend, seen["os-vol-mig-status-attr:migstat"], seen["status"]

    def write_on(self) -> None:
        """Have the guest write piece after piece to its disk."""
        self.writer.run("rm -f /tmp/enough")
        self.writer.run(WRITING)
        self.reaches(lambda: self.writer.run("ls /mnt/piece-2 2>/dev/null || true") != "", "the first pieces")

    def check_written(self, disk: str) -> None:
        """End the writing, and read from the disk what was written."""
        self.writer.run("touch /tmp/enough")
        self.reaches(
            lambda: self.writer.run("cat /tmp/written 2>/dev/null || true") == "all", "the last piece"
        )
        self.read_again(disk)

    def read_again(self, disk: str) -> None:
        """Read all pieces from the disk itself, whose file system must be whole."""
        self.writer.run("umount /mnt && echo 3 > /proc/sys/vm/drop_caches")
        self.writer.run(f"mount -t ext2 {disk} /mnt")
        sums = self.writer.run("md5sum /tmp/piece /mnt/piece-*").split()[::2]
        assert len(sums) > 2
        assert len(set(sums)) == 1
        assert self.writer.run("cat /mnt/marker") == MARKER

    def files(self, backend_folder: str) -> list[Path]:
        """Return the layers in a backend's folder."""
        folder = self.cloud.state.path / backend_folder / "layers"
        return list(folder.iterdir()) if folder.is_dir() else []


@pytest.fixture(scope="module")
def cloud(make_cloud: Callable[..., LaunchedCloud]) -> Iterator[LaunchedCloud]:
    started = make_cloud(SETTINGS)
    started.up()
    yield started
    started.kill()
    started.reset()


@pytest.fixture(scope="module")
def story(cloud: LaunchedCloud, tmp_path_factory: pytest.TempPathFactory) -> Moves:
    for backend in ("local", "second"):
        words = ("--property", f"volume_backend_name={backend}")
        cloud.admin("volume", "type", "create", *words, f"on-{backend}")
    cloud.admin("volume", "type", "create", "anywhere")
    return Moves.begin(cloud, "mona", "10.16.0.0/24", tmp_path_factory.mktemp("mona"))


def test_a_volume_moves_to_another_pool_while_its_guest_writes(story: Moves):
    assert story.backend("data") == "local"
    disk = story.disk("writer", "data")
    story.write_on()
    story.admin(
        "volume", "set", "--type", "on-second", "--retype-policy", "on-demand", story.seen("data")["id"]
    )
    story.arrives("data", "second")
    assert story.seen("data")["type"] == "on-second"
    assert story.disk("writer", "data") == disk
    story.check_written(disk)
    story.reaches(lambda: story.files("volumes") == [], "an empty old pool")


def test_a_moved_volume_grows_and_is_there_after_a_hard_reboot(story: Moves):
    story.user(*ONLINE, "volume", "set", "--size", "2", "data")
    story.reaches(lambda: story.size("writer", "data") == 2 * GIB, "a larger disk in the guest")
    story.becomes("data", "in-use")
    boot = story.writer.boot_id
    story.writer.run("sync")
    story.user("server", "reboot", "--hard", "--wait", "writer")
    story.reaches(lambda: story.writer.boot_id != boot, "another boot")
    story.writer.run(f"mount -t ext2 {story.disk('writer', 'data')} /mnt")
    assert story.writer.run("cat /mnt/marker") == MARKER


def test_a_volume_moves_behind_iscsi_and_back_and_grows_there(story: Moves):
    disk = story.disk("writer", "data")
    story.admin("volume", "set", "--type", "anywhere", story.seen("data")["id"])
    story.reaches(lambda: story.seen("data")["type"] == "anywhere", "the new type")
    story.write_on()
    story.move("data", "targets")
    story.check_written(disk)
    story.write_on()
    story.move("data", "local")
    story.check_written(disk)


@pytest.mark.parametrize("point", ["carry:before", "carry:after", "announce:done", "change_over:after"])
def test_a_killed_move_is_completed(story: Moves, point: str):
    goal = "second" if story.backend("data") == "local" else "local"
    disk, pool, volume = story.disk("writer", "data"), story.pool(goal), story.seen("data")["id"]
    story.write_on()
    story.user = story.admin
    try:
        story.dies(f"RetypeVolume.{point}", "volume", "migrate", "--host", pool, volume)
    finally:
        story.user = story.home.user
    story.arrives("data", goal)
    story.check_written(disk)


@pytest.mark.parametrize("point", ["", "exchange:after"])
def test_another_volume_takes_the_place_of_one_that_a_guest_writes_to(story: Moves, point: str):
    disk, size = story.disk("writer", "data"), str(story.size("writer", "data") // GIB)
    story.volume("fresh", "--size", size, "--type", "anywhere")
    server = story.user.json("server", "show", "writer")["id"]
    old, new = story.seen("data")["id"], story.seen("fresh")["id"]
    story.write_on()
    swap = (str(story.cloud.root / ".venv-client" / "bin" / "python"), "-c", SWAP, server, old, new)
    if point:
        story.kill_at(f"SwapVolume.{point}", lambda: said_by([*swap], story.admin.environment))
    else:
        said_by([*swap], story.admin.environment)
    story.becomes("data", "available")
    story.becomes("fresh", "in-use")
    story.check_written(disk)
    (held,) = story.user.json("server", "volume", "list", "writer")
    assert held["Volume ID"] == new
    story.user("volume", "delete", "data")
    story.user("volume", "set", "--name", "data", new)
    boot = story.writer.boot_id
    story.writer.run("cp /tmp/piece /root/piece; sync")
    story.user("server", "reboot", "--hard", "--wait", "writer")
    story.reaches(lambda: story.writer.boot_id != boot, "another boot")
    story.writer.run(f"mount -t ext2 {story.disk('writer', 'data')} /mnt; cp /root/piece /tmp/piece")
    story.read_again(story.disk("writer", "data"))


def test_a_move_of_a_volume_whose_server_is_off_says_why_and_leaves_it(story: Moves):
    if story.seen("data")["type"] != "anywhere":
        story.admin("volume", "set", "--type", "anywhere", story.seen("data")["id"])
    story.reaches(lambda: story.seen("data")["type"] == "anywhere", "a type that may lie in every pool")
    story.writer.run("umount /mnt")
    story.user("server", "stop", "writer")
    story.reaches(
        lambda: story.user.json("server", "show", "writer")["status"] == "SHUTOFF", "a stopped server"
    )
    here = story.backend("data")
    goal = "second" if here == "local" else "local"
    story.admin("volume", "migrate", "--host", story.pool(goal), story.seen("data")["id"])
    story.reaches(lambda: story.standing("data") == (here, "error", "in-use"), "a refusal")
    messages = story.user.json("--os-volume-api-version", "3.5", "volume", "message", "list")
    assert any("not running" in str(message) for message in messages)
