import errno
import os
from pathlib import Path

import pytest

from cumulo.runtime import state as state_module
from cumulo.runtime.state import ForeignFolder, StateFolder, others, write_private


@pytest.fixture(autouse=True)
def run_folder(tmp_path, monkeypatch) -> Path:
    """Short links go to a folder of the test's own."""
    folder = tmp_path / "run-links"
    folder.mkdir()
    monkeypatch.setattr(state_module, "RUN", folder)
    return folder


def test_two_folders_have_two_instances(tmp_path):
    first, second = StateFolder(tmp_path / "a"), StateFolder(tmp_path / "b")
    first.prepare()
    second.prepare()
    assert first.instance != second.instance
    assert [cloud.path for cloud in others(first)] == [second.path]


def test_the_instance_stays_when_the_folder_is_moved(tmp_path):
    before = StateFolder(tmp_path / "a")
    before.prepare()
    instance = before.instance
    moved = before.path.rename(tmp_path / "elsewhere")
    assert StateFolder(moved).instance == instance


def test_a_taken_name_is_not_taken_again(tmp_path, run_folder):
    wanted = StateFolder(tmp_path / "a")
    (tmp_path / "other" / "run").mkdir(parents=True)
    taken = wanted.instance
    (run_folder / f"cumulo-{taken}").symlink_to(tmp_path / "other" / "run")
    wanted.prepare()
    assert StateFolder(wanted.path).instance != taken


def test_the_devices_of_a_cloud_in_another_root_are_left_to_it(tmp_path, monkeypatch):
    devices = tmp_path / "devices"
    monkeypatch.setattr(state_module, "DEVICES", devices)
    own = StateFolder(tmp_path / "a")
    theirs = own.instance
    (devices / f"cu{theirs}-int").mkdir(parents=True)
    own.prepare()
    assert own.instance != theirs
    (devices / f"cu{own.instance}-int").mkdir()
    kept = own.instance
    own.prepare()
    assert own.instance == kept


def test_a_socket_path_is_short_however_deep_the_folder(tmp_path, monkeypatch):
    deep = StateFolder(tmp_path.joinpath(*["deep"] * 40))
    deep.prepare()
    monkeypatch.undo()
    assert len(str(deep.socket("vswitch"))) < 40
    assert deep.run.parent == deep.path


def test_sockets_of_the_time_before_a_boot_are_removed(tmp_path, monkeypatch):
    cloud = StateFolder(tmp_path / "a")
    cloud.prepare()
    (cloud.run / "nb.sock").touch()
    cloud.prepare()
    assert (cloud.run / "nb.sock").exists()
    boot = tmp_path / "boot_id"
    boot.write_text("another boot\n")
    monkeypatch.setattr(state_module, "_BOOT_ID", boot)
    cloud.prepare()
    assert not (cloud.run / "nb.sock").exists()


def test_a_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(ForeignFolder, match="holds other things"):
        StateFolder(tmp_path).prepare()


def test_a_folder_with_only_settings_is_taken(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "config.toml").touch()
    StateFolder(folder).prepare()
    assert StateFolder(folder).exists


def test_a_private_file_is_private_from_its_first_byte(tmp_path):
    file = tmp_path / "secret"
    write_private(file, "one")
    write_private(file, "two")
    assert file.read_text() == "two"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if "secret" in path.name] == ["secret"]


@pytest.fixture
def full(monkeypatch) -> None:
    """A disk that takes no byte more."""

    def fails(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)


def test_a_full_disk_leaves_no_half_written_choice(tmp_path, full, monkeypatch):
    """An empty `instance` would name the devices of every such cloud alike."""
    cloud = StateFolder(tmp_path / "a")
    with pytest.raises(OSError, match="No space"):
        cloud.prepare()
    assert list(cloud.path.iterdir()) == []
    monkeypatch.setattr(os, "fsync", lambda _: None)
    (cloud.path / ".instance.123").touch()  # what one leaves that is killed
    cloud.prepare()
    assert len(cloud.instance) == 4


def test_a_full_disk_costs_no_running_cloud_its_sockets(tmp_path, full, monkeypatch):
    """Whoever prepares it again, as `up` and `down` do, writes nothing that is there already."""
    cloud = StateFolder(tmp_path / "a")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        cloud.prepare()
    (cloud.run / "nb.sock").touch()
    written = [path.stat().st_mtime_ns for path in (cloud.run / "boot", cloud.path / "instance")]
    cloud.prepare()
    assert (cloud.run / "nb.sock").exists()
    assert [path.stat().st_mtime_ns for path in (cloud.run / "boot", cloud.path / "instance")] == written


def test_a_folder_in_the_place_of_the_link_is_none_of_ours(tmp_path):
    """A server that outlived its link made one, for its sockets' sake."""
    cloud = StateFolder(tmp_path / "a")
    cloud.prepare()
    cloud.short_run.unlink()
    (cloud.short_run / "vnc").mkdir(parents=True)
    cloud.prepare()
    assert cloud.short_run.readlink() == cloud.run
