"""Removing a cloud, as often as it takes."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cumulo.node.ports import taps
from cumulo.runtime import reset
from cumulo.runtime import state as states
from cumulo.runtime.cli import main
from cumulo.runtime.state import StateFolder


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateFolder:
    links = tmp_path / "links"
    links.mkdir()
    monkeypatch.setattr(states, "RUN", links)
    cloud = StateFolder(tmp_path / "cloud")
    cloud.prepare()
    cloud.config.write_text("[engines]\nstart = false\n")
    for name in ("images", "token-keys", "volumes"):
        (cloud.path / name).mkdir()
        (cloud.path / name / "something").touch()
    for name in ("admin-password", "cumulo.db"):
        (cloud.path / name).touch()
    return cloud


class Killed(BaseException):
    """The process is gone."""


def test_a_reset_that_is_killed_anywhere_is_ended_by_another(
    cloud: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is known for a cloud's as long as there is anything else in it."""
    kept = cloud.path.with_name("kept")
    shutil.copytree(cloud.path, kept, symlinks=True)
    number, killed = 0, True
    while killed:
        shutil.rmtree(cloud.path, ignore_errors=True)
        shutil.copytree(kept, cloud.path, symlinks=True)
        left = iter(range(number))
        killed = False
        with monkeypatch.context() as patch:
            for verb in ("unlink", "rmdir"):
                patch.setattr(os, verb, _counted(getattr(os, verb), left))
            try:
                reset.remove(cloud)
            except Killed:
                killed = True
        assert cloud.path.exists() == killed
        if killed and any(cloud.path.iterdir()):
            assert cloud.exists
            assert main(["--state", str(cloud.path), "reset", "--yes"]) == 0
            assert not cloud.path.exists()
        number += 1
    assert number > 10


def _counted(change, left):  # type: ignore[no-untyped-def]  # of os
    def does(*arguments: object, **named: object) -> None:
        if next(left, None) is None:
            raise Killed
        change(*arguments, **named)

    return does


def test_what_is_removed_by_others_meanwhile_keeps_nothing(
    cloud: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by an image's builder, which ends later than the server that it works for."""
    real, first = shutil.rmtree, iter([True])

    def overtaken(path: Path, **options: Any) -> None:
        if path.name == "images" and next(first, False):
            raise FileNotFoundError(path)
        real(path, **options)

    monkeypatch.setattr(reset, "_PAUSE", 0)
    monkeypatch.setattr(shutil, "rmtree", overtaken)
    reset.remove(cloud)
    assert not cloud.path.exists()


@pytest.mark.engines
def test_the_taps_of_guests_go_though_no_switch_runs_that_knows_them(cloud: StateFolder) -> None:
    """As after `down --guests`."""
    mine, other = (f"tap{os.getpid()}-{number}" for number in range(2))
    taps.ensure(mine, mtu=1400, owner=f"cumulo:{cloud.instance}:server")
    taps.ensure(other, mtu=1400, owner=f"cumulo:{cloud.instance}0:server")
    try:
        assert reset.devices(cloud) == [mine]
        assert main(["--state", str(cloud.path), "reset", "--yes"]) == 0
        assert not taps.exists(mine)
        assert taps.exists(other)
    finally:
        for name in (mine, other):
            subprocess.run(["ip", "link", "delete", name], check=False, capture_output=True)
