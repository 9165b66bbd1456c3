"""`cumulo audit`: who changed what, who logged in, who was refused."""

import argparse
import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from cumulo.runtime.client import Refused, Session
from cumulo.runtime.state import StateFolder

_PATH = "/identity/v3/OS-CUMULO/audit/events"
_AGO = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_PAUSE = 2.0  # seconds between two looks with --follow
_FILTERS = ("action", "outcome", "target_id", "target_type", "request_id", "address")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--since", help="a time (2026-11-21T08:00:00Z) or how long ago (90s, 15m, 2h, 7d)")
    parser.add_argument("--until", help="as --since")
    parser.add_argument("--user", help="who did it: a name (of --domain) or an id")
    parser.add_argument("--project", help="whose it is: a name (of --domain) or an id")
    parser.add_argument("--domain", default="Default", help="the domain of the names (Default)")
    for name in _FILTERS:
        parser.add_argument(
            f"--{name.replace('_', '-')}", help=f"only events with this {name.replace('_', ' ')}"
        )
    parser.add_argument("--limit", "-n", type=int, default=100, help="the newest so many (100)")
    parser.add_argument("--follow", "-f", action="store_true", help="go on as events come")
    parser.add_argument("--json", action="store_true", help="whole events, one a line")


def run(options: argparse.Namespace) -> int:
    """Print events, the oldest first."""
    try:
        with closing(Session.of(StateFolder(options.state), "cumulo-admin")) as api:
            for event in _events(api, _query(api, options), options):
                print(json.dumps(event) if options.json else line(event), flush=options.follow)
    except (Refused, OSError, ValueError) as error:
        print(f"cumulo: {error}", file=sys.stderr)
        return 1
    return 0


def _query(api: Session, options: argparse.Namespace) -> dict[str, str]:
    query = {name: getattr(options, name) for name in _FILTERS}
    query |= {name: moment(text) for name in ("since", "until") if (text := getattr(options, name))}
    for kind, name in (("user", "initiator_id"), ("project", "project_id")):
        if getattr(options, kind):
            query[name] = api.id_of(kind, getattr(options, kind), options.domain)
    return {name: value for name, value in query.items() if value}


def moment(text: str) -> str:
    """Return a time as the API takes it, from one or from how long ago it was; raise ValueError."""
    ago = _AGO.fullmatch(text)
    if ago is None:
        try:
            then = datetime.fromisoformat(text).astimezone(UTC)
        except ValueError:
            raise ValueError(
                f"{text!r} is no time: say 2026-11-21T08:00:00Z, or 15m for 15 minutes ago"
            ) from None
        return then.strftime("%Y-%m-%dT%H:%M:%SZ")
    then = datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    return then.strftime("%Y-%m-%dT%H:%M:%SZ")


def _events(api: Session, query: dict[str, str], options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield the newest events, the oldest of them first; with --follow, then each that comes."""
    seen: dict[str, None] = {}
    limit = options.limit
    while True:
        found = api.get(_PATH, **query, limit=str(limit))["events"]
        for event in reversed(found):
            if event["id"] not in seen:
                seen[event["id"]] = None
                yield event
        if not options.follow:
            return
        if found:  # the seconds in which the last one lies are looked at again: others may come into them
            query = {**query, "since": found[0]["eventTime"][:19] + "Z"}
            seen = dict.fromkeys(list(seen)[-2000:])
        limit = 1000
        time.sleep(_PAUSE)


def line(event: dict[str, Any]) -> str:
    """Return an event in one line."""
    by, target, reason = event["initiator"], event["target"], event.get("reason", {})
    words = [
        event["eventTime"][:19] + "Z",
        event["outcome"],
        event["action"],
        target["typeURI"],
        target["name"] or target["id"] or "-",
        f"by {by['name'] or by['id'] or 'somebody'}",
        *([f"from {by['host']['address']}"] if by["host"]["address"] else []),
        *([f"({reason['policyId']})"] if "policyId" in reason else []),
        *([f"x{event['repetitions']}"] if event["repetitions"] > 1 else []),
    ]
    return "  ".join(shown(word) for word in words)


def shown(text: str) -> str:
    """Return text without what would move a terminal's cursor: names are their owners' to choose."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
