"""`cumulo bench`: measure, and print a table."""

import argparse
from pathlib import Path

from cumulo.runtime.bench import KINDS, bench
from cumulo.runtime.bench.memory import TENTH


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("kind", nargs="*", choices=[[], *KINDS], help="what is measured (all)")
    parser.add_argument(
        "--requests", type=int, default=TENTH, metavar="N", help=f"how many `memory` makes ({TENTH})"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures go, besides")


def run(options: argparse.Namespace) -> int:
    """Measure; 1 when something takes more than it should."""
    return bench(options.json, options.kind, options.requests)
