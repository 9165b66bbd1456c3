"""`cumulo doctor`: what this machine lacks, and the mend for each finding."""

import argparse

from cumulo.runtime.doctor import examine
from cumulo.runtime.state import StateFolder


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments: none of its own."""


def run(options: argparse.Namespace) -> int:
    """Print the findings as they come; 1 when something is bad."""
    bad = 0
    for finding in examine(StateFolder(options.state)):
        print(f"{finding.level:<5} {finding.about:<10} {finding.text}")
        if finding.mend:
            print(f"{'':<17}→ {finding.mend}")
        bad += finding.level == "bad"
    print(f"\n{bad} thing(s) to mend" if bad else "\nthis machine is fit for Cumulo")
    return 1 if bad else 0
