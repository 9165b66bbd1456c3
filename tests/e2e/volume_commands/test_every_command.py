"""That nothing is forgotten: the client itself says which volume commands and options there are."""

import pytest

from cumulo.testing.commands import CommandedCloud, Tried

# What there is nothing of here (clusters, replication), and what this client asks wrongly: see the tests.
REFUSED = {
    "block storage cleanup",
    "block storage cluster set",
    "block storage cluster show",
    "consistency group delete",
    "volume backup record import",
    "volume backup unset",
    "volume group failover",
    "volume host failover",
}


@pytest.fixture(scope="module")
def commands(cloud: CommandedCloud) -> dict[str, list[str]]:
    return cloud.client.commands("openstack.volume.v3")


def test_every_command_is_tried(commands: dict[str, list[str]], tried: Tried):
    assert len(commands) > 90
    assert set(commands) - tried.commands == REFUSED
    assert tried.refused >= REFUSED


def test_every_option_of_every_command_is_tried(commands: dict[str, list[str]], tried: Tried):
    assert tried.forgotten(commands) == set()
