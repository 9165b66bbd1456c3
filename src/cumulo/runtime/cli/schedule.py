"""`cumulo schedule explain --flavor …`: where a server would go, and of each host why or why not."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from cumulo.runtime.client import Refused, Session
from cumulo.runtime.state import StateFolder

NOWHERE = 3  # the status when no host can take it


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("verb", choices=["explain"])
    parser.add_argument("--flavor", required=True, help="an id or a name")
    parser.add_argument("--image", help="an id or a name")
    parser.add_argument("--project", help="whose it would be: a name (of --domain) or an id")
    parser.add_argument("--domain", default="Default", help="the domain of the name (Default)")
    parser.add_argument("--zone", help="the availability zone")
    parser.add_argument("--host", help="the only host that would do")
    parser.add_argument("--boot-from-volume", action="store_true", help="with no disk of its host's")


def run(options: argparse.Namespace) -> int:
    """Print a line a host and the conclusion; the status is 3 when no host can take it."""
    try:
        api = Session.of(StateFolder(options.state), "cumulo-admin")
        answer = api.post("/compute/v2.1/OS-CUMULO/schedule/explain", {"server": _question(api, options)})
    except (Refused, OSError) as error:
        print(f"cumulo: {error}", file=sys.stderr)
        return 1
    found = answer["schedule"]
    for line in lines(found):
        print(line)
    return 0 if any(host["fits"] for host in found["hosts"]) else NOWHERE


def _question(api: Session, options: argparse.Namespace) -> dict[str, Any]:
    question: dict[str, Any] = {"flavor": _id(api.get("/compute/v2.1/flavors")["flavors"], options.flavor)}
    if options.image:
        question["image"] = _id(api.get("/image/v2/images", name=options.image)["images"], options.image)
    if options.project:
        question["project_id"] = api.id_of("project", options.project, options.domain)
    for name in ("zone", "host"):
        if getattr(options, name):
            question[name] = getattr(options, name)
    return {**question, "boots_from_volume": options.boot_from_volume}


def _id(rows: Sequence[Mapping[str, Any]], named: str) -> str:
    """Return the id of what is named, which may be the id itself."""
    return next((str(row["id"]) for row in rows if named in (row["name"], row["id"])), named)


def lines(found: Mapping[str, Any]) -> list[str]:
    """Return what was found as lines for people."""
    wanted = ", ".join(f"{amount} {name}" for name, amount in found["resources"].items())
    traits = [*found["traits"]["required"], *(f"no {name}" for name in found["traits"]["forbidden"])]
    shown = [f"wanted: {', '.join([wanted, *traits])}"]
    for host in found["hosts"]:
        if host["fits"]:
            free = ", ".join(f"{share:.0%} of {name}" for name, share in host["free_share"].items())
            shown.append(f"  {host['host']:<20} weight {host['weight']:.3f} ({free} free)")
        else:
            shown.append(f"  {host['host']:<20} refused by {host['filter']}: {host['reason']}")
    return [*shown, found["conclusion"]]
