"""Counting what Tempest found."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from cumulo.runtime.conformance.report import (
    Case,
    Report,
    Result,
    as_json,
    failures,
    gather,
    read_known,
    summary,
    surprises,
    write_page,
)
from cumulo.runtime.conformance.run import PARTS, Conformance, choose

AT = datetime(2026, 11, 21, tzinfo=UTC)
SHOW = Case(id="tempest.api.image.Images.test_show[id-1,smoke]", service="image", kind="api", smoke=True)
LIST = Case(id="tempest.api.image.Images.test_list[id-2]", service="image", kind="api", smoke=False)
BOOT = Case(id="tempest.api.compute.Servers.test_boot[id-3]", service="compute", kind="guest", smoke=True)


def _report(raw: dict[str, Result], suite: str = "core", database: str = "SQLite") -> Report:
    return gather([SHOW, LIST, BOOT], raw, suite=suite, database=database, at=AT, tempest="47.0.0")


def test_a_chosen_test_that_never_reported_is_missing():
    found = _report({SHOW.id: Result("passed"), LIST.id: Result("failed", 1.0, "Boom")})
    assert found.total == {"passed": 1, "failed": 1, "missing": 1}
    assert summary(found) == "1 passed, 2 failed, 0 skipped"


def test_a_failed_set_up_stands_for_every_test_of_its_class():
    found = _report(
        {
            "setUpClass (tempest.api.image.Images)": Result("skipped", reason="no such service"),
            BOOT.id: Result("passed"),
        }
    )
    assert found.counts("service") == {("compute",): {"passed": 1}, ("image",): {"skipped": 2}}


def test_the_page_keeps_the_last_run_of_each_suite(tmp_path: Path):
    page = tmp_path / "conformance.md"
    write_page(page, _report({}, suite="smoke"))
    write_page(page, _report({SHOW.id: Result("passed")}, suite="image"))
    write_page(page, _report({SHOW.id: Result("passed"), LIST.id: Result("passed")}, suite="smoke"))
    text = page.read_text()
    assert text.count("## smoke on SQLite") == text.count("## image on SQLite") == 1
    assert text.index("## image") < text.index("## smoke")
    assert "| image | api | 2 | 0 | 0 | 0 | 100 % |" in text
    assert "| image | api | 1 | 0 | 0 | 1 | 50 % |" in text


def test_the_page_keeps_a_suites_runs_on_each_database(tmp_path: Path):
    page = tmp_path / "conformance.md"
    for database in ("SQLite", "PostgreSQL", "PostgreSQL"):
        write_page(page, _report({}, suite="image", database=database))
    headings = [line for line in page.read_text().splitlines() if line.startswith("## ")]
    assert headings == ["## image on PostgreSQL", "## image on SQLite"]


def test_the_page_says_on_how_many_hosts_a_cloud_of_several_was(tmp_path: Path):
    page = tmp_path / "conformance.md"
    write_page(page, gather([SHOW], {}, suite="one", database="SQLite", at=AT, tempest="47.0.0"))
    write_page(page, gather([SHOW], {}, suite="two", database="SQLite", at=AT, tempest="47.0.0", hosts=2))
    told = [line for line in page.read_text().splitlines() if line.startswith("2026")]
    assert told == [
        "2026-11-21, Tempest 47.0.0, 1 tests.",
        "2026-11-21, Tempest 47.0.0, 1 tests, on 2 hosts.",
    ]


def test_the_json_holds_each_test_and_why_tests_were_skipped():
    found = _report({SHOW.id: Result("skipped", reason="not built")})
    told = msgspec.json.decode(as_json(found))
    assert told["skip_reasons"] == {"not built": 1}
    assert told["tests"][SHOW.id]["status"] == "skipped"
    assert told["by_service"]["compute"] == {"missing": 1}


def test_suites_choose_by_smoke_service_or_expression(tmp_path: Path):
    def chosen(suite: str, *kinds: str) -> list[Case]:
        wanted = Conformance(root=tmp_path, suite=suite, clouds=tmp_path, kinds=kinds or ("api", "guest"))
        return choose([SHOW, LIST, BOOT], wanted)

    assert chosen("smoke") == [BOOT, SHOW]
    assert chosen("smoke", "api") == [SHOW]
    assert chosen("image") == [LIST, SHOW]
    assert chosen("re:test_(list|boot)") == [BOOT, LIST]
    assert chosen("core") == [BOOT, LIST, SHOW]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("network_v6.V6.test", "network-scenario"),
        ("security_groups_basic_ops.T.test", "network-scenario"),
        ("server_basic_ops.T.test", "compute-scenario"),
        ("volume_boot_pattern.T.test", "volume-scenario"),
        ("dashboard_basic_ops.T.test", None),
    ],
)
def test_a_part_of_a_service_is_a_suite(tmp_path: Path, name: str, part: str | None):
    case = Case(id=f"tempest.scenario.test_{name}[id-4]", service="scenario", kind="guest", smoke=False)
    wanted = (Conformance(root=tmp_path, suite=suite, clouds=tmp_path) for suite in PARTS)
    assert [each.suite for each in wanted if choose([case], each)] == ([part] if part else [])


def test_only_failures_that_nobody_knew_of_are_surprises(tmp_path: Path):
    path = tmp_path / "known"
    path.write_text(
        "# why\ntempest.api.image.Images.test_list  # not built\n\ntempest.api.compute.Servers.test_boot\n"
    )
    known = read_known(path)
    found = _report({LIST.id: Result("failed"), BOOT.id: Result("passed")})
    assert surprises(found, known) == [SHOW.id]
    told = failures(found, known)
    assert "failed (known): tempest.api.image.Images.test_list" in told
    assert "strike it out of the known failures: tempest.api.compute.Servers.test_boot" in told
    assert summary(found) == "1 passed, 2 failed, 0 skipped"


def test_the_page_says_why_tests_were_skipped(tmp_path: Path):
    page = tmp_path / "conformance.md"
    write_page(page, _report({SHOW.id: Result("skipped", reason="no\nstore"), LIST.id: Result("passed")}))
    assert "Skipped:\n\n- 1: no store\n" in page.read_text()
    write_page(page, _report({SHOW.id: Result("passed"), LIST.id: Result("passed")}))
    assert "Skipped" not in page.read_text().partition("## ")[2]


def test_the_page_says_why_tests_fail_that_are_known_to(tmp_path: Path):
    page = tmp_path / "conformance.md"
    known = {"tempest.api.image.Images.test_list": "wants a second cloud", "tempest.api.Other.test": "no"}
    write_page(page, _report({LIST.id: Result("failed")}), known)
    assert "Known to fail:\n\n- test_list: wants a second cloud\n" in page.read_text()
    write_page(page, _report({LIST.id: Result("passed")}), known)
    assert "Known" not in page.read_text().partition("## ")[2]
