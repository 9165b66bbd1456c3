"""Folders of further hosts: names, numbers and addresses."""

from pathlib import Path

import pytest

from cumulo.runtime import state as states
from cumulo.runtime.hosts import life
from cumulo.runtime.hosts.folder import (
    UNDERLAY,
    BadHost,
    address_of,
    host_named,
    hosts_of,
    make,
    membership,
)
from cumulo.runtime.state import StateFolder


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateFolder:
    """A cloud's folder, its host with an address."""
    monkeypatch.setattr(states, "RUN", tmp_path)
    cloud = StateFolder(tmp_path / "cloud")
    cloud.prepare()
    (cloud.path / UNDERLAY).write_text("100.64.7.1/24\n")
    return cloud


def test_each_host_has_a_number_and_an_address_of_its_own(cloud: StateFolder) -> None:
    """The machine itself is the first."""
    two, three = make(cloud, "b"), make(cloud, "a")
    assert [host.host for host in hosts_of(cloud)] == ["b", "a"]
    assert (address_of(two), address_of(three)) == ("100.64.7.2/24", "100.64.7.3/24")
    member = membership(two)
    assert member is not None
    assert (member.cloud.path, member.number) == (cloud.path, 2)
    assert membership(cloud) is None
    assert two.instance != cloud.instance


@pytest.mark.parametrize("name", ["b", "../b", "b c", ""])
def test_a_name_that_is_taken_or_none_is_refused(cloud: StateFolder, name: str) -> None:
    """It becomes a folder's."""
    make(cloud, "b")
    with pytest.raises(BadHost):
        make(cloud, name)


def test_an_unknown_host_is_said_to_be_none(cloud: StateFolder) -> None:
    """Rather than made."""
    with pytest.raises(BadHost, match="no further host x"):
        host_named(cloud, "x")


def test_what_was_left_of_a_host_that_was_cut_short_is_no_obstacle(cloud: StateFolder) -> None:
    """It has no number: neither is it listed, nor does anything run there."""
    left = cloud.path / "hosts" / "b"
    left.mkdir(parents=True)
    (left / "config.toml").touch()
    (left / "ovsdb").mkdir()
    assert hosts_of(cloud) == []
    assert make(cloud, "b").host == "b"
    assert not (left / "ovsdb").exists()


def test_a_name_that_no_backup_could_hold_is_refused(cloud: StateFolder) -> None:
    for name in ("h" * 61, "-h"):
        with pytest.raises(BadHost, match="60 letters"):
            make(cloud, name)
    assert make(cloud, "h" * 60).host == "h" * 60


@pytest.mark.parametrize(
    ("settings", "why"), [("", "is not up: `cumulo up`"), ("[engines]\nstart = false\n", "without engines")]
)
def test_a_host_of_a_cloud_that_can_have_none_is_not_begun(
    cloud: StateFolder, settings: str, why: str
) -> None:
    cloud.config.write_text(settings)
    with pytest.raises(BadHost, match=why):
        life.add(cloud, "b")
    assert not (cloud.path / "hosts").exists()
