"""What the doctor says of machines: programs, kernel, room and time."""

import json
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from cumulo.core import clock
from cumulo.node.hypervisor.libvirt.acceleration import BOOT_ID
from cumulo.runtime.cli import main
from cumulo.runtime.doctor import machine
from cumulo.runtime.doctor.examination import examine
from cumulo.runtime.doctor.machine import PROGRAMS, missing_programs
from cumulo.runtime.state import StateFolder

LIST = Path(machine.__file__).parents[4] / "requirements/debian.packages"


def found(state: StateFolder, about: str) -> list:
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


IN_A_SMALL_PLACE = """
import sys
from pathlib import Path
from cumulo.runtime.doctor.machine import room
from cumulo.runtime.state import StateFolder
for finding in room(StateFolder(Path(sys.argv[1]))):
    print(finding.level, finding.about, finding.text, "->", finding.mend)
"""


@pytest.mark.parametrize(
    ("size", "fill", "text"),
    [("4m", True, "bad disk full: 0 MiB free"), ("1g", False, "bad disk nearly full: 1.0 GiB free")],
)
def test_a_disk_that_is_full_or_nearly_is_found(size: str, fill: bool, text: str, tmp_path: Path):
    """On a real file system of that size, which only the process that asks can see."""
    mount = f"mount -t tmpfs -o size={size} none {tmp_path}"
    full = f"; head -c 8M /dev/zero > {tmp_path}/large 2>/dev/null" if fill else ""
    script = f'{mount}{full}; exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", script, "sh"]
    done = subprocess.run(
        [*command, sys.executable, "-c", IN_A_SMALL_PLACE, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
    )
    disk = next(line for line in done.stdout.splitlines() if " disk " in line)
    assert disk.startswith(text)
    assert f"du -xh --max-depth=2 {tmp_path}" in disk


def test_a_clock_that_went_back_is_found(tmp_path: Path):
    state = StateFolder(tmp_path)
    (tmp_path / "instance").write_text("abcd\n")
    (tmp_path / "token-keys").mkdir()
    future = (clock.now() + timedelta(days=400)).isoformat()
    (tmp_path / "token-keys" / "001.key").write_text(json.dumps({"made": future, "key": "x"}))
    (finding,) = machine.clock(state)
    assert finding.level == "bad"
    assert "timedatectl set-ntp true" in finding.mend
    (tmp_path / "token-keys" / "001.key").unlink()
    assert [one.level for one in machine.clock(state)] == ["ok"]


@pytest.mark.parametrize(
    ("module", "device", "mend"),
    [
        (True, True, "turn nested virtualisation on"),
        (True, False, "--device /dev/kvm"),
        (False, True, "a machine with hardware virtualisation"),
    ],
)
def test_kvm_that_runs_no_guest_is_found_with_what_it_wants(module, device, mend, tmp_path, monkeypatch):
    (tmp_path / "instance").write_text("abcd\n")
    (tmp_path / "run").mkdir()
    found = {"boot_id": BOOT_ID.read_text().strip(), "usable": False, "reason": "it hung"}
    (tmp_path / "run" / "kvm").write_text(json.dumps(found))
    monkeypatch.setattr(machine, "MODULES", (tmp_path / ("run" if module else "none"),))
    monkeypatch.setattr(machine, "DEVICE", tmp_path / ("run" if device else "none"))
    (finding,) = machine.acceleration(StateFolder(tmp_path))
    assert finding.level == "note"
    assert "it hung" in finding.text
    assert mend in finding.mend


def test_every_finding_that_is_not_well_has_a_mend(tmp_path):
    for finding in examine(StateFolder(tmp_path)):
        assert finding.level == "ok" or finding.mend, finding


def test_a_look_that_fails_is_told_and_stops_no_other(tmp_path, monkeypatch):
    def faint(*_, **__):
        raise RuntimeError("no memory")

    monkeypatch.setattr(shutil, "disk_usage", faint)
    findings = list(examine(StateFolder(tmp_path)))
    assert [one.text for one in findings if one.about == "room"] == [
        "cannot be looked at: RuntimeError: no memory"
    ]
    assert any(one.about == "cloud" for one in findings)


@pytest.mark.engines
def test_this_machine_is_fit(tmp_path, capsys):
    assert main(["doctor", "--state", str(tmp_path / "none")]) == 0
    assert "this machine is fit" in capsys.readouterr().out


def test_the_launcher_installs_every_program_that_is_asked_for():
    packages = {line.split()[1] for line in LIST.read_text().splitlines() if line and line[0] != "#"}
    drawn_in = {"openvswitch-common", "ovn-common", "util-linux"}  # by others of the list, or always there
    assert set(PROGRAMS.values()) - drawn_in <= packages
