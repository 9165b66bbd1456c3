"""Ending a storage daemon by the number in its file, which may be another process's by now."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cumulo.node.volumes import storage_daemon
from cumulo.node.volumes.storage_daemon import StorageDaemon

STAY = "import sys; print(flush=True); sys.stdin.read()"


@contextmanager
def process(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that says it is a storage daemon, with these arguments."""
    command = [storage_daemon.PROGRAM, "-c", STAY, *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, executable=sys.executable, stdin=pipe, stdout=pipe) as running:
        assert running.stdout
        running.stdout.readline()  # it is what it is to be by now
        yield running


def its_file(tmp_path: Path, daemon: StorageDaemon) -> Path:
    return tmp_path / f"{daemon.socket.stem}.pid"


async def test_another_volumes_daemon_that_got_the_number_is_left_alone(tmp_path: Path):
    daemon = StorageDaemon(tmp_path, "volume")
    with process("--pidfile", str(tmp_path / "other.pid")) as other:
        its_file(tmp_path, daemon).write_text(f"{other.pid}\n")
        await daemon.end()
        assert other.poll() is None
    assert not its_file(tmp_path, daemon).exists()


async def test_a_daemon_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(storage_daemon, "_LONGEST_END", 0.1)
    daemon = StorageDaemon(tmp_path, "volume")
    with process("--pidfile", str(its_file(tmp_path, daemon))) as own:
        its_file(tmp_path, daemon).write_text(f"{own.pid}\n")
        await daemon.end()
        assert own.wait() == -9


@pytest.mark.parametrize("text", ["", "nonsense", "0", "-1", "4194304999"])
async def test_a_number_that_is_nobodys_ends_nothing(tmp_path: Path, text: str):
    daemon = StorageDaemon(tmp_path, "volume")
    its_file(tmp_path, daemon).write_text(text)
    await daemon.end()
    assert not its_file(tmp_path, daemon).exists()
