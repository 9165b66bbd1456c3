"""`cumulo policy explain RULE --user … --project …`: why a call is allowed or refused."""

import argparse
import sys
from typing import Any

from cumulo.runtime.client import Refused, Session
from cumulo.runtime.state import StateFolder


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("verb", choices=["explain"])
    parser.add_argument("rule", help="such as os_compute_api:servers:create")
    parser.add_argument("--user", required=True, help="a name (of --domain) or an id")
    scope = parser.add_mutually_exclusive_group()
    scope.add_argument("--project", help="a name (of --domain) or an id; the scope of the token")
    scope.add_argument("--system", action="store_true", help="a token for the system instead")
    parser.add_argument("--domain", default="Default", help="the domain of the names (Default)")
    parser.add_argument("--target", action="append", default=[], type=_pair, metavar="NAME=VALUE",
                        help="what it would be done to, such as project_id=…, target.user.id=…")  # fmt: skip


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def run(options: argparse.Namespace) -> int:
    """Print how each part of the rule decides; the status is 0 when allowed, 3 when refused."""
    target = dict(options.target) or None
    question: dict[str, Any] = {"rule": options.rule, "system": options.system, "target": target}
    try:
        api = Session.of(StateFolder(options.state), "cumulo-admin")
        for kind in ("user", "project"):
            if getattr(options, kind):
                question[kind] = {"id": api.id_of(kind, getattr(options, kind), options.domain)}
        answer = api.post("/identity/v3/OS-CUMULO/policy/explain", {"question": question})
    except (Refused, OSError) as error:
        print(f"cumulo: {error}", file=sys.stderr)
        return 1
    print(answer["explanation"])
    return 0 if answer["allowed"] else 3
