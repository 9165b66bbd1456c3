"""A cloud without engines, and the official client loaded once, for every identity command that it has."""

from collections.abc import Callable, Iterator

import pytest

from cumulo.runtime.state import StateFolder
from cumulo.testing.commands import CommandedCloud, commanded_cloud
from cumulo.testing.official import OpenStack


@pytest.fixture(scope="session")
def cloud() -> Iterator[CommandedCloud]:
    with commanded_cloud("identity-commands") as made:
        yield made


@pytest.fixture(scope="session")
def state(cloud: CommandedCloud) -> StateFolder:
    """The state folder of a cloud that runs."""
    return cloud.state


@pytest.fixture(scope="session")
def admin(cloud: CommandedCloud) -> OpenStack:
    """The client as the administrator."""
    return cloud.admin


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
