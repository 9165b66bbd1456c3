"""Tempest's own processes, which end with the run."""

import sys
from pathlib import Path

import pytest

from cumulo.runtime.bench.meter import come
from cumulo.runtime.conformance.run import Bench, Conformance, environment_of

STUBBORN = """#!/bin/sh
[ "$1" = init ] && exit 0
trap "" INT
echo $$ > pid
sleep 60 &
echo $! > child
wait
"""


def test_what_does_not_end_when_its_time_is_over_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all that it started: the cloud that they ask is removed next."""
    programs, folder = tmp_path / "env" / "bin", tmp_path / "bench"
    programs.mkdir(parents=True)
    (tmp_path / "env" / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    folder.mkdir()
    (programs / "stestr").write_text(STUBBORN)
    (programs / "stestr").chmod(0o755)
    monkeypatch.setattr(sys.modules[Bench.__module__], "_LEAVE", 0.1)
    wanted = Conformance(root=tmp_path, suite="smoke", clouds=tmp_path / "none", limit=1)
    with pytest.raises(RuntimeError, match="no test ran"):
        Bench(wanted, programs, folder)._run_tests(["one"])
    for name in ("pid", "child"):
        pid = int((folder / name).read_text())
        come(
            lambda pid=pid: not _runs(pid), f"the end of {name}", seconds=20, pause=0.01
        )  # it may take its time


def _runs(pid: int) -> bool:
    """Say whether there is such a process, other than one that only waits to be reaped."""
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(
    ("suite", "wanted"),
    [
        ("network", "conformance"),
        ("re:^tempest\\.api\\.network", "conformance"),
        ("network-plugin", "conformance-network"),
        ("re:^neutron_tempest_plugin\\.scenario\\.", "conformance-network"),
    ],
)
def test_neutrons_own_plugin_is_in_an_environment_besides_tempests(suite: str, wanted: str) -> None:
    assert environment_of(suite) == wanted
    root = Path(__file__).resolve().parents[3]
    assert ("neutron-tempest-plugin==" in (root / "requirements" / f"{wanted}.lock").read_text()) == (
        wanted != "conformance"
    )
