"""The command line. Each command is a module with `arguments(parser)` and `run(arguments) -> status`."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cumulo.core import observe
from cumulo.core.errors import Error
from cumulo.runtime.state import DEFAULT, ForeignFolder

COMMANDS = {
    "demo": "start the cloud, boot a first server, log in to it; quick when it is there",
    "up": "start the cloud in the background and wait until it answers",
    "down": "stop it; guests keep running unless --guests",
    "status": "show the state of every part",
    "host": "more hosts of the cloud on this machine, to try migration and evacuation with (`host add`)",
    "doctor": "say what this machine lacks, and how to mend it",
    "reset": "remove everything Cumulo made on this machine, asking first",
    "operations": "show running and past operations, step by step",
    "image": "build guest images",
    "appliance": "make images, a flavor and ports of an OVA (`appliance import FILE.ova`)",
    "backup": "write the control plane into one file; `backup verify` reads backups of volumes",
    "restore": "bring the control plane back from what `backup` wrote",
    "keys": "make new keys for tokens and credentials (`keys rotate`)",
    "policy": "say why a user may or may not do something (`policy explain`)",
    "project": "remove a project with everything it owns (`project purge`)",
    "check": "say what hangs, what was left over on the hosts, and which accounts disagree",
    "network": "compare switches and routers with the database, and mend them (`network check`)",
    "schedule": "say where a server would go, and of each host why or why not (`schedule explain`)",
    "audit": "show who changed what, who logged in and who was refused",
    "logs": "show the logs",
    "bench": "measure, and print a table",
    "test": "run the whole check and the test suite",
    "openstack": "OpenStack's own client on this cloud (`./cumulo openstack server list`)",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the process's exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    state = Path(os.environ.get("CUMULO_STATE", DEFAULT))
    if words[:1] == ["--state"] and len(words) > 1:
        state, words = Path(words[1]), words[2:]
    if not words or words[0] not in COMMANDS or words[0] == "openstack":
        return _usage(words)
    command = words[0]
    observe.configure(level="WARNING")
    module = importlib.import_module(f"cumulo.runtime.cli.{command}")
    parser = argparse.ArgumentParser(prog=f"cumulo {command}", description=COMMANDS[command])
    parser.add_argument("--state", type=Path, default=state, help=f"state folder ({state})")
    module.arguments(parser)
    try:
        return int(module.run(parser.parse_args(words[1:])))
    except (Error, ForeignFolder, PermissionError) as error:
        print(f"cumulo: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `cumulo status | head`
        sys.stdout = None  # nothing is left to flush at the end
        return 0
    except KeyboardInterrupt:
        return 130


def _usage(words: Sequence[str]) -> int:
    print("usage: cumulo [--state DIR] COMMAND ...\n")
    for name, text in COMMANDS.items():
        print(f"  {name:<12}{text}")
    print("\n`cumulo COMMAND --help` says more.")
    return 0 if words and words[0] in ("help", "--help", "-h") else 2
