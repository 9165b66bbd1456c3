"""A whole cloud for a session: real libvirt, Open vSwitch and OVN, started by the command that users type."""

import contextlib
import itertools
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cumulo.testing.commands import Tried
from cumulo.testing.launched import LaunchedCloud
from cumulo.testing.official import LoadedClient, OpenStack
from cumulo.testing.spaces import Spaces

ROOT = Path(__file__).resolve().parents[2]
LONG = {
    "test_backups",
    "test_containers",
    "test_hardware",
    "test_kill",
    "test_killed_moves",
    "test_volume_kinds",
    "test_volume_moves",
}
"""Modules of many minutes each, which `scripts/test long` runs; each change has `check_saga` and chaos."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below this folder is an end-to-end test."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if item.path.stem in LONG:
                item.add_marker(pytest.mark.long)


_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def name() -> Callable[[str], str]:
    """Make names that no other test uses: `red-3`."""
    return lambda word: f"{word}-{next(_numbers)}"


@pytest.fixture(scope="module")
def tried(request: pytest.FixtureRequest) -> Tried:
    """What the tests of a folder try of the official client."""
    return Tried.by(sorted(request.path.parent.glob("test_*.py")))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def clouds() -> Iterator[Callable[..., LaunchedCloud]]:
    """Make clouds that are removed from the machine at the end, whatever happens."""
    made: list[LaunchedCloud] = []

    def make(settings: str = "") -> LaunchedCloud:
        folder = Path(tempfile.mkdtemp(prefix="cumulo-e2e-"))
        cloud = LaunchedCloud(ROOT, folder / "state", free_port(), settings)
        made.append(cloud)
        return cloud

    try:
        yield make
    finally:
        for cloud in made:
            cloud.kill()
            cloud.reset()
            shutil.rmtree(cloud.state.path.parent, ignore_errors=True)


@pytest.fixture(scope="module")
def make_cloud() -> Iterator[Callable[..., LaunchedCloud]]:
    """Make clouds of a module's own."""
    with clouds() as make:
        yield make


@pytest.fixture(scope="session")
def administrator(cloud) -> Iterator[OpenStack]:
    """The session's cloud's administrator, whose client is loaded once."""
    program = ROOT / ".venv-client" / "bin" / "openstack"
    with LoadedClient(program, {"HOME": str(cloud.state.path)}) as loaded:
        yield OpenStack.administrator(loaded, cloud.port, cloud.state.admin_password.read_text().strip())


@pytest.fixture(scope="session")
def cloud() -> Iterator[LaunchedCloud]:
    """The session's cloud, up."""
    with clouds() as make:
        started = make()
        started.up()
        yield started


@pytest.fixture(scope="module")
def spaces(cloud) -> Iterator[Spaces]:
    """Namespaces on the session's cloud, of one module."""
    with Spaces(cloud.state) as made:
        yield made
