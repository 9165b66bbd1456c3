"""`cumulo demo`: from nothing to a shell in a guest, step by step with times."""

import argparse
import sys
import time

from cumulo.runtime.cli.up import described, start
from cumulo.runtime.client import Refused
from cumulo.runtime.demo import NAME, Demo, DemoFailed
from cumulo.runtime.demo.guest import NoAnswer, easy_login


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments: none of its own."""


def run(options: argparse.Namespace) -> int:
    """Start the cloud, tell the story, and say how to go on."""
    began = time.monotonic()
    state = start(options.state)
    if state is None:
        return 1
    up = time.monotonic() - began
    print(f"{up:8.2f} s  the cloud is up", flush=True)
    demo = Demo(state, lambda text: print(text, flush=True))
    try:
        address = demo.run()
    except (DemoFailed, Refused, NoAnswer) as error:
        print(f"cumulo: {error}", file=sys.stderr)
        return 1
    whole = time.monotonic() - began
    boot = demo.times["boot"] + demo.times["login"]
    print(f"{whole:8.2f} s  in all: {up:.1f} the cloud, {boot:.1f} the guest's boot and login,", end=" ")
    print(f"{whole - up - boot:.1f} everything else\n")
    print(described(state))
    print(f"log in:          {easy_login(demo.key, address, NAME)}    (it is root@{address})")
    return 0
