"""What `./cumulo test --conformance` does around a run: use the running cloud, or start one just for it."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cumulo.runtime.cli.down import stop
from cumulo.runtime.cli.up import start, supervisor_of
from cumulo.runtime.conformance.run import Conformance, run
from cumulo.runtime.reset import devices, remove
from cumulo.runtime.settings import port_is_free
from cumulo.runtime.state import StateFolder

ROOT = Path(__file__).resolve().parents[4]
_PORTS = range(8900, 9000)


def run_conformance(suite: str, path: Path, json: Path | None = None) -> int:
    """Run a suite against the cloud of a state folder when it is up, else against one of its own."""
    with _cloud(StateFolder(path)) as state:
        return run(Conformance(root=ROOT, suite=suite, clouds=state.path / "clouds.yaml", json=json))


@contextmanager
def _cloud(state: StateFolder) -> Iterator[StateFolder]:
    if state.exists and supervisor_of(state) is not None:
        yield state
        return
    folder = Path(tempfile.mkdtemp(prefix="cumulo-conformance-"))
    own = StateFolder(folder / "state")
    own.path.mkdir()
    port = next(port for port in _PORTS if port_is_free(port))
    own.config.write_text(f"[http]\nport = {port}\n", encoding="utf-8")
    try:
        if start(own.path) is None:
            sys.exit(1)
        yield own
    finally:
        made = devices(own)
        stop(own, with_guests=True, grace=0)
        remove(own, made)
        shutil.rmtree(folder, ignore_errors=True)
