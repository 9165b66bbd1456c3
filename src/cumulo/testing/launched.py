"""A whole cloud started by its own command, as a user starts it: real engines, real clients.

cloud = LaunchedCloud(checkout, state_folder, port)
cloud.up(); alice = cloud.user("alice"); alice("server", "list"); cloud.reset()
"""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from cumulo.runtime.engines.processes import Process, started
from cumulo.runtime.state import StateFolder

T = TypeVar("T")


class CommandRefused(Exception):
    """A command ended with another status than 0; the text is what it said."""


def until(condition: Callable[[], T | None], *, seconds: float = 60, what: str = "") -> T:
    """Ask again and again until the answer is true, and return it. Raises TimeoutError, naming `what`."""
    give_up = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > give_up:
            raise TimeoutError(f"{what or condition} not within {seconds:g} seconds; last: {answer!r}")
        time.sleep(0.3)


class LaunchedCloud:
    """One cloud in a state folder of its own. `port` is that of its listener on 127.0.0.1."""

    def __init__(self, root: Path, state: Path, port: int, settings: str = "") -> None:
        self.root = root
        self.state = StateFolder(state)
        self.port = port
        self._named: Counter[str] = Counter()
        state.mkdir(parents=True, exist_ok=True)
        self.state.config.write_text(f"[http]\nport = {port}\n{settings}")

    def command(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """Run `./cumulo ARGUMENTS --state …`; return what it printed. Raises CommandRefused."""
        line = [str(self.root / "cumulo"), *arguments, "--state", str(self.state.path)]
        return said_by(line, environment)

    def up(self, **environment: str) -> None:
        """Start it; returns when it answers."""
        self.command("up", environment=environment)

    def kill(self) -> None:
        """End all of Cumulo's own processes at once by SIGKILL; engines and guests run on.

        They are found by their command lines, for one that was started a moment ago is in no record yet.
        """
        for module in (
            "cumulo.runtime.supervisor",
            "cumulo.runtime.server",
        ):  # the one that starts others first
            for process in self._running(module):
                process.terminate(signal.SIGKILL)
                process.wait(10)

    def _running(self, module: str) -> list[Process]:
        line = f"-m\0{module}\0--state\0{self.state.path}\0".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            pid = int(folder.name)
            with contextlib.suppress(OSError):
                if line in (folder / "cmdline").read_bytes() and (began := started(pid)) is not None:
                    found.append(Process(pid, began))
        return found

    @property
    def server(self) -> Process:
        """The process that serves. Raises LookupError when there is none."""
        found = self._running("cumulo.runtime.server")
        if not found:
            raise LookupError("the server does not run")
        return found[0]

    def reset(self) -> None:
        """Remove all that it made on the machine."""
        self.command("reset", "--yes")

    @property
    def url(self) -> str:
        """The listener's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin(self) -> "Client":
        """The official client as the administrator."""
        password = self.state.admin_password.read_text().strip()
        return Client(self, "admin", password, "admin")

    def user(self, name: str) -> "Client":
        """Make a user with the role member in a project of the same name; return its client.

        Tests that share the cloud may ask for the same name: the second is called `name-2`.
        """
        self._named[name] += 1
        if (count := self._named[name]) > 1:
            name = f"{name}-{count}"
        password = secrets.token_hex(12)  # no client takes a leading dash for an option
        admin = self.admin
        admin("project", "create", name)
        admin("user", "create", "--project", name, "--password", password, name)
        admin("role", "add", "--project", name, "--user", name, "member")
        return Client(self, name, password, name)


class Client:
    """The official `openstack` command as one user."""

    def __init__(self, cloud: LaunchedCloud, user: str, password: str, project: str) -> None:
        self.cloud = cloud
        self.program = cloud.root / ".venv-client" / "bin" / "openstack"
        self.environment = {
            "OS_AUTH_URL": f"{cloud.url}/identity/v3",
            "OS_USERNAME": user,
            "OS_PASSWORD": password,
            "OS_PROJECT_NAME": project,
            "OS_USER_DOMAIN_NAME": "Default",
            "OS_PROJECT_DOMAIN_NAME": "Default",
            "OS_IDENTITY_API_VERSION": "3",
            "HOME": str(cloud.state.path),
        }

    def __call__(self, *arguments: str) -> str:
        """Run the command; return what it printed. Raises CommandRefused with what it said."""
        return said_by([str(self.program), *arguments], self.environment)

    def json(self, *arguments: str) -> Any:
        """Run the command with `-f json`; return what it printed as values."""
        return json.loads(self(*arguments, "-f", "json"))


def said_by(line: list[str], environment: Mapping[str, str] | None = None) -> str:
    """Run a program; return its standard output. Raises CommandRefused with both outputs."""
    done = subprocess.run(  # noqa: S603  a list of arguments, no shell
        line,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    if done.returncode:
        words = [Path(line[0]).name, *line[1:]]
        raise CommandRefused(f"{' '.join(words)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout
