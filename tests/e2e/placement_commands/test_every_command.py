"""That nothing is forgotten: the client itself says which placement commands and options there are."""

import pytest

from cumulo.testing.commands import CommandedCloud, Tried


@pytest.fixture(scope="module")
def commands(cloud: CommandedCloud) -> dict[str, list[str]]:
    return cloud.client.commands("openstack.placement.v1")


def test_every_command_is_tried(commands: dict[str, list[str]], tried: Tried):
    assert len(commands) > 30
    assert set(commands) - tried.commands == set()


def test_every_option_of_every_command_is_tried(commands: dict[str, list[str]], tried: Tried):
    assert tried.forgotten(commands) == set()
