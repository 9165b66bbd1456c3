"""How the user calls us, so that every command that we name can be typed as it stands."""

import os
import shlex
import sys

from cumulo.runtime.state import DEFAULT, StateFolder


class Hindrance(Exception):
    """What keeps a command from its work, in words that people are shown as they are."""


def name() -> str:
    """Return the command's name as it was typed: the launcher says so."""
    return os.environ.get("CUMULO_COMMAND", "./cumulo")


def as_called(text: str, state: StateFolder | None = None) -> str:
    """Return a text in which each `cumulo ...` is how the user would type it for this cloud."""
    words = name()
    if state is not None and state.path != DEFAULT:
        words += f" --state {shlex.quote(str(state.path))}"
    return text.replace("`cumulo ", f"`{words} ")


def agreed(question: str) -> bool:
    """Ask whether to go on; without a terminal nobody agrees."""
    if not sys.stdin.isatty():
        print("(no terminal to ask on: give --yes)")  # noqa: T201  a command prints
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
