"""`cumulo keys rotate`: new keys for tokens and all that is kept sealed, or for hosts, with no pause."""

import argparse
import sys

from cumulo.runtime.calling import as_called
from cumulo.runtime.client import Refused, Session
from cumulo.runtime.engines import certificates
from cumulo.runtime.guests import await_beginnings
from cumulo.runtime.hosts.folder import hosts_of
from cumulo.runtime.state import StateFolder


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("verb", choices=["rotate"], help="tokens of the last keys stay valid for two turns")
    parser.add_argument(
        "--authority",
        action="store_true",
        help="instead those by which hosts know each other when guests go from one to another",
    )


def run(options: argparse.Namespace) -> int:
    """Turn them."""
    state = StateFolder(options.state)
    return _turn_authority(state) if options.authority else _turn_keys(state)


def _turn_keys(state: StateFolder) -> int:
    """Have the running cloud turn its keys."""
    try:
        api = Session.of(state, "cumulo-admin")
        done = api.post("/identity/v3/OS-CUMULO/keys/rotate", {})["keys"]
    except (Refused, OSError) as error:
        print(f"cumulo: {error}", file=sys.stderr)
        return 1
    print(f"new keys are in use; {done['credentials_sealed_anew']} credentials were sealed anew")
    for service, count in done["sealed_anew"].items():
        if service != "identity" and count:
            print(f"{count} secrets of {service.replace('_', ' ')} were sealed anew")
    return 0


def _turn_authority(cloud: StateFolder) -> int:
    """Give the hosts another authority and new keys, whether they run or not."""
    if not (cloud.path / certificates.AUTHORITY).is_dir():
        text = f"the cloud in {cloud.path} has no authority: `cumulo up` makes one, where there are engines"
        print(f"cumulo: {as_called(text, cloud)}", file=sys.stderr)
        return 1

    def hosts() -> list[StateFolder]:
        return [cloud, *hosts_of(cloud)]

    def settle() -> None:
        print("waiting for guests that begin to go from one host to another", flush=True)
        await_beginnings(hosts())

    certificates.turn(cloud, hosts, settle)
    print(f"a new authority vouches for {len(hosts())} host(s), each of which has a new key")
    return 0
