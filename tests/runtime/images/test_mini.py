import json
import subprocess
from importlib import resources
from pathlib import Path

import pytest

from cumulo.runtime.images.mini import build_mini

JSON = {
    "uuid": "11-22",
    "hostname": "first.novalocal",
    "meta": {'quo"ted': 'a "b" \\ c', "empty": ""},
    "public_keys": {"mine": "ssh-ed25519 AAAA me@there\n", "other": "ecdsa-sha2-nistp256 BB/B=="},
    "list": [1, {"deep": True}],
    "nothing": None,
}


def flatten(text: str) -> dict[str, str]:
    program = resources.files("cumulo.runtime.images").joinpath("guest", "mini", "json.awk")
    with resources.as_file(program) as path:
        done = subprocess.run(["awk", "-f", path], input=text, capture_output=True, text=True, check=True)
    return dict(line.split("\t", 1) for line in done.stdout.splitlines())


def said_by_guest(script: str, *words: str) -> str:
    """Run one of the guest's scripts here, by any shell."""
    with resources.as_file(resources.files("cumulo.runtime.images") / "guest" / "mini" / script) as path:
        done = subprocess.run(["sh", path, *words], capture_output=True, text=True, check=True)
    return done.stdout


def test_disks_are_listed_under_the_headings():
    heading, *lines = said_by_guest("lsblk", "-lb", "--nodeps").splitlines()
    at, end = heading.index("TYPE"), heading.index("SIZE") + len("SIZE")
    disks = [line for line in lines if line[at:].split()[0] == "disk"]
    assert disks
    for disk in disks:
        name = disk.split()[0]
        assert int(disk[:end].split()[-1]) == 512 * int(Path(f"/sys/block/{name}/size").read_text())


def test_only_the_columns_asked_for_are_listed():
    names = said_by_guest("lsblk", "--nodeps", "--noheadings", "--output", "NAME").split()
    everything = said_by_guest("lsblk", "-d", "-n", "-o", "NAME,TYPE").splitlines()
    assert [line.split()[0] for line in everything] == names
    assert all(len(line.split()) == 2 for line in everything)


def test_sudo_runs_the_command_and_passes_over_its_own_options():
    assert said_by_guest("sudo", "-n", "-u", "root", "echo", "-n", "two words") == "two words"


@pytest.mark.parametrize("indent", [None, 2])
def test_the_guest_reads_json(indent):
    assert flatten(json.dumps(JSON, indent=indent)) == {
        "/uuid": "11-22",
        "/hostname": "first.novalocal",
        '/meta/quo"ted': 'a "b" \\ c',
        "/meta/empty": "",
        "/public_keys/mine": "ssh-ed25519 AAAA me@there",
        "/public_keys/other": "ecdsa-sha2-nistp256 BB/B==",
        "/list/0": "1",
        "/list/1/deep": "true",
        "/nothing": "null",
    }


def test_the_guest_survives_what_is_no_json():
    assert flatten("<html>404</html>") == {"": ""}


@pytest.mark.parametrize(
    "name",
    [
        "init",
        "rcS",
        "network",
        "lease",
        "metadata",
        "late",
        "terminal",
        "shutdown",
        "functions",
        "power-button",
    ],
)
def test_the_guests_scripts_are_shell(name):
    script = resources.files("cumulo.runtime.images").joinpath("guest", "mini", name).read_bytes()
    subprocess.run(["sh", "-n"], input=script, check=True, capture_output=True)


@pytest.mark.engines
def test_two_builds_are_equal_to_the_bit(tmp_path):
    one = build_mini(tmp_path / "one.qcow2", cache=tmp_path / "cache")
    two = build_mini(tmp_path / "two.qcow2", cache=tmp_path / "cache")
    assert one.packages == two.packages
    assert one.path.read_bytes() == two.path.read_bytes()
    assert one.path.stat().st_size < 40_000_000
    assert not list(tmp_path.glob("cumulo-mini-*"))
