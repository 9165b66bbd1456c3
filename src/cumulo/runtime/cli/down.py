"""`cumulo down`: stop Cumulo; what running guests need goes on unless they are stopped too."""

import argparse
import asyncio

from cumulo.runtime import guests
from cumulo.runtime.engines.libvirt import guests_running
from cumulo.runtime.hosts import life
from cumulo.runtime.hosts.folder import hosts_of
from cumulo.runtime.state import StateFolder
from cumulo.runtime.supervisor.keeping import stop_leftovers, stop_supervisor


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--guests", action="store_true", help="shut the guests down as well")


def run(options: argparse.Namespace) -> int:
    """Stop the cloud."""
    state = StateFolder(options.state)
    if not state.exists:
        print(f"there is no cloud in {state.path} (another folder: --state DIR)")
        return 0
    left = stop(state, with_guests=options.guests)
    if left:
        print(f"stopped; {left} guest(s) keep running, and with them OVN, Open vSwitch and libvirt")
    else:
        print("stopped")
    return 0


def stop(state: StateFolder, *, with_guests: bool, grace: float = 30) -> int:
    """Stop the cloud; return how many guests still run. `grace`: seconds a guest gets to shut down."""
    if with_guests and guests_running(state):
        guests.stop_all(state, grace=grace)
    stop_supervisor(state)
    elsewhere = [life.stop(host, with_guests=with_guests, grace=grace) for host in hosts_of(state)]
    left = guests_running(state) + sum(elsewhere)
    asyncio.run(stop_leftovers(state, for_guests=bool(left)))
    return left
