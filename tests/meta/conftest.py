"""The registry of all services, and golden lists that only change on purpose."""

import difflib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cumulo.core.http import Service
from cumulo.runtime.services import all_services

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def services() -> list[Service]:
    return list(all_services())


@pytest.fixture
def matches_golden() -> Callable[[str, str], None]:
    """Compare a text with the list of that name; UPDATE_GOLDEN=1 writes the list instead."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / f"{name}.txt"
        if os.environ.get("UPDATE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            return
        before = path.read_text() if path.exists() else ""
        if text != before:
            changes = difflib.unified_diff(before.splitlines(), text.splitlines(), lineterm="", n=0)
            told = "\n".join(list(changes)[:60])
            pytest.fail(
                f"{path.name} changed; if that is meant, UPDATE_GOLDEN=1 and commit it\n{told}", pytrace=False
            )

    return check
