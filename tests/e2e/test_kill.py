"""Kill all of Cumulo at each part of creating, resizing and deleting a server: nothing hangs, nothing leaks.

`CUMULO_KILL_AT` makes the server end itself by SIGKILL before or after a part. The supervisor, which would
start it again, is killed too. A guest that runs all the while must not notice.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from cumulo.services.compute.tasks import (
    ConfirmResize,
    CreateServer,
    DeleteServer,
    ResizeServer,
    RevertResize,
)
from cumulo.testing import leftovers
from cumulo.testing.guests import Guest
from cumulo.testing.launched import CommandRefused, LaunchedCloud, until
from cumulo.testing.residence import FLAVOR, Residence

VOLUME = "source_type=blank,destination_type=volume,volume_size=1,boot_index=-1,delete_on_termination=true"
AT_REST = {"ACTIVE", "ERROR", "VERIFY_RESIZE"}
LARGER = "mini.larger"
ELSEWHERE = "carry"  # a part that has work only where there is another host
POINTS = {
    saga: [
        f"{saga.__name__}.{part}:{moment}"
        for part in saga.parts
        for moment in ("before", "after")
        if part != ELSEWHERE
    ]
    for saga in (CreateServer, DeleteServer, ResizeServer, ConfirmResize, RevertResize)
}


@dataclass
class Stage:
    """A cloud with a project whose one guest watches."""

    cloud: LaunchedCloud
    home: Residence
    witness: Guest
    boot_id: str
    before: leftovers.Inventory

    def dies(self, point: str, doing: Callable[[], None]) -> None:
        """Start Cumulo anew so that it dies at this point, do what leads there, start it as usual."""
        self.cloud.kill()
        self.cloud.up(CUMULO_KILL_AT=point)
        process = self.cloud.server
        with contextlib.suppress(CommandRefused):  # it may die before it has answered
            doing()
        until(lambda: not process.alive(), seconds=60, what=f"the death at {point}")
        self.cloud.kill()
        self.cloud.up()

    def victim(self, *, wait: bool) -> None:
        """Create the server that is to suffer, with a volume of its own, so that every part has work."""
        self.home.create("victim", "home", "--block-device", VOLUME, wait=wait)

    def server(self, name: str) -> dict[str, Any] | None:
        """Return a server as the client shows it; None when it is gone."""
        for listed in self.home.user.json("server", "list"):
            with contextlib.suppress(CommandRefused):  # it may be gone between the two questions
                if listed["Name"] == name:
                    return dict(self.home.user.json("server", "show", listed["ID"]))
        return None

    def ended(self, name: str) -> dict[str, Any]:
        """Wait until a server is at rest or gone; return it ({} when gone)."""

        def at_rest() -> dict[str, Any] | str | None:
            shown = self.server(name)
            if shown is None:
                return "gone"
            return shown if shown["status"] in AT_REST else None

        found = until(at_rest, seconds=90, what=f"{name} to come to rest")
        return found if isinstance(found, dict) else {}

    def is_clean(self) -> bool:
        """Say whether only what stood before stands, and the guest noticed nothing."""
        until(
            lambda: leftovers.grown(self.before, leftovers.inventory(self.cloud)) == {},
            seconds=30,
            what=f"nothing left; now {leftovers.grown(self.before, leftovers.inventory(self.cloud))}",
        )
        return self.witness.boot_id == self.boot_id


@pytest.fixture(scope="module")
def stage(make_cloud: Callable[..., LaunchedCloud], tmp_path_factory: pytest.TempPathFactory) -> Stage:
    cloud = make_cloud()
    cloud.up()
    cloud.admin("flavor", "create", "--ram", "160", "--disk", "2", "--vcpus", "1", LARGER)
    home = Residence(cloud, cloud.user("carol"), tmp_path_factory.mktemp("carol"))
    home.network("home", "10.13.0.0/24", router="door")
    witness = home.boot("witness", "home")
    return Stage(cloud, home, witness, witness.boot_id, leftovers.settled(cloud))


@pytest.mark.parametrize("point", POINTS[CreateServer])
def test_a_server_whose_creation_was_killed_comes_to_rest(stage: Stage, point: str):
    stage.dies(point, lambda: stage.victim(wait=False))
    shown = stage.ended("victim")
    if shown:
        assert shown["status"] == "ACTIVE" or shown["fault"]["message"]
        stage.home.user("server", "delete", "--wait", "victim")
    assert stage.is_clean()


@pytest.mark.parametrize("point", POINTS[DeleteServer])
def test_a_server_whose_deletion_was_killed_is_gone(stage: Stage, point: str):
    stage.victim(wait=True)
    stage.dies(point, lambda: stage.home.user("server", "delete", "victim"))
    until(lambda: stage.server("victim") is None, seconds=90, what="the server to be gone")
    assert stage.is_clean()


@pytest.mark.parametrize("point", POINTS[ResizeServer])
def test_a_server_whose_resize_was_killed_is_larger_or_as_it_was(stage: Stage, point: str):
    stage.victim(wait=True)
    stage.dies(point, lambda: stage.home.user("server", "resize", "--flavor", LARGER, "victim"))
    shown = stage.ended("victim")
    flavor = shown["flavor"]["original_name"]
    assert (shown["status"], flavor) in {("VERIFY_RESIZE", LARGER), ("ACTIVE", FLAVOR)}
    stage.home.user("server", "delete", "--wait", "victim")
    assert stage.is_clean()


@pytest.mark.parametrize(
    ("verb", "point", "flavor"),
    [("confirm", point, LARGER) for point in POINTS[ConfirmResize]]
    + [("revert", point, FLAVOR) for point in POINTS[RevertResize]],
)
def test_a_killed_end_of_a_resize_is_completed(stage: Stage, verb: str, point: str, flavor: str):
    stage.victim(wait=True)
    stage.home.user("server", "resize", "--flavor", LARGER, "--wait", "victim")
    stage.dies(point, lambda: stage.home.user("server", "resize", verb, "victim"))
    until(
        lambda: (
            (shown := stage.ended("victim"))["status"] == "ACTIVE"
            and shown["flavor"]["original_name"] == flavor
        ),
        seconds=90,
        what=f"a resize to {verb}",
    )
    stage.home.user("server", "delete", "--wait", "victim")
    assert stage.is_clean()


def test_a_running_guest_outlives_kill_and_start(stage: Stage):
    uptime = float(stage.witness.run("cut -d' ' -f1 /proc/uptime"))
    stage.cloud.kill()
    assert stage.witness.answers()
    stage.cloud.up()
    assert stage.witness.boot_id == stage.boot_id
    assert float(stage.witness.run("cut -d' ' -f1 /proc/uptime")) > uptime
    assert stage.home.user.json("server", "show", "witness")["status"] == "ACTIVE"
