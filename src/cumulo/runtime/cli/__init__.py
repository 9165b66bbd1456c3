"""The command line. Each command is a module with `arguments(parser)` and `run(arguments) -> status`."""

import argparse
import difflib
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from cumulo.core import observe
from cumulo.core.errors import Error
from cumulo.runtime.calling import Hindrance, as_called, name
from cumulo.runtime.state import DEFAULT, ForeignFolder, StateFolder

COMMANDS = {
    "demo": "start the cloud, boot a first server, log in to it; quick when it is there",
    "up": "start the cloud in the background and wait until it answers",
    "down": "stop it; guests keep running unless --guests",
    "status": "show the state of every part",
    "host": "have more hosts of the cloud on this machine, to try migration and evacuation (`host add`)",
    "doctor": "say what this machine and this cloud lack, and how to mend it",
    "reset": "remove everything Cumulo made on this machine, asking first",
    "operations": "show running and past operations, step by step",
    "image": "build guest images (`image build`)",
    "appliance": "make images, a flavor and ports of an OVA (`appliance import FILE.ova`)",
    "backup": "write the control plane into one file; `backup verify` reads backups of volumes",
    "restore": "bring the control plane back from what `backup` wrote",
    "keys": "make new keys for tokens and credentials, or for hosts (`keys rotate`)",
    "policy": "say why a user may or may not do something (`policy explain`)",
    "project": "remove a project with everything it owns (`project purge`)",
    "check": "say what hangs, what was left over on the hosts, and which accounts disagree",
    "network": "compare switches and routers with the database, and mend them (`network check`)",
    "schedule": "say where a server would go, and of each host why or why not (`schedule explain`)",
    "audit": "show who changed what, who logged in and who was refused",
    "logs": "show the logs",
    "bench": "measure, and print a table",
    "test": "run the whole check and the test suite",
    "openstack": "OpenStack's own client on this cloud",
}


_EXPECTED = (Error, ForeignFolder, Hindrance, OSError)
EXAMPLES = {
    "demo": ("demo",),
    "up": ("up", "up --foreground"),
    "down": ("down", "down --guests"),
    "status": ("status",),
    "host": (
        "host add two",
        "host list",
        "host stop two",
        "host start two",
        "host crash two",
        "host remove two",
    ),
    "doctor": ("doctor",),
    "reset": ("reset", "reset --yes"),
    "operations": ("operations --follow", "operations --state-is stuck"),
    "image": ("image build debian", "image build mini --output /tmp/mini.qcow2"),
    "appliance": ("appliance import router.ova --network LAN=lab",),
    "backup": ("backup /srv/backups", "backup --images /srv/backups/whole.backup", "backup verify"),
    "restore": ("restore --check cumulo-1a2b.backup", "restore --force cumulo-1a2b.backup"),
    "keys": ("keys rotate", "keys rotate --authority"),
    "policy": ("policy explain os_compute_api:servers:create --user ann --project lab",),
    "project": ("project purge lab --dry-run", "project purge lab --keep-project"),
    "check": ("check",),
    "network": ("network check", "network check --mend"),
    "schedule": ("schedule explain --flavor m1.small --image mini",),
    "audit": ("audit --since 2h --outcome failure", "audit --user ann --follow"),
    "logs": ("logs --follow", "logs ovn-controller --lines 20"),
    "bench": ("bench calls", "bench --json figures.json"),
    "test": ("test", "test fast tests/core", "test --conformance smoke", "test --chaos 60"),
    "openstack": ("openstack server list",),
}
"""Words that each command can be called with, which its help shows."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the process's exit status. What goes wrong is told in a line, with the mend."""
    words = list(sys.argv[1:] if argv is None else argv)
    state, words = _state(words)
    if not words or words[0] in ("help", "--help", "-h"):
        return _usage(asked=bool(words))
    command = words[0]
    if command not in COMMANDS or command == "openstack":
        return _unknown(command)
    observe.configure(level="WARNING")
    module = importlib.import_module(f"cumulo.runtime.cli.{command}")
    parser = parser_of(command, state)
    module.arguments(parser)
    options = parser.parse_args(words[1:])
    try:
        return int(module.run(options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `cumulo status | head`
        sys.stdout = None  # nothing is left to flush at the end
        return 0
    except Exception as error:  # noqa: BLE001  nobody is shown a traceback
        folder = StateFolder(options.state)
        text = said(error) if isinstance(error, _EXPECTED) else _unexpected(error, folder)
        print(f"cumulo: {as_called(text, folder)}", file=sys.stderr)
        return 1


def parser_of(command: str, state: Path) -> argparse.ArgumentParser:
    """Return a command's parser, as yet without the command's own arguments."""
    examples = "\n".join(f"  {name()} {words}" for words in EXAMPLES[command])
    parser = argparse.ArgumentParser(
        prog=f"{name()} {command}",
        description=as_called(f"{COMMANDS[command]}."),
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--state", type=Path, default=state, help=f"state folder ({state})")
    return parser


def said(error: Exception) -> str:
    """Return an error in words; what the system says of a file is turned into a sentence."""
    if isinstance(error, PermissionError) and error.filename is not None:
        return f"{error.filename}: not allowed; run it as root, with sudo"
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _state(words: list[str]) -> tuple[Path, list[str]]:
    """Return the state folder that is named before the command, and the rest of the words."""
    if words[:1] == ["--state"] and len(words) > 1:
        return Path(words[1]), words[2:]
    if words and words[0].startswith("--state="):
        return Path(words[0].partition("=")[2]), words[1:]
    return Path(os.environ.get("CUMULO_STATE", DEFAULT)), words


def _usage(*, asked: bool) -> int:
    print(f"usage: {name()} [--state DIR] COMMAND ...\n")
    for command, text in COMMANDS.items():
        print(f"  {command:<12}{text}")
    print(f"\n`{name()} COMMAND --help` says more, with examples. The first steps: `{name()} demo`.")
    return 0 if asked else 2


def _unknown(command: str) -> int:
    if command == "openstack":  # the launcher runs it
        text = f"`{name()} openstack ...` is run by the launcher, as the first word"
    else:
        near = difflib.get_close_matches(command, COMMANDS, 1)
        meant = f"did you mean `{name()} {near[0]}`?" if near else f"`{name()} help` lists all"
        text = f"there is no command {command!r}: {meant}"
    print(f"cumulo: {text}", file=sys.stderr)
    return 2


def _unexpected(error: Exception, state: StateFolder) -> str:
    """Keep a traceback where whoever mends us finds it; return what to tell."""
    text = f"{type(error).__name__}: {error}"
    log = state.logs / "commands.log"
    if not log.parent.is_dir():
        return f"{text} (unexpected: `cumulo doctor` may say why)"
    try:
        with log.open("a", encoding="utf-8") as file:
            log.chmod(0o600)
            traceback.print_exception(error, file=file)
    except OSError as trouble:
        return (
            f"{text} (unexpected, and not written to {log}: {trouble.strerror}; `cumulo doctor` may say why)"
        )
    return f"{text} (unexpected: `cumulo doctor` may say why; more is in {log})"
