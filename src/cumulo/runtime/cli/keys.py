"""`cumulo keys rotate`: new keys for tokens and all that is kept sealed, with no pause."""

import argparse
import sys

from cumulo.runtime.client import Refused, Session
from cumulo.runtime.state import StateFolder


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("verb", choices=["rotate"], help="tokens of the last keys stay valid for two turns")


def run(options: argparse.Namespace) -> int:
    """Have the running cloud turn its keys."""
    try:
        api = Session.of(StateFolder(options.state), "cumulo-admin")
        done = api.post("/identity/v3/OS-CUMULO/keys/rotate", {})["keys"]
    except (Refused, OSError) as error:
        print(f"cumulo: {error}", file=sys.stderr)
        return 1
    print(f"new keys are in use; {done['credentials_sealed_anew']} credentials were sealed anew")
    for service, count in done["sealed_anew"].items():
        if service != "identity" and count:
            print(f"{count} secrets of {service.replace('_', ' ')} were sealed anew")
    return 0
