"""`cumulo logs`: the server's log, or another part's."""

import argparse
import subprocess
import sys

from cumulo.runtime.state import StateFolder


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("part", nargs="?", default="server", help="as `cumulo status` names it")
    parser.add_argument("--follow", "-f", action="store_true", help="go on as lines are written")
    parser.add_argument("--lines", "-n", type=int, default=100, help="the last so many (100)")


def run(options: argparse.Namespace) -> int:
    """Show the end of a log by tail(1)."""
    logs = StateFolder(options.state).logs
    file = logs / f"{options.part}.log"
    if not file.exists():
        known = ", ".join(sorted(found.stem for found in logs.glob("*.log")))
        print(f"no log of {options.part}; there are: {known or 'none'}", file=sys.stderr)
        return 1
    follow = ["--follow=name", "--retry"] if options.follow else []
    command = ["/usr/bin/tail", f"--lines={options.lines}", *follow, str(file)]
    return subprocess.run(command, check=False).returncode  # noqa: S603  our arguments
