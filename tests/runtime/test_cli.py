import os

import pytest

from cumulo.runtime.cli import COMMANDS, image, main, status, up
from cumulo.runtime.cli.operations import lines
from cumulo.runtime.engines.external import NoFreeNetwork
from cumulo.runtime.hosts.folder import BadHost
from cumulo.runtime.images.packages import PackageUnavailable
from cumulo.runtime.state import StateFolder


def test_no_command_shows_all_of_them(capsys):
    assert main([]) == 2
    shown = capsys.readouterr().out
    assert all(f"  {name}" in shown for name in COMMANDS)


def test_help_is_no_error(capsys):
    assert main(["--help"]) == 0


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"openstack"}))
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "--state" in capsys.readouterr().out


@pytest.mark.parametrize(("command", "status"), [("status", 3), ("down", 0), ("reset", 0), ("logs", 1)])
def test_without_a_cloud_nothing_breaks_and_nothing_is_made(command, status, tmp_path):
    assert main(["--state", str(tmp_path / "none"), command]) == status
    assert not (tmp_path / "none").exists()


def test_a_bad_setting_is_told_without_a_traceback(tmp_path, capsys):
    state = StateFolder(tmp_path)
    (tmp_path / "instance").write_text("abcd\n")
    state.config.write_text("[http]\nprot = 1\n")
    assert main(["status", "--state", str(tmp_path)]) == 1
    assert "[http]" in capsys.readouterr().err


def test_reset_asks_first_and_keeps_everything_without_an_answer(tmp_path, capsys, monkeypatch):
    (tmp_path / "instance").write_text("abcd\n")
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert main(["reset", "--state", str(tmp_path)]) == 1
    assert "nothing was removed" in capsys.readouterr().out
    assert (tmp_path / "instance").exists()


def test_an_operation_is_told_with_its_steps():
    operation = {
        "id": "op-1",
        "name": "CreateServer",
        "state": "failed",
        "resource": "server:1",
        "created_at": "2026-11-21T05:00:00Z",
        "error": "no host",
        "steps": [
            {"name": "place", "state": "done", "seconds": 0.0021, "retries": 0},
            {"name": "boot", "state": "failed", "seconds": None, "retries": 3, "error": "libvirt is away"},
        ],
    }
    assert lines(operation) == [
        "2026-11-21T05:00:00Z  failed   CreateServer  server:1  op-1",
        "    done     place 0.002 s",
        "    failed   boot, 3 retries",
        "             libvirt is away",
        "    error: no host",
    ]


def test_an_image_is_built_after_stale_lists_are_read_anew(tmp_path, monkeypatch, capsys):
    tries = []

    def build(output, *, cache, say):
        tries.append(output)
        if len(tries) == 1:
            raise PackageUnavailable("gone from the mirror")
        output.write_bytes(b"disk")

    monkeypatch.setattr(image, "BUILDERS", {"mini": build})
    monkeypatch.setattr("os.geteuid", lambda: 0)
    ran = []
    monkeypatch.setattr(image.tools, "run", ran.append)
    assert main(["image", "build", "mini", "--output", str(tmp_path / "mini.qcow2")]) == 0
    assert ran == [["apt-get", "-q", "update"]]
    assert "mini.qcow2  0.0 MB" in capsys.readouterr().out


@pytest.mark.parametrize("error", [BadHost("host two: it hangs"), NoFreeNetwork("all are in use")])
def test_what_is_foreseen_is_told_as_it_is(error, tmp_path, capsys, monkeypatch):
    def fails(_: object) -> int:
        raise error

    monkeypatch.setattr(status, "run", fails)
    assert main(["--state", str(tmp_path), "status"]) == 1
    assert capsys.readouterr().err == f"cumulo: {error}\n"


def test_what_nobody_foresaw_is_told_on_a_full_disk_too(tmp_path, capsys, monkeypatch):
    """Where the traceback cannot be kept."""

    def fails(_: object) -> int:
        raise KeyError("surprise")

    monkeypatch.setattr(status, "run", fails)
    (tmp_path / "log" / "commands.log").mkdir(parents=True)  # nor can it be written
    assert main(["--state", str(tmp_path), "status"]) == 1
    said = capsys.readouterr().err
    assert "surprise" in said
    assert "not written" in said


def test_what_stays_in_the_foreground_keeps_no_password_of_a_client(tmp_path, monkeypatch):
    became = []
    monkeypatch.setattr(up, "_checked", StateFolder)
    monkeypatch.setattr(os, "execve", lambda *words: became.append(words))
    monkeypatch.setenv("OS_PASSWORD", "secret")
    main(["--state", str(tmp_path), "up", "--foreground"])
    ((_, words, environment),) = became
    assert words[-1] == "--hosts"
    assert "OS_PASSWORD" not in environment
    assert environment["PATH"] == os.environ["PATH"]
