"""A cloud without engines, and the official client with osc-placement, for every placement command."""

import itertools
import uuid
from collections.abc import Callable, Iterator

import pytest

from cumulo.testing.commands import CommandedCloud, commanded_cloud
from cumulo.testing.official import OpenStack

NEWEST = "1.39"


@pytest.fixture(scope="session")
def cloud() -> Iterator[CommandedCloud]:
    with commanded_cloud("placement-commands") as made:
        yield made


@pytest.fixture(scope="session")
def oldest(cloud: CommandedCloud) -> OpenStack:
    """The client as the administrator, at the first version of the API."""
    return cloud.admin.but(placement_api_version="1.0")


@pytest.fixture(scope="session")
def admin(cloud: CommandedCloud) -> OpenStack:
    """The client as the administrator, at the newest version of the API that it knows."""
    return cloud.admin.but(placement_api_version=NEWEST)


_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def name() -> Callable[[str], str]:
    """Make names that no other test uses: `RED_3`."""
    return lambda word: f"{word}_{next(_numbers)}"


@pytest.fixture
def new_id() -> Callable[[], str]:
    return lambda: str(uuid.uuid4())


@pytest.fixture
def provider(admin: OpenStack, name: Callable[[str], str]) -> Callable[..., str]:
    """Make providers that have `CLASS=AMOUNT` each; return their ids."""

    def make(*stock: str, parent: str = "") -> str:
        below = ("--parent-provider", parent) if parent else ()
        made: str = admin.json("resource provider create", name("rack"), *below)["uuid"]
        for each in stock:
            admin("resource provider inventory set", made, "--amend", "--resource", each)
        return made

    return make
