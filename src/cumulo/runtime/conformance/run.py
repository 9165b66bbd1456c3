"""One conformance run: prepare, choose, run, count."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path

import msgspec

from cumulo.core import clock
from cumulo.runtime.conformance import environment, report
from cumulo.runtime.conformance.report import Case, Report, Result

SERVICES = ("compute", "identity", "image", "network", "object-store", "scenario", "volume")
PARTS = {
    "compute-hosts": r"^tempest\.(api\.compute\.admin\."
    r"(test_live_migration\.|test_migrations|test_servers_on_multinodes|test_volume_swap)"
    r"|serial_tests\.api\.compute\."
    r"|scenario\.test_(server_multinode|shelve_|instances_with_|network_advanced_server_ops))",
    "compute-scenario": r"^tempest\.scenario\.test_(minimum_basic|server_|shelve_|snapshot_pattern|stamp_"
    r"|instances_with_|encrypted_|network_advanced_server_ops|compute_unified)",
    "network-plugin": r"^neutron_tempest_plugin\.api\.",
    "network-scenario": r"^tempest\.scenario\.test_(network|security_groups)_",
    "volume-scenario": r"^tempest\.scenario\.test_(encrypted_|instances_with_|minimum_basic|server_volume_"
    r"|shelve_|snapshot|stamp_|volume_)",
}
"""Suites that are a service's part: what their tests' ids begin with."""

HOSTS = {"compute": 2, "compute-hosts": 2, "compute-scenario": 2, "network-scenario": 2}
"""Suites that want more hosts than one: how many."""

SUITES = ("smoke", "core", *SERVICES, *PARTS)
_LEAVE = 60.0  # seconds in which Tempest ends that is told to
KNOWN_FAILURES = "tests/conformance/known-failures.txt"
SCRIPTS = "cumulo.runtime.conformance.inside"
STESTR = """[DEFAULT]
test_path={site}/test_discover
top_dir={site}
group_regex=([^\\.]*\\.)*
"""


@dataclass(frozen=True, kw_only=True)
class Conformance:
    """What to run, against which cloud.

    `suite`: `smoke`, `core` (all but scenarios), a service, one of PARTS, or `re:REGEX`. `clouds` is the
    clouds.yaml that names the administrator `cloud`. Guests are made of the cloud's image `image`, whose
    `user` takes SSH keys from the metadata; they are logged in to only with `validate`. `web` is where a
    picture is that the cloud may import. The run ends after `limit` seconds; what had not run by then is
    missing. `database` is what the cloud keeps its rows in; `hosts`, on how many it is, where that is known.
    """

    root: Path
    suite: str
    clouds: Path
    database: str = "SQLite"
    hosts: int = 1
    image: str = "mini"
    cloud: str = "cumulo-admin"
    user: str = "root"
    validate: bool = True
    kinds: tuple[str, ...] = ("api", "server", "guest")
    workers: int = 2
    limit: float = 7200
    web: str = ""
    json: Path | None = None
    page: Path | None = None


def run(wanted: Conformance) -> int:
    """Run the suite, print its table, write its JSON and, of a whole suite, its part of the page.

    Return 0 when nothing failed or is missing but what `tests/conformance/known-failures.txt` names.
    """
    programs = environment.ensure(wanted.root, environment_of(wanted.suite))
    with tempfile.TemporaryDirectory(prefix="cumulo-conformance-") as folder:
        bench = Bench(wanted, programs, Path(folder))
        found = bench.run(clock.now())
    if wanted.json:
        wanted.json.write_bytes(report.as_json(found))
    known = report.read_known(wanted.root / KNOWN_FAILURES)
    if wanted.suite in SUITES:
        report.write_page(wanted.page or wanted.root / "docs" / "conformance.md", found, known)
    sys.stdout.write(f"{report.table(found)}\n{report.failures(found, known)}\n{report.summary(found)}\n")
    return 1 if report.surprises(found, known) else 0


def environment_of(suite: str) -> str:
    """Return which environment has a suite's tests: neutron's plugin of Tempest is not in Tempest's own."""
    plugin = "neutron_tempest_plugin" in PARTS.get(suite, suite)
    return environment.NETWORK if plugin else environment.TEMPEST


