"""Kill all of Cumulo at each part of moving a server between hosts: it ends on one of them, whole.

The hosts are fakes that remember (decision 0303), so that a death takes seconds; real guests live through it
in `test_hosts.py`.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cumulo.core.tasks import Saga
from cumulo.runtime.chaos.caller import Unanswered
from cumulo.runtime.chaos.home import COMPUTE, FLAVORS, NETWORK, Home, prepare
from cumulo.runtime.memory import read
from cumulo.services.compute.tasks import ConfirmResize, LiveMigrateServer, ResizeServer, RevertResize
from cumulo.testing.launched import LaunchedCloud, until

SETTINGS = """
[engines]
start = false
fake_hosts = 2
keep_fakes = true
[node]
hypervisor = "fake"
"""
LIVE = {"os-migrateLive": {"host": None, "block_migration": "auto"}}
MIGRATE = {"migrate": {"host": None}}
MOMENTS = ("before", "after")


def points(saga: type[Saga]) -> list[str]:
    """Return the moments of a saga's parts, as `CUMULO_KILL_AT` names them."""
    return [f"{saga.__name__}.{part}:{moment}" for part in saga.parts for moment in MOMENTS]


@dataclass
class Scene:
    """A server on one of two hosts."""

    cloud: LaunchedCloud
    home: Home
    server: str

    def act(self, body: dict[str, Any]) -> None:
        """Do something to the server, as the administrator."""
        self.home.admin.insist("POST", f"{COMPUTE}/servers/{self.server}/action", body)

    def dies(self, point: str, body: dict[str, Any]) -> None:
        """Do it with a Cumulo that dies at this point, and start it as usual."""
        self.cloud.kill()
        self.cloud.up(CUMULO_KILL_AT=point)
        process = self.cloud.server
        self.home.admin.hang_up()  # on whom it called before
        with contextlib.suppress(Unanswered):  # it may die before it has answered
            self.act(body)
        until(lambda: not process.alive(), seconds=60, what=f"the death at {point}")
        self.cloud.kill()
        self.cloud.up()
        self.home.admin.hang_up()

    def rests(self) -> dict[str, Any]:
        """Wait until nothing is done to the server; return it."""

        def idle() -> dict[str, Any] | None:
            found = self.home.admin.insist("GET", f"{COMPUTE}/servers/{self.server}")["server"]
            return None if found["OS-EXT-STS:task_state"] else dict(found)

        return until(idle, seconds=90, what="a server at rest")

    def is_on_one_host(self) -> bool:
        """Hold what runs, what is claimed and where the ports are against the server's host."""
        host = self.rests()["OS-EXT-SRV-ATTR:host"]
        kept = read(self.cloud.state.fakes)
        guests = {name: held["guests_by_id"] for name, held in kept.items() if "guests_by_id" in held}
        assert [name for name, held in guests.items() if self.server in held] == [f"hypervisor {host}"]
        assert all(not held["kept"] for held in kept.values() if "kept" in held)
        for provider in self.home.admin.insist("GET", "/placement/resource_providers")["resource_providers"]:
            used = self.home.admin.insist("GET", f"/placement/resource_providers/{provider['uuid']}/usages")
            assert used["usages"].get("VCPU", 0) == (provider["name"] == host), provider["name"]
        ports = self.home.admin.insist("GET", f"{NETWORK}/ports?device_id={self.server}")["ports"]
        assert [port["binding:host_id"] for port in ports] == [host]
        return True


@pytest.fixture(scope="module")
def scene(make_cloud: Callable[..., LaunchedCloud]) -> Iterator[Scene]:
    cloud = make_cloud(SETTINGS)
    cloud.up()
    stage = prepare(cloud.state, clients=1, hosts=2, seed=6, patience=lambda: True)
    [home] = stage.homes
    wanted: dict[str, Any] = {"name": "a", "flavorRef": FLAVORS[0], "imageRef": home.image}
    wanted["networks"] = [{"uuid": home.network}]
    server = home.caller.insist("POST", f"{COMPUTE}/servers", {"server": wanted})["server"]["id"]
    made = Scene(cloud, home, server)
    assert made.rests()["status"] == "ACTIVE"
    yield made
    for caller in (stage.admin, home.admin, home.caller):
        caller.hang_up()


@pytest.mark.parametrize("point", points(LiveMigrateServer))
def test_a_killed_live_migration_is_completed_or_undone(scene: Scene, point: str) -> None:
    scene.dies(point, LIVE)
    assert scene.rests()["status"] == "ACTIVE"
    assert scene.is_on_one_host()


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_copying_of_the_disk_is_completed_or_undone(scene: Scene, moment: str) -> None:
    scene.dies(f"{ResizeServer.__name__}.carry:{moment}", MIGRATE)
    if scene.rests()["status"] == "VERIFY_RESIZE":
        scene.act({"confirmResize": None})
    assert scene.rests()["status"] == "ACTIVE"
    assert scene.is_on_one_host()


@pytest.mark.parametrize(
    ("verb", "point"),
    [("confirmResize", point) for point in points(ConfirmResize)]
    + [("revertResize", point) for point in points(RevertResize)],
)
def test_a_killed_end_of_a_migration_is_completed(scene: Scene, verb: str, point: str) -> None:
    before = scene.rests()["OS-EXT-SRV-ATTR:host"]
    scene.act(MIGRATE)
    assert scene.rests()["status"] == "VERIFY_RESIZE"
    scene.dies(point, {verb: None})
    after = scene.rests()
    assert after["status"] == "ACTIVE"
    assert (after["OS-EXT-SRV-ATTR:host"] == before) is (verb == "revertResize")
    assert scene.is_on_one_host()
