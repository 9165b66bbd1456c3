"""Purging a project of a real cloud: a guest, its networks and its images go, from the engines too.

The tests share one story and run in the order of the file.
"""

from pathlib import Path

import pytest

from cumulo.testing import leftovers
from cumulo.testing.guests import Guest
from cumulo.testing.launched import Client, CommandRefused, LaunchedCloud, until
from cumulo.testing.residence import Residence

NAME = "purged"


@pytest.fixture(scope="module")
def user(cloud: LaunchedCloud) -> Client:
    client = cloud.user(NAME)
    client("security", "group", "list")
    return client


@pytest.fixture(scope="module")
def before(cloud: LaunchedCloud, user: Client) -> leftovers.Inventory:
    return leftovers.settled(cloud)


@pytest.fixture(scope="module")
def home(
    cloud: LaunchedCloud, user: Client, before: leftovers.Inventory, tmp_path_factory: pytest.TempPathFactory
) -> Residence:
    assert before
    home = Residence(cloud, user, tmp_path_factory.mktemp(NAME))
    home.network("home", "10.14.0.0/24", router="door")
    return home


@pytest.fixture(scope="module")
def guest(home: Residence) -> Guest:
    return home.boot("web", "home")


def test_the_official_client_cleans_a_project_up(home: Residence, guest: Guest, user: Client):
    assert guest.answers()
    listed = user("project", "cleanup", "--auth-project", "--dry-run")
    assert "web" in listed
    user("project", "cleanup", "--auth-project", "--auto-approve")
    until(lambda: not user.json("server", "list"), seconds=60, what="the server to be gone")
    assert user.json("network", "list", "--internal") == []


def test_a_dry_run_names_everything_and_changes_nothing(
    cloud: LaunchedCloud, home: Residence, user: Client, tmp_path: Path
):
    home.network("again", "10.15.0.0/24", router="gate")
    user("security", "group", "create", "doors")
    home.name = "doors"
    home.create("second", "again")
    (tmp_path / "image").write_bytes(b"\0" * 4096)
    user("image", "create", "--file", str(tmp_path / "image"), "--protected", "kept")
    told = cloud.command("project", "purge", NAME, "--dry-run")
    for name in ("second", "kept", "again", "gate", "doors", "role assignment"):
        assert name in told
    assert "1 server, 1 image" in told
    assert user.json("server", "show", "second")["status"] == "ACTIVE"


def test_a_purge_leaves_nothing_anywhere(cloud: LaunchedCloud, before: leftovers.Inventory, user: Client):
    with pytest.raises(CommandRefused, match="nothing was removed"):
        cloud.command("project", "purge", NAME)
    told = cloud.command("project", "purge", NAME, "--yes")
    assert "PurgeProject" in told
    assert NAME not in [project["Name"] for project in cloud.admin.json("project", "list")]
    with pytest.raises(CommandRefused, match="401"):
        user("server", "list")
    until(
        lambda: leftovers.grown(before, leftovers.inventory(cloud)) == {},
        seconds=30,
        what=f"nothing left; now {leftovers.grown(before, leftovers.inventory(cloud))}",
    )
