"""Patterns that bodies are held against: none takes long, whatever it is given."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from cumulo.core.http.openapi import document
from cumulo.runtime.services import all_services

# Two that could both take the same characters, and nothing between them: each way to share these is tried.
_SET = r"(?:\[(?:[^\]\\]|\\.)+\]|\\[dwsDWS]|\.)"
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
