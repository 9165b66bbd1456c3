"""`cumulo project purge NAME`: remove everything that a project owns in all services, and the project."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from cumulo.runtime.calling import agreed
from cumulo.runtime.cli.operations import lines
from cumulo.runtime.client import Refused, Session
from cumulo.runtime.state import StateFolder

_LOOK = 0.5  # seconds between two looks at the operation
_ABSENCE = 60.0  # seconds that the cloud may be away meanwhile


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("verb", choices=["purge"])
    parser.add_argument("project", help="an id, or a name (of --domain)")
    parser.add_argument("--domain", default="Default", help="the domain of the name (Default)")
    parser.add_argument("--dry-run", action="store_true", help="only list what would be removed")
    parser.add_argument("--keep-project", action="store_true", help="empty it; it keeps its roles and limits")
    parser.add_argument("--recursive", action="store_true", help="with the projects below it")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(options: argparse.Namespace) -> int:
    """Show what goes, ask, and wait until it is gone; the status is 1 when something is left."""
    try:
        api = Session.of(StateFolder(options.state), "cumulo-admin")
        project = api.id_of("project", options.project, options.domain)
        path = f"/identity/v3/OS-CUMULO/projects/{project}/purge"
        how = {"keep_project": options.keep_project, "recursive": options.recursive}
        found = api.post(path, {**how, "dry_run": True})["purge"]
        for line in listed(found["owned"]):
            print(line)
        names = ", ".join(project["name"] for project in found["projects"])
        print(f"{summary(found['owned'])} of {names}" + ("" if options.keep_project else ", and the project"))
        if options.dry_run:
            return 0
        if not options.yes and not agreed("Remove it for good?"):
            print("nothing was removed")
            return 1
        return _watched(api, api.post(path, how)["purge"]["operation_id"])
    except (Refused, OSError) as error:
        print(f"cumulo: {error}", file=sys.stderr)
        return 1


def listed(owned: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return what a project owns in columns: service, kind, id, name."""
    return [f"  {each['service']:<14}{each['kind']:<24}{each['id']}  {each['name']}" for each in owned]


def summary(owned: Iterable[Mapping[str, Any]]) -> str:
    """Return how much of each kind there is, such as `2 servers, 1 network`."""
    counts = Counter(each["kind"] for each in owned)
    told = [f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items()]
    return ", ".join(told) or "nothing"


def _watched(api: Session, operation_id: str) -> int:
    """Show an operation's progress until it ends; the cloud may be restarted meanwhile."""
    told: set[str] = set()
    away = 0.0
    while True:
        try:
            operation = api.get(f"/operations/{operation_id}")["operation"]
        except OSError:
            away += _LOOK
            if away > _ABSENCE:
                raise
        else:
            away = 0.0
            for line in lines(operation):
                if line not in told and " waiting " not in line:
                    told.add(line)
                    print(line, flush=True)
            if operation["state"] in ("done", "failed", "stuck"):
                return 0 if operation["state"] == "done" else 1
        time.sleep(_LOOK)
