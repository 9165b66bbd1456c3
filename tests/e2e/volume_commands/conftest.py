"""A cloud of two pools without engines, and the official client loaded once, for every volume command."""

from collections.abc import Callable, Iterator

import pytest

from cumulo.testing.commands import WITHOUT_ENGINES, CommandedCloud, commanded_cloud
from cumulo.testing.launched import until
from cumulo.testing.official import OpenStack

POOLS = """
[volumes]
report_every = 1.0
[volumes.backends.first]
driver = "fake"
[volumes.backends.second]
driver = "fake"
[block_storage]
default_group_type = "usual"
"""
NEWEST = "3.71"


@pytest.fixture(scope="session")
def cloud() -> Iterator[CommandedCloud]:
    with commanded_cloud("volume-commands", WITHOUT_ENGINES + POOLS) as made:
        yield made


@pytest.fixture(scope="session")
def admin(cloud: CommandedCloud) -> OpenStack:
    """The client as the administrator."""
    return cloud.admin


@pytest.fixture(scope="session")
def newest(admin: OpenStack) -> OpenStack:
    """The administrator who names the newest version, which some commands need to be told."""
    return admin.but(volume_api_version=NEWEST)


@pytest.fixture
def me(admin: OpenStack, name: Callable[[str], str]) -> OpenStack:
    """A new user in a project of the same name."""
    return admin.member(name("person"))


@pytest.fixture(scope="session")
def hosts(newest: OpenStack) -> tuple[str, str]:
    """The two pools, as `host@backend#pool`."""

    def look() -> list[str] | None:
        found = sorted(row["Name"] for row in newest.json("volume backend pool list"))
        return found if len(found) == len(("first", "second")) else None

    first, second = until(look, what="the pools to be reported")
    return first, second


@pytest.fixture
def becomes() -> Callable[..., dict[str, object]]:
    """Wait until `volume show` and the like tell a status; return what they tell."""

    def wait(who: OpenStack, command: str, what: str, status: str = "available") -> dict[str, object]:
        def look() -> dict[str, object] | None:
            shown: dict[str, object] = who.json(command, what)
            return shown if (shown.get("status") or shown.get("Status")) == status else None

        return until(look, what=f"{command} {what} to be {status}")

    return wait


@pytest.fixture
def volume(becomes: Callable[..., dict[str, object]], name: Callable[[str], str]) -> Callable[..., str]:
    """Make volumes of 1 GiB that are available; return their names."""

    def make(who: OpenStack, *options: str) -> str:
        made = name("volume")
        size = () if "--size" in options else ("--size", "1")
        who("volume create", *size, *options, made)
        becomes(who, "volume show", made)
        return made

    return make
