"""The launcher, where its environment is made already."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GROUPS = {"engine", "image-build", "test"}


def launched(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "cumulo"), *words],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_it_is_valid_for_a_plain_shell():
    subprocess.run(["sh", "-n", str(ROOT / "cumulo")], check=True)


@pytest.mark.engines
def test_it_hands_over_to_the_command_line():
    done = launched("help")
    assert done.returncode == 0
    assert "operations" in done.stdout


@pytest.mark.engines
def test_it_is_found_through_a_link(tmp_path):
    link = tmp_path / "cumulo"
    link.symlink_to(ROOT / "cumulo")
    assert (
        f"usage: {link} [--state DIR]"
        in subprocess.run([str(link), "help"], check=True, capture_output=True, text=True).stdout
    )


@pytest.mark.engines
def test_the_state_folder_comes_from_the_variable_too(tmp_path):
    assert str(tmp_path / "none") in launched("status", CUMULO_STATE=str(tmp_path / "none")).stdout


def test_every_package_has_a_group_and_stands_once():
    lines = (ROOT / "requirements" / "debian.packages").read_text().splitlines()
    entries = [line.split() for line in lines if not line.startswith("#")]
    assert {group for group, _ in entries} == GROUPS
    names = [name for _, name in entries]
    assert sorted(names) == sorted(set(names))
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name) for name in names)


def test_continuous_integration_runs_what_a_person_runs():
    script = (ROOT / ".ci" / "run").read_text()
    subprocess.run(["sh", "-n", str(ROOT / ".ci" / "run")], check=True)
    assert '"$cumulo" test' in script
    assert not re.search(r"\b(pip|apt-get|pytest)\b", script)  # the launcher installs, `test` runs
