"""`cumulo operations`: what the cloud is doing and has done, step by step."""

import argparse
import sys
import time
from typing import Any

from cumulo.runtime.client import Refused, Session
from cumulo.runtime.state import StateFolder


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("id", nargs="?", help="one operation, in full")
    parser.add_argument("--follow", "-f", action="store_true", help="go on as operations change")
    parser.add_argument("--limit", type=int, default=20, help="the newest so many (20)")
    parser.add_argument("--state-is", metavar="STATE", help="only those: running, done, failed, stuck, ...")


def run(options: argparse.Namespace) -> int:
    """Print operations, oldest first."""
    state = StateFolder(options.state)
    try:
        api = Session.of(state, "cumulo-admin")
        if options.id:
            for line in lines(api.get(f"/operations/{options.id}")["operation"]):
                print(line)
            return 0
        return _listed(api, options)
    except (Refused, OSError) as error:
        print(f"cumulo: {error}", file=sys.stderr)
        return 1


def _listed(api: Session, options: argparse.Namespace) -> int:
    shown: dict[str, Any] = {}
    while True:
        query = {"limit": options.limit, **({"state": options.state_is} if options.state_is else {})}
        for operation in reversed(api.get("/operations", **query)["operations"]):
            if shown.get(operation["id"]) != operation:
                shown[operation["id"]] = operation
                for line in lines(api.get(f"/operations/{operation['id']}")["operation"]):
                    print(line, flush=True)
        if not options.follow:
            return 0
        time.sleep(0.5)


def lines(operation: dict[str, Any]) -> list[str]:
    """Return an operation in words: a headline, then a line for each step."""
    head = f"{operation['created_at']}  {operation['state']:<8} {operation['name']}"
    told = [f"{head}  {operation.get('resource') or ''}  {operation['id']}"]
    for step in operation.get("steps") or ():
        tries = f", {step['retries']} retries" if step.get("retries") else ""
        took = f" {step['seconds']:.3f} s" if step.get("seconds") is not None else ""
        told.append(f"    {step['state']:<8} {step['name']}{took}{tries}")
        if step.get("progress"):
            told.append(f"             {step['progress']}")
        if step.get("error"):
            told.append(f"             {step['error']}")
    if operation.get("error"):
        told.append(f"    error: {operation['error']}")
    return told
