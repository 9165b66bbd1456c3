import os
from pathlib import Path

import pytest

from cumulo.node.hypervisor.fences import Fences, StaleFence

SERVER = "0b7e3a52-93a4-4f1a-8b0e-6f2a1d9c7e11"


def test_an_older_fence_is_refused_and_an_equal_one_is_not():
    fences = Fences()
    fences.pass_through(SERVER, 5)
    fences.pass_through(SERVER, 5)
    with pytest.raises(StaleFence):
        fences.pass_through(SERVER, 4)
    fences.pass_through("another", 1)


def test_a_caller_without_a_lease_is_let_through():
    fences = Fences()
    fences.pass_through(SERVER, 5)
    fences.pass_through(SERVER, 0)
    assert fences.newest(SERVER) == 5


def test_a_restarted_node_remembers(tmp_path: Path):
    Fences(tmp_path / "fences").pass_through(SERVER, 5)
    with pytest.raises(StaleFence):
        Fences(tmp_path / "fences").pass_through(SERVER, 4)


def test_a_broken_file_counts_as_none(tmp_path: Path):
    (tmp_path / SERVER).write_text("")
    Fences(tmp_path).pass_through(SERVER, 1)
    assert (tmp_path / SERVER).read_text() == "1"


def test_only_old_fences_of_gone_servers_are_forgotten(tmp_path: Path):
    fences = Fences(tmp_path)
    fences.pass_through(SERVER, 5)
    fences.pass_through("gone", 5)
    fences.forget_unless(SERVER.__eq__, before=0)
    assert fences.newest("gone") == 5
    fences.forget_unless(SERVER.__eq__, before=1e12)
    assert fences.newest("gone") == 0
    assert fences.newest(SERVER) == 5


async def test_a_fence_is_noted_beside_what_is_done_meanwhile(tmp_path: Path):
    fences = Fences(tmp_path)
    async with fences.passing(SERVER, 5):
        with pytest.raises(StaleFence):
            fences.pass_through(SERVER, 4)
    assert Fences(tmp_path).newest(SERVER) == 5
    with pytest.raises(StaleFence):
        async with fences.passing(SERVER, 4):
            raise AssertionError("it went through")
    with pytest.raises(ZeroDivisionError):
        async with fences.passing(SERVER, 6):
            raise ZeroDivisionError
    assert Fences(tmp_path).newest(SERVER) == 6


async def test_fences_of_what_is_gone_for_a_day_are_dropped_now_and_then(tmp_path: Path):
    for name in (SERVER, "gone", "new"):
        Fences(tmp_path).pass_through(name, 5)
    for name in (SERVER, "gone"):
        os.utime(tmp_path / name, (0, 0))
    fences = Fences(tmp_path)
    await fences.tidy(SERVER.__eq__)
    assert {file.name for file in tmp_path.iterdir()} == {SERVER, "new"}
    os.utime(tmp_path / "new", (0, 0))
    await fences.tidy(SERVER.__eq__)  # too soon to look again
    assert fences.newest("new") == 5
