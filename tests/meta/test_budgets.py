"""The house rules that no linter knows: sizes, names, and what must not stand in a tracked file."""

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE_LINES = 400
FUNCTION_LINES = 40
CORE_LINES = 6_000
VAGUE_MODULES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}
VAGUE_NAMES = re.compile(r"(?:^|_)(?:utils?|helpers?|misc|tenants?)(?:_|$)")
NUMBERED = re.compile(r"(\d{4})-[a-z0-9-]+\.md")
# Put together from pieces, so that this file passes its own test.
MACHINE_PATHS = re.compile("(?<![\\w.])/" + r"(?:work|home)/[\w.-]+")
REGISTRY_HOSTS = re.compile(r"(?i)https?://[^\s/]*(?:pypi|python(?=hosted)|npm|registry|mirror|\bdeb\b)")
BINARY = {".png", ".ico", ".woff2", ".gz", ".qcow2"}


def _tracked(*globs: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *globs],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return sorted({ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()})


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def _code_lines(path: Path) -> int:
    """Count the lines that hold code: blank ones, comments and docstrings are free."""
    text = path.read_text()
    explaining: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            explaining.update(range(node.lineno, (node.end_lineno or 0) + 1))
    return sum(
        1
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#") and number not in explaining
    )


def _place(path: Path, line: int = 1) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


PYTHON = [path for path in _tracked("src", "tests", "migrations") if path.suffix == ".py"]
SOURCE = [path for path in PYTHON if path.is_relative_to(ROOT / "src")]


def _none(findings: Iterable[str]) -> None:
    if found := "\n".join(findings):
        pytest.fail(found, pytrace=False)


Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _definitions(path: Path) -> Iterator[Definition]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Definition):
            yield node


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of the body: a declaration's many arguments and the docstring are free."""
    body = function.body[ast.get_docstring(function, clean=False) is not None :]
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_no_file_is_longer_than_its_budget():
    too_long = [f"{_place(path)} {_lines(path)}" for path in PYTHON if _lines(path) > FILE_LINES]
    _none(too_long)  # what outgrows 400 lines becomes a package of the same name


def test_no_function_is_longer_than_its_budget():
    too_long = [
        f"{_place(path, node.lineno)} {node.name} {_length(node)}"
        for path in PYTHON
        for node in _definitions(path)
        if not isinstance(node, ast.ClassDef) and _length(node) > FUNCTION_LINES
    ]
    _none(too_long)


def test_the_core_stays_within_its_budget():
    total = sum(_code_lines(path) for path in SOURCE if path.is_relative_to(ROOT / "src/cumulo/core"))
    assert total <= CORE_LINES


def test_modules_are_named_for_what_they_hold():
    vague = [_place(path) for path in SOURCE if {path.stem, path.parent.name} & VAGUE_MODULES]
    _none(vague)


def test_names_use_the_words_of_today():
    # A schema may spell the wire's old words: that is what it is for.
    vague = [
        f"{_place(path, node.lineno)} {node.name}"
        for path in SOURCE
        if "schema" not in path.relative_to(ROOT).as_posix()
        for node in _definitions(path)
        if VAGUE_NAMES.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", node.name).lower())
    ]
    _none(vague)


def test_marks_for_later_name_their_issue():
    mark = re.compile(r"\b(?:TO" + "DO|FIX" + r"ME|X{3})\b(?!.*#\d+)")
    bare = [
        _place(path, number)
        for path in PYTHON
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if mark.search(line)
    ]
    _none(bare)


def test_decisions_are_numbered_once():
    names = [path.name for path in _tracked("docs/decisions") if path.name != "README.md"]
    _none(name for name in names if not NUMBERED.fullmatch(name))
    twice = [number for number, times in Counter(name[:4] for name in names).items() if times > 1]
    _none(twice)


@pytest.mark.parametrize("forbidden", [MACHINE_PATHS, REGISTRY_HOSTS], ids=["machine path", "registry host"])
def test_no_tracked_file_names_a(forbidden: re.Pattern[str]):
    named = [
        f"{_place(path, number)} {found[0]}"
        for path in _tracked()
        if path.suffix not in BINARY
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if (found := forbidden.search(line))
    ]
    _none(named)
