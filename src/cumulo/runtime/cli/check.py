"""`cumulo check`: whether anything hangs, was left over or does not add up."""

import argparse
import asyncio

from cumulo.runtime.check import check
from cumulo.runtime.state import StateFolder


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments: none of its own."""


def run(options: argparse.Namespace) -> int:
    """Print what is found; the status is 1 when that is anything."""
    state = StateFolder(options.state)
    if not state.exists:
        print(f"no cloud in {state.path}: `cumulo up` makes one")
        return 1
    found = asyncio.run(check(state))
    for finding in found:
        print(finding)
    print(
        f"{len(found)} found" if found else "sound: nothing hangs, nothing is left over, all accounts agree"
    )
    return 1 if found else 0
