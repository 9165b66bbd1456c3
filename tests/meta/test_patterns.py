"""Patterns that bodies are held against: none takes long, whatever it is given."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cumulo.core.http.openapi import document
from cumulo.runtime.services import all_services

SOURCE = Path(__file__).resolve().parents[2] / "src"

# Two that could both take the same characters, and nothing between them: each way to share these is tried.
_SET = r"(?:\[(?:[^\]\\]|\\.)+\]|\\[dwsDWS]|\.)"
_COMPILED = re.compile(r"\bre\.[a-z]+\(")  # or used at once
_ADJACENT = re.compile(rf"({_SET})[+*](?:{_SET}[*?])*\1[+*]")


def patterns(shape: Any) -> Iterator[str]:
    """Yield the patterns in a JSON schema."""
    if isinstance(shape, dict):
        if isinstance(shape.get("pattern"), str):
            yield shape["pattern"]
        shape = list(shape.values())
    for inner in shape if isinstance(shape, list) else ():
        yield from patterns(inner)


@pytest.mark.parametrize("service", all_services(), ids=lambda service: service.name)
def test_no_pattern_can_share_out_the_same_text_in_many_ways(service: Any) -> None:
    slow = [text for text in patterns(document(service)) if _ADJACENT.search(text)]
    assert not slow


def test_what_is_slow_is_known():
    assert _ADJACENT.search(r"^[a-z]+[a-z.-]*[a-z]+$")
    assert not _ADJACENT.search(r"^[a-z][a-z.-]*[a-z]$")


def possessive(text: str) -> set[str]:
    """Return the possessive quantifiers and atomic groups of source code."""
    return set(re.findall(r"(?<!\\)[*+?}]\+(?=[)\[(\\\"'=]|$)|\(\?>", text))


def test_no_pattern_has_a_quantifier_that_never_gives_back() -> None:
    """Python 3.11.2, Debian's, loses its place in the text where what follows one does not match."""
    lines = [line for path in SOURCE.rglob("*.py") for line in path.read_text().splitlines()]
    assert not [line for line in lines if _COMPILED.search(line) and possessive(line)]


def test_quantifiers_that_never_give_back_are_known():
    assert possessive(r"""re.compile(r'([\\w]++)="([^"]*+)"')""") == {"++", "*+"}
    assert not possessive(r"""re.compile(r"[+*?{]")""")
    assert possessive(r"""re.compile(r"(?>a)")""")
