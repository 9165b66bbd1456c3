"""What patterns let through, and what counts as a number, in what strangers send."""

import ast
from collections.abc import Iterator
from pathlib import Path

SERVICES = Path(__file__).resolve().parents[2] / "src" / "cumulo" / "services"
END = r"$(?!\n)"  # Python's `$` also stands before a newline that ends the text


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for file in sorted(SERVICES.rglob("*.py")):
        yield file.relative_to(SERVICES), ast.parse(file.read_text(encoding="utf-8"))


def _ending(node: ast.expr) -> str:
    """Return the end of a pattern as far as it is written there."""
    if isinstance(node, ast.JoinedStr):
        node = node.values[-1]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def test_no_pattern_of_a_field_lets_a_last_newline_through() -> None:
    """`raw\\n` is no format of a disk: what compares it later would know it as none."""
    found = [
        f"{file}:{node.lineno}"
        for file, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Meta"
        for given in node.keywords
        if given.arg == "pattern" and _ending(given.value).endswith("$")
    ]
    assert found == [], f"end these with {END}"


def test_digits_are_those_that_int_reads() -> None:
    """`isdigit` also holds for ² and ③, for which `int` raises: `isdecimal` does not."""
    found = [
        f"{file}:{node.lineno}"
        for file, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("isdigit", "isnumeric")
    ]
    assert found == []
