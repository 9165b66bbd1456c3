import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cumulo.runtime import clouds
from cumulo.runtime.state import StateFolder

OURS = {"cumulo": {"auth": {"username": "demo"}}, "cumulo-admin": {"auth": {"username": "admin"}}}
THEIRS = """\
# my clouds
clouds:
    # the one at work
    work:
        auth: {auth_url: https://cloud.example/v3}   # do not touch
cache:
  expiration_time: 10
"""


def test_other_clouds_and_comments_stay_as_they_are():
    after = clouds.merged(THEIRS, OURS)
    assert yaml.safe_load(after) == {
        "clouds": {**OURS, "work": {"auth": {"auth_url": "https://cloud.example/v3"}}},
        "cache": {"expiration_time": 10},
    }
    assert "    # the one at work\n" in after
    assert "# do not touch" in after


def test_a_second_merge_changes_nothing():
    once = clouds.merged(THEIRS, OURS)
    assert clouds.merged(once, OURS) == once


def test_a_merge_replaces_what_an_earlier_one_wrote():
    once = clouds.merged(THEIRS, {"cumulo": {"auth": {"username": "old"}}})
    assert yaml.safe_load(clouds.merged(once, OURS))["clouds"]["cumulo"] == OURS["cumulo"]


def test_removing_ours_gives_back_theirs():
    assert clouds.without(clouds.merged(THEIRS, OURS)) == THEIRS


@pytest.mark.parametrize("before", ["", "clouds:\n", "cache: {}\n", "clouds: {work: {region_name: x}}\n"])
def test_it_bears_a_file_without_a_list_of_clouds(before):
    after = yaml.safe_load(clouds.merged(before, OURS))
    assert after["clouds"].items() >= OURS.items()
    assert (yaml.safe_load(before) or {}).keys() <= after.keys()


def test_a_cloud_of_the_same_name_by_other_hands_is_left():
    assert clouds.merged("clouds:\n  cumulo:\n    region_name: mine\n", OURS) is None


def test_the_state_folder_gets_private_files_with_working_credentials(tmp_path):
    state = StateFolder(tmp_path)
    clouds.write(state, "http://127.0.0.1:8700")
    written = yaml.safe_load((tmp_path / "clouds.yaml").read_text())["clouds"]
    assert written["cumulo-admin"]["auth"]["password"] == clouds.password(state.admin_password)
    assert written["cumulo"]["auth"]["auth_url"] == "http://127.0.0.1:8700/identity/v3"
    assert "export OS_USERNAME='demo'" in (tmp_path / "openrc").read_text()
    for name in ("clouds.yaml", "openrc", "admin-openrc", "admin-password", "demo-password"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_password_is_made_once(tmp_path):
    first = clouds.password(tmp_path / "password")
    assert clouds.password(tmp_path / "password") == first
    assert len(first) >= 20


def test_only_the_default_cloud_goes_into_the_home_folder(tmp_path):
    assert clouds.home_file(StateFolder(tmp_path)) is None


def test_the_home_folder_is_that_of_the_user_behind_sudo(monkeypatch):
    monkeypatch.setenv("SUDO_UID", str(os.getuid()))
    found = clouds.home_file(StateFolder(clouds.DEFAULT))
    assert found is not None
    assert found.parts[-3:] == (".config", "openstack", "clouds.yaml")


def test_a_file_that_held_nothing_but_ours_goes_with_it(tmp_path, monkeypatch):
    file = tmp_path / "clouds.yaml"
    monkeypatch.setattr(clouds, "home_file", lambda state: file)
    state = StateFolder(tmp_path / "state")
    state.path.mkdir()
    clouds.write(state, "http://127.0.0.1:8700")
    clouds.write_home(state)
    assert "cumulo-admin" in file.read_text()
    clouds.remove_home(state)
    assert not file.exists()


@pytest.fixture
def home(monkeypatch) -> Iterator[Path]:
    """The home folder of a user who has called us by sudo, with the cloud that they started."""
    if os.geteuid() != 0:
        pytest.skip("only root can act for another")
    folder = Path(tempfile.mkdtemp(prefix="cumulo-home-"))
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    file = folder / ".config" / "openstack" / "clouds.yaml"
    monkeypatch.setattr(clouds, "home_file", lambda state: file)
    monkeypatch.setenv("SUDO_UID", str(nobody.pw_uid))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def state(tmp_path) -> StateFolder:
    state = StateFolder(tmp_path / "state")
    state.path.mkdir()
    clouds.write(state, "http://127.0.0.1:8700")
    return state


def test_what_is_written_for_a_user_is_theirs(home, state):
    clouds.write_home(state)
    file = home / ".config" / "openstack" / "clouds.yaml"
    assert {path.stat().st_uid for path in (file, *file.parents[:2])} == {pwd.getpwnam("nobody").pw_uid}
    assert "cumulo-admin" in file.read_text()
    clouds.remove_home(state)
    assert not file.exists()
    assert (os.geteuid(), os.getegid()) == (0, 0)


def test_a_users_links_lead_to_nothing_that_is_not_theirs(home, state, tmp_path, capsys):
    """Who may run nothing by sudo but us must not get at root's files by it."""
    precious = tmp_path / "shadow"
    precious.write_text("root's own")
    folder = home / ".config" / "openstack"
    folder.mkdir(parents=True)
    for path in (folder, folder.parent):
        os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
    (folder / f".clouds.yaml.{os.getpid()}").symlink_to(precious)
    clouds.write_home(state)
    assert precious.read_text() == "root's own"
    assert precious.stat().st_uid == 0
    assert "left as it is" in capsys.readouterr().err


def test_a_home_folder_that_is_not_there_keeps_no_cloud_from_starting(home, state, monkeypatch, capsys):
    monkeypatch.setattr(clouds, "home_file", lambda state: Path("/nonexistent/.config/openstack/clouds.yaml"))
    clouds.write_home(state)
    assert "left as it is" in capsys.readouterr().err
    assert not Path("/nonexistent").exists()


@pytest.mark.parametrize("text", [b"clouds: [", b"- a", b"clouds: [a]", b"\xff\xfe", b"clouds:\n\twork: 1"])
def test_a_file_that_nobody_can_read_keeps_no_cloud_from_starting_or_going(home, state, capsys, text):
    file = home / ".config" / "openstack" / "clouds.yaml"
    file.parent.mkdir(parents=True)
    file.write_bytes(text)
    clouds.write_home(state)
    clouds.remove_home(state)
    assert file.read_bytes() == text
    assert "left as it is" in capsys.readouterr().err


def test_a_cloud_in_a_folder_of_its_own_goes_whoever_calls(state, monkeypatch):
    monkeypatch.setenv("SUDO_UID", "3999999999")  # whom the machine does not know
    clouds.remove_home(state)
