"""A cloud of fakes on two hosts, and the client loaded once, for every compute command that it has."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cumulo.testing.commands import CommandedCloud, commanded_cloud
from cumulo.testing.launched import until
from cumulo.testing.official import OpenStack

SETTINGS = """
[engines]
start = false
fake_hosts = 2
[node]
hypervisor = "fake"
"""
VERSION = "2.100"  # of the API, which the client itself takes for 2.1 unless it is told


@pytest.fixture(scope="session")
def cloud() -> Iterator[CommandedCloud]:
    with commanded_cloud("compute-commands", SETTINGS) as made:
        yield made


@pytest.fixture(scope="session")
def admin(cloud: CommandedCloud, tmp_path_factory: pytest.TempPathFactory) -> OpenStack:
    """The administrator, who has made what servers need."""
    admin = cloud.admin.but(compute_api_version=VERSION)
    data = tmp_path_factory.mktemp("data") / "data"
    data.write_bytes(b"a picture" * 1000)
    admin("image create", "picture", "--file", str(data), "--disk-format", "raw", "--public")
    admin("flavor create", "frugal", "--ram", "64", "--disk", "1", "--vcpus", "1")
    admin("flavor create", "ample", "--ram", "128", "--disk", "2", "--vcpus", "2")
    admin("network create", "outside", "--external", "--default")
    admin("subnet create", "outside", "--network", "outside", "--subnet-range", "192.0.2.0/24", "--no-dhcp")
    return admin


@pytest.fixture(scope="session")
def me(admin: OpenStack) -> OpenStack:
    """A member of a project with a network behind a router."""
    me = admin.member("me")
    admin("quota set", "me", "--instances", "50", "--cores", "100")
    me("network create", "home")
    me("subnet create", "home", "--network", "home", "--subnet-range", "10.0.0.0/24")
    me("router create", "door", "--external-gateway", "outside")
    me("router add subnet", "door", "home")
    return me


@pytest.fixture
def server(me: OpenStack, name: Callable[[str], str]) -> Iterator[str]:
    """The name of a server of mine, on a network, that runs."""
    made = name("server")
    me("server create", made, "--image", "picture", "--flavor", "frugal", "--network", "home", "--wait")
    yield made
    me("server delete", made, "--wait")


@pytest.fixture
def becomes(admin: OpenStack) -> Callable[[str, str], dict[str, Any]]:
    """Wait until a server has a status; return it as the administrator sees it."""

    def wait(server: str, status: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            shown: dict[str, Any] = admin.json("server show", server)
            return shown if shown["status"] == status else None

        return until(look, what=f"server {server} to be {status}")

    return wait


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A file with a few words."""
    path = tmp_path / "words"
    path.write_text("some words\n")
    return path
