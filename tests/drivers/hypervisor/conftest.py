"""A libvirtd of the tests' own."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cumulo.testing.libvirtd import PrivateLibvirt


@pytest.fixture(scope="session")
def libvirt_daemon() -> Iterator[PrivateLibvirt]:
    if os.geteuid() != 0 or shutil.which("libvirtd") is None:
        pytest.skip("needs root and libvirtd")
    state = Path(tempfile.mkdtemp(prefix="node-"))
    daemon = PrivateLibvirt(state, state.name[-4:])
    try:
        daemon.prepare()
        daemon.start()
        yield daemon
    finally:
        daemon.remove()
