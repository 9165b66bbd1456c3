from pathlib import Path

import pytest

from cumulo.node.console import find


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "novnc"
    (inside / "core").mkdir(parents=True)
    (inside / "vnc_lite.html").write_text("<html>")
    (inside / "core" / "rfb.js").write_text("export default 1")
    (inside / ".secret").write_text("x")
    (tmp_path / "outside.txt").write_text("x")
    return inside


def test_the_empty_path_is_the_page(folder: Path):
    page = find("", folder)
    assert page is not None
    assert page.content == b"<html>"
    assert page.content_type == "text/html; charset=utf-8"


def test_scripts_have_a_type_that_browsers_accept_for_modules(folder: Path):
    script = find("core/rfb.js", folder)
    assert script is not None
    assert script.content_type.startswith("text/javascript")
    assert script.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["../outside.txt", "core/../../outside.txt", "/etc/passwd", ".secret", "core", "nope", "a\0b"],
)
def test_nothing_else_is_served(folder: Path, path: str):
    assert find(path, folder) is None
