"""That nothing is forgotten: the client itself says which identity commands and options there are."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from cumulo.testing.official import LoadedClient

# Options that are tried by no test, and why.
UNTRIED = {
    "user create --password-prompt": "asks at a terminal",
    "user set --password-prompt": "asks at a terminal",
    "access rule list --user-domain": "goes with --user, which this client cannot do (see test_delegation)",
}
FEDERATION = ("federation ", "identity provider ", "mapping ", "service provider ")


@pytest.fixture(scope="module")
def commands(loaded: LoadedClient) -> dict[str, list[str]]:
    return loaded.commands("openstack.identity.v3")


def calls() -> Iterator[tuple[str, bool, list[str]]]:
    """Give each call of the client in this folder: command, whether it is to succeed, options."""
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and (said := texts(node.args)) and " " in said[0]:
                refused = isinstance(node.func, ast.Attribute) and node.func.attr == "refused"
                yield said[0], not refused, [each for each in said if each.startswith("--")]


def texts(arguments: list[ast.expr]) -> list[str]:
    return [
        each.value for each in arguments if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]


def test_every_command_is_tried(commands: dict[str, list[str]]):
    assert len(commands) > 120
    tried, refused = set(), set()
    for command, succeeds, _options in calls():
        (tried if succeeds else refused).add(command)
    absent = {command for command in commands if command.startswith(FEDERATION)}
    assert set(commands) - absent - tried == set()
    assert absent - tried - refused == set()


def test_every_option_of_every_command_is_tried(commands: dict[str, list[str]]):
    tried: dict[str, set[str]] = defaultdict(set)
    for command, _succeeds, options in calls():
        tried[command] |= set(options)
    forgotten = {
        f"{command} {option}"
        for command, options in commands.items()
        if not command.startswith(FEDERATION)
        for option in options
        if option not in tried[command]
    }
    assert forgotten == set(UNTRIED)
