"""Programs that are run, and programs that go on by themselves."""

import os
import signal
from pathlib import Path

import pytest
import uvloop

from cumulo.core.drivers import Temporary
from cumulo.node.commands import CommandFailed, launch

DETACH = 'sleep 60 & echo $! > "$0"'  # a shell that leaves a child behind, as a daemon's starter does


def test_a_program_that_goes_on_is_not_waited_for(tmp_path: Path):
    pid_file = tmp_path / "pid"
    uvloop.run(launch("sh", "-c", DETACH, str(pid_file), seconds=20))  # as the server runs it
    pid = int(pid_file.read_text())
    os.kill(pid, 0)
    os.kill(pid, signal.SIGKILL)


def test_what_a_program_complains_of_is_the_reason():
    with pytest.raises(CommandFailed, match="no such pool"):
        uvloop.run(launch("sh", "-c", "echo no such pool >&2; exit 3"))


def test_a_program_that_does_not_start_is_ended():
    with pytest.raises(Temporary, match="not started"):
        uvloop.run(launch("sleep", "60", seconds=0.1))
