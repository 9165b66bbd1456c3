"""What `./cumulo test --conformance` does around a run: use the running cloud, or start one just for it."""

import contextlib
from pathlib import Path

from cumulo.runtime.cli.up import supervisor_of
from cumulo.runtime.conformance.run import Conformance, run
from cumulo.runtime.scratch import scratch_cloud
from cumulo.runtime.state import StateFolder

# What the tests of password rules expect; Cumulo's own defaults are off.
SETTINGS = "[identity]\nlockout_failures = 2\nlockout_seconds = 5\nunique_last_passwords = 2\n"
ROOT = Path(__file__).resolve().parents[4]


def run_conformance(suite: str, path: Path, json: Path | None = None) -> int:
    """Run a suite against the cloud of a state folder when it is up, else against one of its own."""
    with contextlib.ExitStack() as stack:
        state = StateFolder(path)
        if not (state.exists and supervisor_of(state)):
            state = stack.enter_context(scratch_cloud("conformance", SETTINGS))
        return run(Conformance(root=ROOT, suite=suite, clouds=state.path / "clouds.yaml", json=json))
