"""That nothing is forgotten: the client itself says which compute commands and options there are."""

import pytest

from cumulo.testing.commands import CommandedCloud, Tried

# Options that are tried by no test, and why.
UNTRIED = {
    **dict.fromkeys(
        ("server list --config-drive", "server list --no-config-drive"),
        "this client compares the text that a server shows with yes or no, and lists none",
    ),
    "server group list --offset": "this client does not send it",
    "server migrate --disk-overcommit": "this client hands it to a method that does not know it",
    **dict.fromkeys(
        ("server ssh -4", "server ssh -6", "server ssh --public", "server ssh --private"),
        "the client goes out to the address",
    ),
    "server evacuate --wait": "this client waits for ever: it compares `active` with `ACTIVE`",
    "server create --file": "this client cannot send it: it tries to write an open file as JSON",
}
ABSENT = (
    "compute agent ",
    "host set",
    "server ssh",
    "server restore",
    "server add share",
    "server remove share",
    "server share show",
)
OVER = ("server migration show", "server migration abort", "server migration force complete")


@pytest.fixture(scope="module")
def commands(cloud: CommandedCloud) -> dict[str, list[str]]:
    return cloud.client.commands("openstack.compute.v2")


def test_every_command_is_tried(commands: dict[str, list[str]], tried: Tried):
    assert len(commands) > 95
    only_refused = {command for command in commands if command.startswith((*ABSENT, *OVER))}
    assert set(commands) - tried.commands - only_refused == set()
    assert only_refused - tried.commands - tried.refused == set()


def test_every_option_of_every_command_is_tried(commands: dict[str, list[str]], tried: Tried):
    assert tried.forgotten(commands) == set(UNTRIED)
