"""`cumulo reset`: remove the cloud and everything it made, asking first."""

import argparse

from cumulo.runtime import reset, tables
from cumulo.runtime.calling import agreed
from cumulo.runtime.cli.down import stop
from cumulo.runtime.hosts import life
from cumulo.runtime.hosts.folder import hosts_of
from cumulo.runtime.state import StateFolder


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(options: argparse.Namespace) -> int:
    """Show what will go, ask, and remove it."""
    state = StateFolder(options.state)
    if not state.exists:
        print(f"there is no cloud in {state.path} (another folder: --state DIR)")
        return 0
    print("This removes for good:")
    for line in (*reset.findings(state), *tables.findings(state)):
        print(f"  {line}")
    if not options.yes and not agreed("Go on?"):
        print("nothing was removed")
        return 1
    for host in hosts_of(state):
        life.remove(host)
    stop(state, with_guests=True, grace=0)
    kept = tables.remove(state)
    reset.remove(state)
    print("removed" if not kept else f"removed, but not the tables in the database: {kept}")
    return 0