class Bench:
    """A folder with a tempest.conf, in which the tests of one run are listed and run."""

    def __init__(self, wanted: Conformance, programs: Path, folder: Path) -> None:
        self.wanted = wanted
        self.programs = programs
        self.folder = folder
        self.environment = {
            "PATH": f"{programs}:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "OS_CLIENT_CONFIG_FILE": str(wanted.clouds),
            "OS_CLOUD": wanted.cloud,
            "OS_TEST_TIMEOUT": "900",
            "TEMPEST_CONFIG_DIR": str(folder),
            "TEMPEST_CONFIG": "tempest.conf",
        }

    def run(self, at: datetime) -> Report:
        """Do the whole run and return what it found."""
        image = ["--image", self.wanted.image, "--user", self.wanted.user]
        web = ["--web", self.wanted.web] if self.wanted.web else []
        self._script("prepare.py", "tempest.conf", *image, *web, *["--validate"] * self.wanted.validate)
        listed = self._script("catalogue.py")
        tests = choose(_rows(listed), self.wanted)
        if not tests:
            msg = f"no test is in {self.wanted.suite!r}; suites: {', '.join(SUITES)}, re:REGEX"
            raise ValueError(msg)
        self._run_tests([test.id for test in tests])
        self._script("results.py", "run.subunit", "results.json")
        raw = msgspec.json.decode((self.folder / "results.json").read_bytes(), type=dict[str, Result])
        wanted = self.wanted
        return report.gather(
            tests,
            raw,
            suite=wanted.suite,
            database=wanted.database,
            hosts=wanted.hosts,
            at=at,
            tempest=self._version(),
        )

    def _script(self, name: str, *arguments: str) -> bytes:
        """Run one of the `inside` scripts by Tempest's Python; return its output. Its errors are shown."""
        with resources.as_file(resources.files(SCRIPTS) / name) as path:
            command = [str(self.programs / "python"), str(path), *arguments]
            log = self.folder / f"{name}.log"
            with log.open("wb") as errors:
                done = subprocess.run(
                    command,
                    cwd=self.folder,
                    env=self.environment,
                    check=False,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                )
        if done.returncode:
            tail = log.read_text(errors="replace")[-2000:]
            msg = f"{name} failed: {tail or done.stdout.decode(errors='replace')[-2000:]}"
            raise RuntimeError(msg)
        return done.stdout

    def _run_tests(self, names: Sequence[str]) -> None:
        site = next((self.programs.parent / "lib").glob("python3*/site-packages")) / "tempest"
        (self.folder / ".stestr.conf").write_text(STESTR.format(site=site))
        (self.folder / "chosen").write_text("\n".join(names) + "\n")
        stestr = str(self.programs / "stestr")
        subprocess.run([stestr, "init"], cwd=self.folder, env=self.environment, check=True)
        command = [
            stestr,
            "run",
            "--subunit",
            "--load-list",
            "chosen",
            "--concurrency",
            str(self.wanted.workers),
        ]
        with (self.folder / "run.subunit").open("wb") as stream, (self.folder / "run.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdout=stream,
                stderr=log,
                start_new_session=True,
            )
            try:
                process.wait(self.wanted.limit)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_LEAVE)
            finally:  # also of a run that is interrupted: its cloud goes now
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if not (self.folder / "run.subunit").stat().st_size:
            raise RuntimeError(
                f"no test ran: {(self.folder / 'run.log').read_text(errors='replace')[-2000:]}"
            )

    def _version(self) -> str:
        version = subprocess.run(
            [str(self.programs / "tempest"), "--version"],
            cwd=self.folder,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return version.stdout.split()[-1]


def _rows(lines: bytes) -> list[Case]:
    return [msgspec.json.decode(line, type=Case) for line in lines.splitlines()]


def choose(tests: Sequence[Case], wanted: Conformance) -> list[Case]:
    """Return the tests of the suite and the kinds that are wanted, sorted by their id."""
    suite = wanted.suite

    def belongs(test: Case) -> bool:
        if suite == "smoke":
            return test.smoke
        if suite == "core":
            return test.service != "scenario"
        if suite in PARTS or suite.startswith("re:"):
            return re.search(PARTS.get(suite, suite.removeprefix("re:")), test.id) is not None
        return test.service == suite

    return sorted(
        (test for test in tests if test.kind in wanted.kinds and belongs(test)), key=lambda test: test.id
    )
