"""`cumulo network check`: whether the switches and routers are as the database says, and mending them."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from cumulo.runtime.client import Refused, Session
from cumulo.runtime.state import StateFolder

_PATH = "/network/v2.0/OS-CUMULO/check"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("verb", choices=["check"])
    parser.add_argument("--mend", action="store_true", help="make the data plane agree with the database")


def run(options: argparse.Namespace) -> int:
    """Print what differs; the status is 1 while something does."""
    try:
        api = Session.of(StateFolder(options.state), "cumulo-admin")
        report = (api.post(_PATH, None) if options.mend else api.get(_PATH))["check"]
    except (Refused, OSError) as error:
        print(f"cumulo: {error}", file=sys.stderr)
        return 1
    for line in lines(report):
        print(line)
    return 0 if all(each["mended"] for each in report["differences"]) else 1


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield a report in words: what differs resource by resource, then how much that was."""
    for each in report["differences"]:
        outcome = "  mended" if each["mended"] else ""
        yield f"{each['kind']:<16}{each['id']}{outcome}"
        yield from (f"    {difference}" for difference in each["differences"])
        if each["error"]:
            yield f"    not mended: {each['error']}"
    yield from (f"port            {id_}  is ACTIVE, and no host has claimed it" for id_ in report["unwired"])
    found = len(report["differences"])
    yield f"{report['compared']} compared, {found} with differences"
