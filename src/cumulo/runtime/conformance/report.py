"""What a run found: counts by service and kind, as JSON and as the table of docs/conformance.md."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

_REASON = 160  # characters of a reason for skipping that the page shows
STATUSES = ("passed", "failed", "skipped", "missing")
HEADER = """# Conformance

Tempest is OpenStack's own integration test suite. `./cumulo test --conformance SUITE` runs it, unmodified and
in an environment of its own, against a running Cumulo and writes this page; the failing and skipped tests
stand in its JSON report (`--json FILE`). With `--database sqlite` or `--database postgresql` it starts a
cloud on a new database of that kind just for the run; `--hosts 2` makes it one of several hosts, each with
engines and guests of its own (`cumulo host add`), which the compute suites do without being asked:
`compute-hosts` is the part of them that moves servers or chooses between hosts, `compute-scenario` the
scenarios of servers. Every feature flag of the services that Cumulo offers
is on, so that what it lacks shows as a failure; the few flags that cannot apply stand with their reasons in
`src/cumulo/runtime/conformance/inside/prepare.py`, as `NOT_ASKED`; below a table stands why its tests were
skipped, in Tempest's words, and why some fail that are known to. *Missing* tests were chosen and never
reported. The kinds: an `api` test wants answers, a `server` test a server that gets ACTIVE, a `guest` test a
booted guest that it logs in to.
"""


class Case(msgspec.Struct, frozen=True):
    """One test of the installed Tempest."""

    id: str
    service: str
    kind: str
    smoke: bool


class Result(msgspec.Struct, frozen=True):
    """How one test ended; `seconds` is the test's own time."""

    status: str
    seconds: float = 0.0
    reason: str = ""


class Report(msgspec.Struct, frozen=True):
    """A whole run. `database`: what the cloud keeps its rows in, as `SQLite`; `hosts`: on how many it is."""

    suite: str
    database: str
    at: datetime
    tempest: str
    tests: dict[str, Case]
    results: dict[str, Result]
    hosts: int = 1

    def counts(self, *fields: str) -> dict[tuple[str, ...], Counter[str]]:
        """Count the tests by status for each combination of these fields of `Case`, sorted."""
        found: dict[tuple[str, ...], Counter[str]] = {}
        for name, test in self.tests.items():
            key = tuple(str(getattr(test, field)) for field in fields)
            found.setdefault(key, Counter())[self.results[name].status] += 1
        return dict(sorted(found.items()))

    @property
    def total(self) -> Counter[str]:
        """Count all tests by status."""
        return self.counts().get((), Counter())


def gather(
    chosen: Iterable[Case],
    raw: Mapping[str, Result],
    *,
    suite: str,
    database: str,
    at: datetime,
    tempest: str,
    hosts: int = 1,
) -> Report:
    """Give each chosen test its result: its own, else its class's set-up's, else `missing`."""
    by_class = {
        found[1]: result for name, result in raw.items() if (found := re.match(r"setUpClass \((.+)\)$", name))
    }
    tests = {test.id: test for test in chosen}
    results = {
        name: raw.get(name)
        or by_class.get(re.sub(r"\.\w+(?:\[.*\])?$", "", name))
        or Result("missing", reason="it never reported")
        for name in tests
    }
    return Report(suite, database, at, tempest, tests, results, hosts)


def as_json(report: Report) -> bytes:
    """Return the report as JSON: counts by service and kind, the reasons, then test by test."""
    why = Counter(result.reason for result in report.results.values() if result.status == "skipped")
    document = {
        "suite": report.suite,
        "database": report.database,
        "hosts": report.hosts,
        "at": report.at,
        "tempest": report.tempest,
        "total": report.total,
        "by_service": {key[0]: count for key, count in report.counts("service").items()},
        "by_kind": {key[0]: count for key, count in report.counts("kind").items()},
        "skip_reasons": dict(why.most_common()),
        "tests": {
            name: {**msgspec.to_builtins(result), **msgspec.to_builtins(report.tests[name])}
            for name, result in sorted(report.results.items())
        },
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1)


