"""`cumulo down`: stop Cumulo; what running guests need goes on unless they are stopped too."""

import argparse
import asyncio

from cumulo.runtime import guests
from cumulo.runtime.cli.up import supervisor_of
from cumulo.runtime.engines.libvirt import guests_running
from cumulo.runtime.state import StateFolder
from cumulo.runtime.supervisor.plan import parts_of
from cumulo.runtime.supervisor.supervisor import Supervisor

_LONGEST = 60.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--guests", action="store_true", help="shut the guests down as well")


def run(options: argparse.Namespace) -> int:
    """Stop the cloud."""
    state = StateFolder(options.state)
    if not state.exists:
        print(f"there is no cloud in {state.path}")
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
    supervisor = supervisor_of(state)
    if supervisor is not None:
        supervisor.terminate()
        supervisor.wait(_LONGEST)
    left = guests_running(state)
    asyncio.run(_stop_leftovers(state, for_guests=bool(left)))
    return left


async def _stop_leftovers(state: StateFolder, *, for_guests: bool) -> None:
    """Stop what no supervisor stopped: one was killed, or left engines to guests that have ended since."""
    state.prepare()
    leftovers = Supervisor(state, await parts_of(state))
    await leftovers.stop(leave=leftovers.needed_by_guests() if for_guests else ())
    if not for_guests:
        state.status.unlink(missing_ok=True)
