import shutil

import pytest

from cumulo.runtime import doctor
from cumulo.runtime.cli import main
from cumulo.runtime.doctor import PROGRAMS, examine, missing_programs
from cumulo.runtime.state import StateFolder


def found(state: StateFolder, about: str) -> list[doctor.Finding]:
    return [finding for finding in examine(state) if finding.about == about]


def test_a_missing_program_is_found_with_the_package_that_has_it(tmp_path, monkeypatch):
    real = shutil.which
    monkeypatch.setattr(
        shutil, "which", lambda name, path=None: None if name == "ovn-northd" else real(name, path=path)
    )
    assert missing_programs(StateFolder(tmp_path)) == ["ovn-northd"]
    bad = [finding for finding in found(StateFolder(tmp_path), "programs") if finding.level == "bad"]
    assert [finding.mend for finding in bad] == ["apt-get install --no-install-recommends ovn-central"]


def test_a_cloud_without_engines_needs_no_programs(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)
    (tmp_path / "config.toml").write_text("[engines]\nstart = false\n")
    assert missing_programs(StateFolder(tmp_path)) == []


def test_a_full_disk_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "_DISK_NEEDED", 10**9)
    assert [finding.level for finding in found(StateFolder(tmp_path), "disk")] == ["bad"]


def test_every_finding_that_is_not_well_has_a_mend(tmp_path):
    for finding in examine(StateFolder(tmp_path)):
        assert finding.level == "ok" or finding.mend, finding


@pytest.mark.engines
def test_this_machine_is_fit(tmp_path, capsys):
    assert main(["doctor", "--state", str(tmp_path / "none")]) == 0
    assert "this machine is fit" in capsys.readouterr().out


def test_the_launcher_installs_every_program_that_is_asked_for():
    listed = doctor.__file__ and (doctor.Path(doctor.__file__).parents[3] / "requirements/debian.packages")
    packages = {line.split()[1] for line in listed.read_text().splitlines() if line and line[0] != "#"}
    drawn_in = {"openvswitch-common", "ovn-common", "util-linux"}  # by others of the list, or always there
    assert set(PROGRAMS.values()) - drawn_in <= packages
