"""A cloud without engines, and the official client loaded once, for every identity command that it has."""

import itertools
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cumulo.runtime.scratch import scratch_cloud
from cumulo.runtime.state import StateFolder
from cumulo.testing.official import LoadedClient, OpenStack

PROGRAM = Path(__file__).resolve().parents[3] / ".venv-client" / "bin" / "openstack"
SETTINGS = '[engines]\nstart = false\n[node]\nhypervisor = "fake"\n'


@pytest.fixture(scope="session")
def state() -> Iterator[StateFolder]:
    """The state folder of a cloud that runs."""
    with scratch_cloud("identity-commands", SETTINGS) as folder:
        yield folder


@pytest.fixture(scope="session")
def loaded(state: StateFolder) -> Iterator[LoadedClient]:
    with LoadedClient(PROGRAM, {"HOME": str(state.path)}) as client:
        yield client


@pytest.fixture(scope="session")
def admin(state: StateFolder, loaded: LoadedClient) -> OpenStack:
    """The client as the administrator."""
    port = tomllib.loads(state.config.read_text())["http"]["port"]
    return OpenStack.administrator(loaded, port, state.admin_password.read_text().strip())


_numbers = itertools.count(1)


@pytest.fixture
def name() -> Callable[[str], str]:
    """Make names that no other test uses: `red-3`."""
    return lambda word: f"{word}-{next(_numbers)}"


@pytest.fixture
def person(admin: OpenStack, name: Callable[[str], str]) -> Callable[..., OpenStack]:
    """Make users with a role in a project of the same name; return each one's client."""

    def make(role: str = "member") -> OpenStack:
        who = name("person")
        admin("project create", who)
        admin("user create", who, "--project", who, "--password", f"pass {who}")
        admin("role add", role, "--project", who, "--user", who)
        return admin.but(username=who, password=f"pass {who}", project_name=who)

    return make
