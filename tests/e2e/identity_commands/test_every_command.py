"""That nothing is forgotten: the client itself says which identity commands and options there are."""

import pytest

from cumulo.testing.commands import CommandedCloud, Tried

# Options that are tried by no test, and why.
UNTRIED = {
    "user create --password-prompt": "asks at a terminal",
    "user set --password-prompt": "asks at a terminal",
    "access rule list --user-domain": "goes with --user, which this client cannot do (see test_delegation)",
}
FEDERATION = ("federation ", "identity provider ", "mapping ", "service provider ")


@pytest.fixture(scope="module")
def commands(cloud: CommandedCloud) -> dict[str, list[str]]:
    return cloud.client.commands("openstack.identity.v3")


def test_every_command_is_tried(commands: dict[str, list[str]], tried: Tried):
    assert len(commands) > 120
    absent = {command for command in commands if command.startswith(FEDERATION)}
    assert set(commands) - absent - tried.commands == set()
    assert absent - tried.commands - tried.refused == set()


def test_every_option_of_every_command_is_tried(commands: dict[str, list[str]], tried: Tried):
    there = {name: options for name, options in commands.items() if not name.startswith(FEDERATION)}
    assert tried.forgotten(there) == set(UNTRIED)