def table(report: Report) -> str:
    """Return the run as a table in Markdown, a line for each service and kind."""
    lines = [
        "| service | kind | passed | failed | skipped | missing | share passed |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for key, count in report.counts("service", "kind").items():
        lines.append(_line(key, count))
    lines.append(_line(("**all**", ""), report.total))
    return "\n".join(lines)


def _line(labels: tuple[str, ...], count: Counter[str]) -> str:
    share = f"{100 * count['passed'] / count.total():.0f} %" if count.total() else "-"
    cells = (*labels, *(str(count[status]) for status in STATUSES), share)
    return f"| {' | '.join(cells)} |"


def write_page(page: Path, report: Report, known: Mapping[str, str] | None = None) -> None:
    """Put the run's table into the page, in the place of the same suite's last one on such a database.

    known: the reasons of tests that are known to fail, which stand below the table when they did.
    """
    text = page.read_text() if page.exists() else HEADER
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE))
    sections[f"{report.suite} on {report.database}"] = (
        f"\n{report.at:%Y-%m-%d}, Tempest {report.tempest}, {len(report.tests)} tests{_hosts(report)}.\n\n"
        f"{table(report)}\n\n" + _why_skipped(report) + _why_failed(report, known or {})
    )
    body = "".join(f"\n## {name}\n{sections[name]}".rstrip() + "\n" for name in sorted(sections))
    page.write_text(HEADER + body)


def _hosts(report: Report) -> str:
    """Return on how many hosts the cloud was, when on more than one."""
    return f", on {report.hosts} hosts" if report.hosts > 1 else ""


def _why_skipped(report: Report) -> str:
    """Return a list in Markdown of the reasons for which tests were skipped; empty when none was."""
    why = Counter(result.reason for result in report.results.values() if result.status == "skipped")
    lines = (f"- {count}: {' '.join(reason.split())[:_REASON]}\n" for reason, count in why.most_common())
    return f"Skipped:\n\n{''.join(lines)}\n" if why else ""


def _why_failed(report: Report, known: Mapping[str, str]) -> str:
    """Return a list in Markdown of the tests that failed as is known, each with why it does."""
    failed = {name.partition("[")[0] for name, one in report.results.items() if one.status == "failed"}
    lines = (f"- {name.rpartition('.')[2]}: {why}\n" for name, why in sorted(known.items()) if name in failed)
    text = "".join(lines)
    return f"Known to fail:\n\n{text}\n" if text else ""


def failures(report: Report, known: Collection[str] = ()) -> str:
    """Return a line for each test that failed or is missing, with its reason, then the surprises."""
    lines = []
    for name, result in sorted(report.results.items()):
        short = name.partition("[")[0]
        if result.status in {"failed", "missing"}:
            lines.append(
                f"{result.status}{' (known)' if short in known else ''}: {short}\n    {result.reason}\n"
            )
        elif result.status == "passed" and short in known:
            lines.append(f"passes now, strike it out of the known failures: {short}\n")
    return "".join(lines)


def surprises(report: Report, known: Collection[str]) -> list[str]:
    """Return the tests that failed or are missing, and are not among the known failures."""
    return [
        name
        for name, result in report.results.items()
        if result.status in {"failed", "missing"} and name.partition("[")[0] not in known
    ]


def read_known(path: Path) -> dict[str, str]:
    """Read the list of known failures: a test a line, without its brackets; `#` begins the reason."""
    if not path.exists():
        return {}
    lines = (line.partition("#") for line in path.read_text().splitlines())
    return {test.strip(): reason.strip() for test, _, reason in lines if test.strip()}


def summary(report: Report) -> str:
    """Return the closing line that test runners are read by; what is missing has failed."""
    total = report.total
    return (
        f"{total['passed']} passed, {total['failed'] + total['missing']} failed, {total['skipped']} skipped"
    )
