"""Volumes that move between pools of every kind: files here, a Ceph cluster, an NFS share.

The tests share one story, one guest and one cloud. What moves is read again by the guest each time.
"""

import itertools
from collections.abc import Callable, Iterator

import pytest
from tests.e2e.test_volume_moves import GIB, Moves
from tests.e2e.test_volumes import MARKER, ONLINE

from cumulo.testing import ceph as of_ceph
from cumulo.testing import nfs as of_nfs
from cumulo.testing.ceph import POOL, USER, PrivateCeph
from cumulo.testing.launched import LaunchedCloud
from cumulo.testing.nfs import EXPORT, PrivateNfs
from cumulo.testing.residence import IMAGE

pytestmark = [*of_ceph.MARKS, *of_nfs.MARKS]
SETTINGS = """
[volumes.backends.local]
driver = "local"
[volumes.backends.ceph]
driver = "rbd"
ceph_pool = "{pool}"
user = "{user}"
conf = "{conf}"
keyring = "{keyring}"
[volumes.backends.share]
driver = "nfs"
server = "{address}"
export = "{export}"
"""
TOUR = ("local", "ceph", "share", "local", "share", "ceph", "local")
LEGS = list(itertools.pairwise(TOUR))
"""Each way between two kinds of pools once."""


@pytest.fixture(scope="module")
def cloud(
    make_cloud: Callable[..., LaunchedCloud], ceph: PrivateCeph, share: PrivateNfs
) -> Iterator[LaunchedCloud]:
    where = {"pool": POOL, "user": USER, "conf": ceph.conf, "keyring": ceph.keyring}
    started = make_cloud(SETTINGS.format(**where, address=share.address, export=EXPORT))
    started.up()
    yield started
    started.kill()
    started.reset()


@pytest.fixture(scope="module")
def story(cloud: LaunchedCloud, tmp_path_factory: pytest.TempPathFactory) -> Moves:
    for backend in set(TOUR):
        words = ("--property", f"volume_backend_name={backend}")
        cloud.admin("volume", "type", "create", *words, f"on-{backend}")
    return Moves.begin(cloud, "kim", "10.17.0.0/24", tmp_path_factory.mktemp("kim"))


def retype(story: Moves, goal: str) -> None:
    """Have the volume moved by giving it another type."""
    volume = story.seen("data")["id"]
    story.admin("volume", "set", "--type", f"on-{goal}", "--retype-policy", "on-demand", volume)


@pytest.mark.parametrize(("start", "goal"), LEGS)
def test_a_volume_moves_while_its_guest_writes(story: Moves, start: str, goal: str):
    assert story.backend("data") == start
    disk = story.disk("writer", "data")
    story.write_on()
    retype(story, goal)
    story.arrives("data", goal)
    assert story.disk("writer", "data") == disk
    story.check_written(disk)


@pytest.mark.parametrize(("start", "goal"), LEGS)
def test_a_free_volume_moves(story: Moves, start: str, goal: str):
    if story.seen("data")["status"] == "in-use":
        story.writer.run("umount /mnt")
        story.detach("writer", "data")
    assert story.backend("data") == start
    retype(story, goal)
    there = (goal, "success", "available")
    story.reaches(lambda: story.standing("data") == there, f"data in {goal}")
    disk = story.attach("writer", "data")
    story.writer.run(f"mount -t ext2 {disk} /mnt")
    story.read_again(disk)


@pytest.mark.parametrize("backend", ["ceph", "share"])
def test_a_volume_that_moved_grows_and_outlives_a_hard_reboot(story: Moves, backend: str):
    story.writer.run("cp /tmp/piece /root/piece; sync")
    retype(story, backend)
    story.arrives("data", backend)
    size = story.size("writer", "data") // GIB + 1
    story.user(*ONLINE, "volume", "set", "--size", str(size), "data")
    story.reaches(lambda: story.size("writer", "data") == size * GIB, "a larger disk in the guest")
    boot = story.writer.boot_id
    story.user("server", "reboot", "--hard", "--wait", "writer")
    story.reaches(lambda: story.writer.boot_id != boot, "another boot")
    disk = story.disk("writer", "data")
    story.writer.run(f"cp /root/piece /tmp/piece; mount -t ext2 {disk} /mnt")
    story.read_again(disk)


@pytest.mark.parametrize("backend", ["ceph", "share"])
def test_a_server_boots_from_a_volume_of_each_kind(story: Moves, backend: str):
    story.volume(backend, "--type", f"on-{backend}", "--image", IMAGE, "--size", "1")
    guest = story.home.boot(f"from-{backend}", "home", "--volume", backend, image="")
    guest.run(f"echo {MARKER} > /root/marker; sync; echo 3 > /proc/sys/vm/drop_caches")
    assert guest.run("cat /root/marker") == MARKER
    story.user("server", "delete", "--wait", f"from-{backend}")
    story.becomes(backend, "available")
