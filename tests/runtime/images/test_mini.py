import json
import subprocess
from importlib import resources

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
