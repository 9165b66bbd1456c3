"""Daemons that export volumes, and others that have their pids by now."""

import os
import subprocess
from pathlib import Path

from cumulo.runtime.exports import exporters, storage_daemons
from cumulo.runtime.state import StateFolder


def test_daemons_are_found_by_files_that_they_name_themselves(tmp_path: Path) -> None:
    """A file outlives its daemon, whose pid may be anybody's then."""
    state = StateFolder(tmp_path)
    folder = state.run / "volumes" / "local"
    folder.mkdir(parents=True)
    with (
        subprocess.Popen([folder / "one.pid", "60"], executable="/bin/sleep") as daemon,
        subprocess.Popen([folder / "two.tgtpid", "60"], executable="/bin/sleep") as target,
    ):
        (folder / "one.pid").write_text(f"{daemon.pid}\n")
        (folder / "two.tgtpid").write_text(f"{target.pid}\n")
        (folder / "three.pid").write_text(f"{os.getpid()}\n")
        (folder / "four.pid").write_text("")
        assert {name: one.pid for name, one in storage_daemons(state).items()} == {"one": daemon.pid}
        assert [one.pid for one in exporters(state)] == [daemon.pid, target.pid]
        for one in exporters(state):
            one.terminate()
    assert exporters(state) == []
