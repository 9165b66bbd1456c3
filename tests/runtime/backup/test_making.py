"""What a backup does besides its archive."""

import fcntl
import os
from pathlib import Path

import pytest

from cumulo.runtime.backup.errors import CannotBackUp
from cumulo.runtime.backup.making import make
from cumulo.runtime.state import StateFolder


def test_what_killed_backups_left_goes_with_the_next(tmp_path: Path) -> None:
    """They hold the keys, and fill the disk if a timer makes one a day; those at work are left alone."""
    state = StateFolder(tmp_path / "state")
    state.path.mkdir()
    (state.path / "instance").write_text("abcd\n")
    folder = tmp_path / "backups"
    folder.mkdir()
    names = [f".cumulo-abcd-2026112{day}T000000Z.backup.part" for day in range(4)]
    for name in names:
        (folder / name).touch()
        (folder / name).with_suffix(".rows").mkdir()
        os.utime(folder / name, (0, 0))
    (folder / names[2]).touch()  # a moment ago
    with (folder / names[3]).open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        os.utime(folder / names[3], (0, 0))
        with pytest.raises(CannotBackUp, match=r"cumulo\.db is missing"):
            make(state, folder / "two.backup")
    left = {path.name for path in folder.iterdir()}
    assert left == {*names[2:], *(Path(name).with_suffix(".rows").name for name in names[2:])}
