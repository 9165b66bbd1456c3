"""Programs that are run, and programs that go on by themselves."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import uvloop

from cumulo.core.drivers import Temporary
from cumulo.node.commands import CommandFailed, Limits, launch, run

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


RUNS = """
import sys, uvloop
from cumulo.node.commands import Limits, run
limits = Limits() if sys.argv[2:] else None
uvloop.run(run("sh", "-c", 'echo $$ > "$0"; exec sleep 60', sys.argv[1], limits=limits))
"""


@pytest.mark.parametrize("limited", [True, False])
def test_a_program_ends_with_who_runs_it(tmp_path: Path, limited: bool):
    """Else it would go on to write to a file that the next try of the same has in its hands."""
    fifo = tmp_path / "pid"
    os.mkfifo(fifo)
    words = (str(fifo), *(["limited"] if limited else []))
    runner = subprocess.Popen([sys.executable, "-c", RUNS, *words])
    number = int(fifo.read_text())
    handle = os.pidfd_open(number)
    try:
        runner.kill()
        runner.wait()
        assert select.select([handle], [], [], 30)[0]
    finally:
        os.close(handle)


def test_a_program_that_is_not_there_is_a_failure_in_words():
    with pytest.raises(CommandFailed, match="no-such-program failed"):
        uvloop.run(run("no-such-program", limits=Limits()))
