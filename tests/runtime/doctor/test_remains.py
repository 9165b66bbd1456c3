"""What former clouds left on a machine, seen from a network namespace of the test's own."""

import subprocess
import sys
from pathlib import Path

import pytest

from cumulo.runtime.doctor import remains
from cumulo.runtime.doctor.remains import forwarding, leftovers
from cumulo.runtime.state import StateFolder

LOOK = """
import sys
from pathlib import Path
from cumulo.runtime.doctor.remains import leftovers
from cumulo.runtime.state import StateFolder
for finding in leftovers(StateFolder(Path(sys.argv[1]))):
    print(finding.level, finding.text, "->", finding.mend)
"""


@pytest.mark.engines
def test_devices_of_a_cloud_that_is_gone_are_found_and_the_mend_removes_them(tmp_path: Path):
    (tmp_path / "instance").write_text("abcd\n")
    look = [sys.executable, "-c", LOOK, str(tmp_path)]
    script = """
set -e
mount -t sysfs none /sys
ip tuntap add dev cu0bad-ex mode tap; ip tuntap add dev cuabcd-ex mode tap; ip tuntap add dev custom0 mode tap
"$@" > found; cat found
sh -c "$(sed -n 's/.*device.* -> //p' found)"
echo then; "$@" | grep device || true; ls /sys/class/net
"""
    command = ["unshare", "--net", "--mount", "sh", "-c", script, "sh", *look]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    before, _, after = done.stdout.partition("then\n")
    assert before.startswith("note network devices of a cloud that is gone ")
    assert ": cu0bad-ex -> for name in cu0bad-ex;" in before
    assert "cu0bad-ex" not in after
    assert {"cuabcd-ex", "custom0"} <= set(after.split())


def test_namespaces_of_a_cloud_that_is_gone_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    spaces = tmp_path / "netns"
    spaces.mkdir()
    for name in ("cu0bad-1", "cuabcd-1", "mine"):
        (spaces / name).touch()
    (tmp_path / "instance").write_text("abcd\n")
    monkeypatch.setattr(remains, "NAMESPACES", spaces)
    monkeypatch.setattr(remains, "DEVICES", tmp_path / "none")
    (finding,) = leftovers(StateFolder(tmp_path))
    assert finding.text.startswith("network namespaces of a cloud that is gone ")
    assert finding.text.endswith(": cu0bad-1")
    assert finding.mend == "for name in cu0bad-1; do ip netns delete $name; done"


@pytest.mark.parametrize(("value", "levels"), [("0\n", ["note"]), ("1\n", [])])
def test_a_machine_that_does_not_forward_is_told_how_to(value, levels, tmp_path, monkeypatch):
    (tmp_path / "instance").write_text("abcd\n")
    (tmp_path / "external-network").write_text("172.24.4.0/24\n")
    (tmp_path / "ip_forward").write_text(value)
    monkeypatch.setattr(remains, "FORWARD", tmp_path / "ip_forward")
    findings = list(forwarding(StateFolder(tmp_path)))
    assert [one.level for one in findings] == levels
    assert all("ip_forward=1" in one.mend and "-s 172.24.4.0/24" in one.mend for one in findings)
