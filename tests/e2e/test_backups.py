"""Backups and moves of volumes that a real guest writes to, through the official `openstack` client.

The tests share one story and run in the order of the file; one guest runs, in a cloud with two pools.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cumulo.testing.launched import Client, CommandRefused, LaunchedCloud, until
from cumulo.testing.residence import Residence

MIB = 1 << 20
POOLS = """[volumes.backends.local]
driver = "local"
[volumes.backends.second]
driver = "local"
path = "volumes-second"
"""
WRITE = "dd if=/dev/urandom of={disk} bs=1M seek={at} count={count} conv=fsync,notrunc 2> /dev/null"


class Story:
    """A project's guest, its volumes and their backups."""

    def __init__(self, cloud: LaunchedCloud, home: Residence) -> None:
        self.cloud = cloud
        self.user = home.user
        self.guest = home.boot("keeper", "home")

    def volume(self, name: str, *options: str) -> str:
        """Make a volume, give it to the guest, and return its disk there."""
        self.user("volume", "create", "--size", "1", *options, name)
        self.becomes(name, "available")
        return self.attach(name)

    def becomes(self, name: str, status: str, *kind: str) -> Any:
        """Wait for a volume's or backup's status, also while the cloud is away; return it as it is then."""

        def met() -> Any:
            with contextlib.suppress(CommandRefused):
                found = self.user.json("volume", *kind, "show", name)
                return found if found["status"] == status else None
            return None

        return until(met, seconds=120, what=f"{name} {status}")

    def attach(self, name: str) -> str:
        """Give the guest a volume; return its disk there."""
        self.user("server", "add", "volume", "keeper", name)
        return self.disk(name)

    def disk(self, name: str) -> str:
        """Return the guest's disk that is an attached volume, found by its serial number."""
        identity = self.becomes(name, "in-use")["id"]
        found = self.guest.run(f"grep -l {identity[:20]} /sys/block/*/serial")
        return f"/dev/{found.split('/')[3]}"

    def detach(self, name: str) -> None:
        """Take a volume from the guest."""
        self.user("server", "remove", "volume", "keeper", name)
        self.becomes(name, "available")

    def write(self, disk: str, at: int, count: int) -> None:
        """Have the guest write MiB that nobody knows."""
        self.guest.run(WRITE.format(disk=disk, at=at, count=count))

    def back_up(self, name: str, *options: str) -> Path:
        """Make a backup of the volume `data`; return its folder."""
        self.user("volume", "backup", "create", "--name", name, *options, "data")
        made = self.becomes(name, "available", "backup")
        return self.cloud.state.path / "backups" / str(made["id"])

    def restore(self, backup: str, name: str) -> str:
        """Make a volume of a backup, give it to the guest, and return its disk there."""
        self.user("volume", "backup", "restore", backup, name)
        self.becomes(name, "available")
        return self.attach(name)

    def same(self, one: str, other: str) -> bool:
        """Say whether the guest reads the same from two disks: by their sums, as its `cmp` takes minutes."""
        self.guest.run("echo 3 > /proc/sys/vm/drop_caches")
        sums = self.guest.run(f"md5sum {one} {other}").split()[::2]
        return len(set(sums)) == 1

    def lies_in(self, name: str) -> dict[str, bool]:
        """Say of each pool's folder whether it has a volume."""
        identity = self.user.json("volume", "show", name)["id"]
        folders = {pool: self.cloud.state.path / pool / "volumes" for pool in ("volumes", "volumes-second")}
        return {pool: any(folder.glob(f"{identity}*")) for pool, folder in folders.items()}

    def dies(self, point: str, *doing: str) -> None:
        """Have the cloud killed at a part of a saga, which a command leads to, and start it as usual."""
        self.cloud.kill()
        self.cloud.up(CUMULO_KILL_AT=point)
        process = self.cloud.server
        with contextlib.suppress(CommandRefused):  # it may die before it has answered
            self.user(*doing)
        until(lambda: not process.alive(), seconds=60, what=f"the death at {point}")
        self.cloud.kill()
        self.cloud.up()


@pytest.fixture(scope="module")
def cloud(make_cloud: Callable[..., LaunchedCloud]) -> LaunchedCloud:
    """A cloud with two pools."""
    started = make_cloud(POOLS)
    started.up()
    return started


