"""`cumulo test`: the static checks, then the suite; the launcher has installed what they need."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from cumulo.runtime.chaos.run import DRIVERS, Wanted
from cumulo.runtime.chaos.run import run as chaos
from cumulo.runtime.conformance.command import DATABASES, run_conformance

ROOT = Path(__file__).resolve().parents[4]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--conformance", metavar="SELECTION", help="run Tempest instead, as `smoke`")
    parser.add_argument("--database", choices=DATABASES, help="start a cloud on such a one for Tempest")
    parser.add_argument("--hosts", type=int, help="on how many hosts Tempest's cloud is, such as 2")
    parser.add_argument("--chaos", type=float, metavar="SECONDS", help="kill at random for so long instead")
    parser.add_argument("--seed", type=int, help="of an earlier chaos run, to have the same again")
    parser.add_argument("--driver", choices=DRIVERS, default=DRIVERS[0], help="of the chaos run's cloud")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where Tempest's results go")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="for scripts/test, such as `e2e -x`")


def run(options: argparse.Namespace) -> int:
    """Run both; the suite runs even when a check has failed, and its closing line comes last."""
    if options.conformance:
        json, hosts = options.json, options.hosts
        return run_conformance(options.conformance, options.state, options.database, json, hosts)
    if options.chaos:
        database, hosts = options.database or DATABASES[0], options.hosts
        how = {"seed": options.seed, "driver": options.driver, "database": database, "hosts": hosts}
        return chaos(Wanted(seconds=options.chaos, **how))
    environment = {**os.environ}
    for name in ("CUMULO_STATE", "CUMULO_COMMAND"):
        environment.pop(name, None)
    checked = 0
    if not options.rest:
        checked = _script("check", [], environment)
    tested = _script("test", options.rest, environment)
    return tested or checked


def _script(name: str, rest: list[str], environment: dict[str, str]) -> int:
    command = [sys.executable, str(ROOT / "scripts" / name), *rest]
    return subprocess.run(command, check=False, cwd=ROOT, env=environment).returncode  # noqa: S603  an argument list of our own
