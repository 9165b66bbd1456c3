"""The official `openstack` command, many times a minute: loaded once, each command in a fork of its own.

A command of python-openstackclient spends two seconds on loading itself. Here one process of the client's own
environment has loaded it, and forks for each command: what runs is the client's own `main`, with arguments,
environment, standard streams and exit status of its own. Commands go in and answers come out as JSON, one a
line.

with LoadedClient(program, {"HOME": folder}) as client:
    admin = OpenStack(client, auth_url=..., username="admin", password=...)
    assert admin.json("user show", "admin")["enabled"]
"""

import argparse
import contextlib
import importlib
import importlib.metadata
import io
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class CommandFailed(AssertionError):
    """A command ended with another status than was expected; the text is what it said."""


class LoadedClient:
    """The process that has loaded the client. `environment` is that of every command; use it in a `with`."""

    def __init__(self, program: Path, environment: Mapping[str, str]) -> None:
        self._line = [str(program.parent / "python"), "-W", "ignore", __file__]
        self._environment = {"PATH": os.environ["PATH"], **environment}

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603  the client's own interpreter and this file
            self._line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self._environment
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()  # the end of its input is the end of it

    def commands(self, group: str) -> dict[str, list[str]]:
        """Return the commands of a group of entry points, each with its own options, hidden ones excepted."""
        done = subprocess.run(  # noqa: S603  as above
            [*self._line, group], check=True, capture_output=True, text=True, env=self._environment
        )
        commands: dict[str, list[str]] = json.loads(done.stdout)
        return commands

    def run(self, environment: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
        """Run `openstack ARGUMENTS`; return the exit status, the output and what went to standard error."""
        if self._process.stdin is None or self._process.stdout is None:  # pragma: no cover  both are pipes
            raise RuntimeError
        print(json.dumps([dict(environment), arguments]), file=self._process.stdin, flush=True)
        status, output, said = json.loads(self._process.stdout.readline())
        return status, output, said


class OpenStack:
    """The client as one user: `me("project list", "--long")`."""

    def __init__(self, client: LoadedClient, **environment: str) -> None:
        self.client = client
        self.environment = {f"OS_{name.upper()}": value for name, value in environment.items()}

    @classmethod
    def administrator(cls, client: LoadedClient, port: int, password: str) -> Self:
        """Return the client as the administrator of the cloud that listens on this port of 127.0.0.1."""
        return cls(
            client,
            auth_url=f"http://127.0.0.1:{port}/identity/v3",
            username="admin",
            password=password,
            project_name="admin",
            user_domain_name="Default",
            project_domain_name="Default",
            identity_api_version="3",
        )

    def but(self, **environment: str) -> "OpenStack":
        """Return the client as somebody who differs in this."""
        mine = {name.removeprefix("OS_").lower(): value for name, value in self.environment.items()}
        return OpenStack(self.client, **mine | environment)

    def member(self, name: str) -> "OpenStack":
        """As administrator, make a user with the role member in a project of the same name; be that user."""
        password = secrets.token_hex(12)  # no client takes a leading dash for an option
        self("project create", name)
        self("user create", name, "--project", name, "--password", password)
        self("role add", "member", "--project", name, "--user", name)
        return self.but(username=name, password=password, project_name=name)

    def __call__(self, command: str, *arguments: str) -> str:
        """Run a command that must succeed; return what it printed."""
        status, output, said = self.client.run(self.environment, *command.split(), *arguments)
        if status:
            raise CommandFailed(f"openstack {command} {' '.join(arguments)}: status {status}\n{output}{said}")
        return output

    def json(self, command: str, *arguments: str) -> Any:
        """Run a command that must succeed, with `-f json`; return what it printed as values."""
        return json.loads(self(command, *arguments, "-f", "json"))

    def said(self, command: str, *arguments: str) -> str:
        """Run a command that keeps to itself how it went; return what it said to standard error."""
        return self.client.run(self.environment, *command.split(), *arguments)[2]

    def refused(self, command: str, *arguments: str) -> str:
        """Run a command that must fail; return what it said to standard error."""
        status, output, said = self.client.run(self.environment, *command.split(), *arguments)
        if not status:
            raise CommandFailed(f"openstack {command} {' '.join(arguments)} was not refused:\n{output}")
        return said


# From here on it runs in the client's environment, which has only its own packages.


def _serve() -> None:
    """Answer commands until there are no more."""
    shell = importlib.import_module("openstackclient.shell")
    importlib.import_module("keystoneclient.v3.client")
    installed = importlib.metadata.entry_points()
    for group in installed.groups:
        if group.startswith(("openstack.", "cliff.")):  # what each command would otherwise load for itself
            for point in installed.select(group=group):
                with contextlib.suppress(ImportError):
                    point.load()
    _options(next(iter(installed.select(group="openstack.identity.v3"))))  # and what it would look up
    for line in sys.stdin:
        environment, arguments = json.loads(line)
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as said:
            child = os.fork()
            if not child:
                os.environ.update(environment)
                _become(shell, arguments, output.fileno(), said.fileno())
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            texts = []
            for file in (output, said):
                file.seek(0)
                texts.append(file.read().decode())
        _tell([status, *texts])


def _become(shell: Any, arguments: list[str], output: int, said: int) -> None:
    """Be the command in this process, which ends with it."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, place in ((nothing, 0), (output, 1), (said, 2)):
        os.dup2(descriptor, place)
    sys.stdin, sys.stdout, sys.stderr = (
        io.TextIOWrapper(open(place, mode, closefd=False), line_buffering=True)  # noqa: SIM115  it stays open for the process's life
        for place, mode in ((0, "rb"), (1, "wb"), (2, "wb"))
    )
    try:
        status = shell.main(arguments)
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(status or 0))


def _tell(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _options(point: importlib.metadata.EntryPoint) -> list[str]:
    """Return the options that a command declares itself, each by its last spelling."""
    name = point.name.replace("_", " ")
    parser: argparse.ArgumentParser = point.load()(None, argparse.Namespace()).get_parser(name)
    formats = {
        option
        for group in parser._action_groups  # noqa: SLF001  argparse has no other way to ask
        if (group.title or "").lower().endswith(("formatter", "formatters"))
        for option in group._group_actions  # noqa: SLF001
    }
    return [
        action.option_strings[-1]
        for action in parser._actions  # noqa: SLF001
        if action.option_strings
        and action not in formats
        and action.help != argparse.SUPPRESS
        and "--help" not in action.option_strings
    ]


if __name__ == "__main__":
    if sys.argv[1:]:
        points = importlib.metadata.entry_points(group=sys.argv[1])
        _tell({point.name.replace("_", " "): _options(point) for point in points})
    else:
        _serve()