@pytest.fixture(scope="module")
def bea(cloud: LaunchedCloud) -> Client:
    client = cloud.user("bea")
    client("security", "group", "list")  # the project's default group is made when it is first looked for
    cipher = ("--encryption-provider", "luks", "--encryption-cipher", "aes-xts-plain64")
    key = ("--encryption-key-size", "256", "--encryption-control-location", "front-end")
    cloud.admin("volume", "type", "create", *cipher, *key, "locked")
    for pool, backend in {"here": "local", "there": "second"}.items():
        cloud.admin("volume", "type", "create", "--property", f"volume_backend_name={backend}", pool)
    return client


@pytest.fixture(scope="module")
def story(cloud: LaunchedCloud, bea: Client, tmp_path_factory: pytest.TempPathFactory) -> Story:
    home = Residence(cloud, bea, tmp_path_factory.mktemp("bea"))
    home.network("home", "10.16.0.0/24", router="door")
    return Story(cloud, home)


@pytest.fixture(scope="module")
def data(story: Story) -> str:
    """The disk of the volume that is backed up."""
    return story.volume("data")


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_ten_mib_of_changes_take_ten_mib(story: Story, data: str):
    story.write(data, 100, 30)
    full = story.back_up("full", "--force")
    assert 30 * MIB <= size(full) <= 31 * MIB
    story.write(data, 110, 10)
    increment = story.back_up("increment", "--incremental", "--force")
    assert 10 * MIB <= size(increment) <= 10.5 * MIB
    story.becomes("data", "in-use")


def test_a_restored_volume_is_the_same_byte_for_byte(story: Story, data: str):
    assert story.same(data, story.restore("increment", "copy"))


def test_a_killed_restore_is_completed(story: Story, data: str):
    copy = story.disk("copy")
    story.write(copy, 105, 10)
    story.write(copy, 900, 5)
    story.detach("copy")
    story.dies("RestoreBackup.write:after", "volume", "backup", "restore", "increment", "copy", "--force")
    story.becomes("copy", "available")
    assert story.same(data, story.attach("copy"))


def test_a_killed_backup_is_completed_and_whole(story: Story, data: str):
    story.write(data, 500, 3)
    options = ("--name", "third", "--incremental", "--force", "data")
    story.dies("CreateBackup.copy:after", "volume", "backup", "create", *options)
    story.becomes("third", "available", "backup")
    story.becomes("data", "in-use")
    said = story.cloud.command("backup", "verify")
    assert "3 archives read, 0 of them not whole" in said
    assert story.same(data, story.restore("third", "newest"))


def test_an_encrypted_volume_comes_back_with_its_passphrase(story: Story):
    story.detach("newest")
    story.detach("copy")
    locked = story.volume("diary", "--type", "locked")
    story.write(locked, 0, 2)
    story.write(locked, 1022, 2)
    story.user("volume", "backup", "create", "--name", "pages", "--force", "diary")
    story.becomes("pages", "available", "backup")
    assert story.same(locked, story.restore("pages", "reprint"))


@pytest.mark.parametrize(
    ("point", "goal", "folder"),
    [
        ("RetypeVolume.copy:after", "there", "volumes-second"),
        ("RetypeVolume.switch:after", "here", "volumes"),
    ],
)
def test_a_killed_move_is_completed_with_all_content(
    story: Story, data: str, point: str, goal: str, folder: str
):
    # Its type says where it belongs; `newest` lies where the scheduler put it, or in the pool that is left.
    retype = ("volume", "set", "--retype-policy", "on-demand", "--type")
    if goal == "there":
        story.user(*retype, "here", "newest")
        story.becomes("newest", "available")
    story.dies(point, *retype, goal, "newest")
    moved = story.becomes("newest", "available")
    assert moved["type"] == goal
    until(lambda: story.lies_in("newest") == {"volumes": False, "volumes-second": False} | {folder: True})
    assert story.same(data, story.attach("newest"))
    story.detach("newest")


def test_a_damaged_backup_is_found_and_restores_nothing(story: Story):
    backup = story.user.json("volume", "backup", "show", "full")["id"]
    path = story.cloud.state.path / "backups" / backup / "data"
    content = bytearray(path.read_bytes())
    content[MIB] ^= 1
    path.write_bytes(content)
    with pytest.raises(CommandRefused, match="not what was written"):
        story.cloud.command("backup", "verify", backup)
    story.user("volume", "backup", "restore", "full", "broken")
    story.becomes("broken", "error_restoring")
