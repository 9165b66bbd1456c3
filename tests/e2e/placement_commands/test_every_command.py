"""That nothing is forgotten: the client itself says which placement commands and options there are."""

from pathlib import Path

import pytest

from cumulo.testing.commands import Tried
from cumulo.testing.official import LoadedClient


@pytest.fixture(scope="module")
def commands(loaded: LoadedClient) -> dict[str, list[str]]:
    return loaded.commands("openstack.placement.v1")


@pytest.fixture(scope="module")
def tried() -> Tried:
    return Tried.by(sorted(Path(__file__).parent.glob("test_*.py")))


def test_every_command_is_tried(commands: dict[str, list[str]], tried: Tried):
    assert len(commands) > 30
    assert set(commands) - tried.commands == set()


def test_every_option_of_every_command_is_tried(commands: dict[str, list[str]], tried: Tried):
    assert tried.forgotten(commands) == set()
