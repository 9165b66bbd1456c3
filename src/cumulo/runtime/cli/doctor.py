"""`cumulo doctor`: what this machine and this cloud lack, and the mend for each finding."""

import argparse

from cumulo.runtime.calling import as_called
from cumulo.runtime.doctor.examination import examine
from cumulo.runtime.state import StateFolder


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments: none of its own."""


def run(options: argparse.Namespace) -> int:
    """Print the findings as they come; 1 when something is bad."""
    state = StateFolder(options.state)
    bad = 0
    for finding in examine(state):
        print(f"{finding.level:<5} {finding.about:<10} {finding.text}", flush=True)
        if finding.mend:
            print(f"{'':<17}→ {as_called(finding.mend, state)}", flush=True)
        bad += finding.level == "bad"
    print(f"\n{bad} thing(s) to mend" if bad else "\nthis machine is fit for Cumulo")
    return 1 if bad else 0
