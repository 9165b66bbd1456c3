"""`cumulo backup verify`: what it says of a folder of backups, with and without the cloud's own notes."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cumulo.runtime.cli import backup
from cumulo.runtime.cli.volume_backups import Known, verify
from cumulo.services.block_storage.drivers import CHUNK, Archived, Piece
from cumulo.services.block_storage.drivers.files import FileBackups

ONE, TWO = "11111111-1111-4111-8111-111111111111", "22222222-1111-4111-8111-111111111111"
OTHER = "33333333-1111-4111-8111-111111111111"


async def pieces(letters: bytes) -> AsyncIterator[Piece]:
    yield Piece(0, b"".join(bytes([letter]) * CHUNK for letter in letters))


@pytest.fixture
def store(tmp_path: Path) -> FileBackups:
    """A full backup, and one that builds on it."""
    made = FileBackups(tmp_path / "backups")
    keep(made, ONE, b"ab")
    keep(made, TWO, b"ac", base=ONE)
    return made


def keep(store: FileBackups, location: str, letters: bytes, base: str | None = None) -> Archived:
    return asyncio.run(store.keep(location, pieces(letters), base=base, size=2 * CHUNK))


def known(store: FileBackups, *locations: str) -> dict[str, Known]:
    return {one: Known(one, f"name of {one[0]}", one, store.manifest(one)[1]) for one in locations}


def test_whole_backups_are_said_to_be_whole(store: FileBackups, capsys: pytest.CaptureFixture[str]):
    assert verify(store, known(store, ONE, TWO), None) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{ONE}  whole: 2 chunks, 0.1 MiB, full  name of 1"
    assert lines[1] == f"{TWO}  whole: 1 chunks, 0.1 MiB, on {ONE}  name of 2"
    assert lines[2] == "2 archives read, 0 of them not whole"


def test_one_backup_is_read_with_what_it_builds_on(store: FileBackups, capsys: pytest.CaptureFixture[str]):
    assert verify(store, known(store, ONE, TWO), TWO) == 0
    assert [line[:8] for line in capsys.readouterr().out.splitlines()] == ["22222222", "11111111", "2 archiv"]
    with pytest.raises(ValueError, match="there is no backup"):
        verify(store, {}, OTHER)


def test_damage_loss_and_exchange_are_found(store: FileBackups, capsys: pytest.CaptureFixture[str]):
    notes = known(store, ONE, TWO) | {OTHER: Known(OTHER, "lost", OTHER, "00")}
    path = store.path(TWO, "data")
    path.write_bytes(b"x" + path.read_bytes()[1:])
    keep(store, ONE, b"zz")
    assert verify(store, notes, None) == 3
    said = capsys.readouterr().out.splitlines()
    assert "another archive than the one that the cloud made" in said[0]
    assert "not what it was" in said[1]
    assert "is not in the backup folder" in said[2]


def test_what_is_being_made_is_left_alone(store: FileBackups):
    store.path(ONE, "manifest.json").unlink()
    making = {ONE: Known(ONE, "", ONE, settled=False), TWO: Known(TWO, "", TWO, settled=False)}
    assert verify(store, making, None) == 0


def test_the_folder_is_looked_at_while_the_cloud_is_away(
    store: FileBackups, capsys: pytest.CaptureFixture[str]
):
    options = argparse.Namespace(state=store.folder.parent, file="verify", backup=None)
    assert backup.run(options) == 0
    path = store.path(ONE, "data")
    path.write_bytes(path.read_bytes()[:-1])
    assert backup.run(options) == 1
    told = capsys.readouterr()
    assert "does not answer" in told.err
    assert "(unknown to the cloud)" in told.out
