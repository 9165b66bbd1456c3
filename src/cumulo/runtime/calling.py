"""How the user calls us, so that every command that we name can be typed as it stands."""

import os
import shlex

from cumulo.runtime.state import DEFAULT, StateFolder


def name() -> str:
    """Return the command's name as it was typed: the launcher says so."""
    return os.environ.get("CUMULO_COMMAND", "./cumulo")


def as_called(text: str, state: StateFolder | None = None) -> str:
    """Return a text in which each `cumulo ...` is how the user would type it for this cloud."""
    words = name()
    if state is not None and state.path != DEFAULT:
        words += f" --state {shlex.quote(str(state.path))}"
    return text.replace("`cumulo ", f"`{words} ")
