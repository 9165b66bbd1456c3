"""A cloud for a while: in a temporary folder, on a free port, removed from the machine afterwards."""

import contextlib
import io
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cumulo.runtime.cli.down import stop
from cumulo.runtime.cli.up import start
from cumulo.runtime.hosts import life
from cumulo.runtime.hosts.folder import hosts_of
from cumulo.runtime.reset import remove
from cumulo.runtime.settings import port_is_free
from cumulo.runtime.state import StateFolder

_PORTS = range(20000, 30000)  # at random: a cloud that is restarted must find its port still free


class WouldNotStart(Exception):
    """The cloud did not come up; what the commands said of it is on standard error."""


@contextlib.contextmanager
def scratch_cloud(
    purpose: str, settings: str = "", *, up: bool = True, hosts: int = 1
) -> Iterator[StateFolder]:
    """Give a cloud, running if `up` on so many `hosts`; `settings` is TOML below its `[http]` section."""
    folder = Path(tempfile.mkdtemp(prefix=f"cumulo-{purpose}-"))
    state = StateFolder(folder / "state")
    state.path.mkdir()
    port = next(port for port in random.sample(_PORTS, len(_PORTS)) if port_is_free(port))
    state.config.write_text(f"[http]\nport = {port}\n{settings}", encoding="utf-8")
    try:
        if up and start(state.path) is None:
            raise WouldNotStart
        for number in range(2, hosts + 1):
            life.add(state, f"{state.host}-{number}")
        yield state
    finally:
        with contextlib.redirect_stdout(io.StringIO()):
            for host in hosts_of(state):
                life.remove(host)
            stop(state, with_guests=True, grace=0)
            remove(state)
        shutil.rmtree(folder, ignore_errors=True)
