"""Every command of the official client, against a cloud without engines; and that none is forgotten.

with commanded_cloud("volume-commands") as cloud:
    cloud.admin("volume type create", "fast")

A folder of tests tells by its own text what it tries: each call whose first argument is a command, with the
options that stand among the further arguments. `Tried` reads it.
"""

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cumulo.runtime.scratch import scratch_cloud
from cumulo.runtime.state import StateFolder
from cumulo.testing.official import LoadedClient, OpenStack

PROGRAM = Path(__file__).resolve().parents[3] / ".venv-client" / "bin" / "openstack"
WITHOUT_ENGINES = '[engines]\nstart = false\n[node]\nhypervisor = "fake"\n'


@dataclass(frozen=True)
class CommandedCloud:
    """A cloud that runs, the client that has been loaded for it, and that client as the administrator."""

    state: StateFolder
    client: LoadedClient
    admin: OpenStack


@contextmanager
def commanded_cloud(purpose: str, settings: str = WITHOUT_ENGINES) -> Iterator[CommandedCloud]:
    """Give a cloud for a while. WouldNotStart."""
    with (
        scratch_cloud(purpose, settings) as state,
        LoadedClient(PROGRAM, {"HOME": str(state.path)}) as client,
    ):
        port = tomllib.loads(state.config.read_text())["http"]["port"]
        password = state.admin_password.read_text().strip()
        yield CommandedCloud(state, client, OpenStack.administrator(client, port, password))


@dataclass
class Tried:
    """What tests try of a client: commands that succeed, those that are refused, and options by command."""

    commands: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    options: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def by(cls, paths: Sequence[Path]) -> "Tried":
        """Read tests' texts."""
        tried = cls()
        for path in paths:
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    tried._read(node)
        return tried

    def _read(self, call: ast.Call) -> None:
        said = [
            one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)
        ]
        if not said or " " not in said[0]:
            return
        refused = isinstance(call.func, ast.Attribute) and call.func.attr == "refused"
        (self.refused if refused else self.commands).add(said[0])
        self.options[said[0]] |= {each for each in said if each.startswith("--")}

    def forgotten(self, commands: Mapping[str, Sequence[str]]) -> set[str]:
        """Return the options that no test tries: `server list --long`."""
        return {
            f"{command} {option}"
            for command, options in commands.items()
            for option in options
            if option not in self.options[command]
        }
