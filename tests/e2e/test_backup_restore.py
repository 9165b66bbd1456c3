"""The control plane is lost under a running guest, then with the machine; its backup brings it back."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from cumulo.testing.database import Cluster, postgresql_cluster
from cumulo.testing.guests import Guest
from cumulo.testing.launched import CommandRefused, LaunchedCloud, until
from cumulo.testing.residence import Residence

FACTS = ("id", "name", "status", "addresses", "key_name")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster | None]:
    """A PostgreSQL for the cloud; None for SQLite."""
    if request.param == "sqlite":
        yield None
        return
    with postgresql_cluster() as started:
        if started is None:
            pytest.skip("no PostgreSQL server on this machine")
        yield started


@pytest.fixture(scope="module")
def cloud(make_cloud: Callable[..., LaunchedCloud], cluster: Cluster | None) -> LaunchedCloud:
    made = make_cloud(f'[database]\nurl = "{cluster.url()}"\n' if cluster else "")
    made.up()
    return made


@pytest.fixture(scope="module")
def home(cloud: LaunchedCloud, tmp_path_factory: pytest.TempPathFactory) -> Residence:
    made = Residence(cloud, cloud.user("frida"), tmp_path_factory.mktemp("frida"))
    made.network("home", "10.15.0.0/24", router="door")
    return made


@pytest.fixture(scope="module")
def guest(home: Residence) -> Guest:
    return home.boot("kept", "home")


@pytest.fixture(scope="module")
def token(home: Residence) -> str:
    return str(home.user.json("token", "issue")["id"])


@pytest.fixture(scope="module")
def archive(home: Residence, guest: Guest, token: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup made while the cloud runs; a network and a server come after it."""
    file = tmp_path_factory.mktemp("backup") / "cloud.backup"
    said = home.cloud.command("backup", "--images", str(file))
    assert "servers' disks" in said
    home.user("network", "create", "later")
    home.create("later", "home")
    return file


def facts(home: Residence) -> dict[str, object]:
    shown = home.user.json("server", "show", "kept")
    return {name: shown[name] for name in FACTS}


def lose_rows(cloud: LaunchedCloud, cluster: Cluster | None) -> None:
    """Spoil the database for good."""
    if cluster is None:
        for file in cloud.state.path.glob("cumulo.db*"):
            file.write_bytes(b"a wiped disk")
        return
    asyncio.run(cluster.run("postgres", "DROP SCHEMA public CASCADE; CREATE SCHEMA public"))


def test_a_lost_database_comes_back_under_running_guests(  # noqa: PLR0917  fixtures
    cloud: LaunchedCloud, cluster: Cluster | None, home: Residence, guest: Guest, token: str, archive: Path
):
    before, boot_id = facts(home), guest.boot_id
    later = str(home.user.json("server", "show", "later")["id"])
    with pytest.raises(CommandRefused, match="runs: "):
        cloud.command("restore", "--force", str(archive))
    assert "keep running" in cloud.command("down")
    lose_rows(cloud, cluster)
    with pytest.raises(CommandRefused, match="--force"):
        cloud.command("restore", str(archive))
    said = cloud.command("restore", "--force", str(archive))
    assert f"the guest of server {later} runs and the database does not know it" in said
    cloud.up()
    assert facts(home) == before
    assert guest.boot_id == boot_id
    headers = {"X-Auth-Token": token}
    answer = httpx.get(f"{cloud.url}/network/v2.0/networks?name=later", headers=headers)
    assert answer.json() == {"networks": []}
    until(lambda: agrees(cloud), what="OVN to be as the restored rows say")
    assert guest.answers()
    fresh = home.boot("fresh", "home")
    assert fresh.reaches(home.fixed_address("kept", "home"))


def agrees(cloud: LaunchedCloud) -> bool:
    try:
        return "0 with differences" in cloud.command("network", "check")
    except CommandRefused:
        return False


def test_a_lost_machine_comes_back_with_its_networks_and_says_what_is_gone(
    cloud: LaunchedCloud, home: Residence, token: str, archive: Path
):
    cloud.reset()
    assert not cloud.state.path.exists()
    cloud.command("restore", str(archive))
    cloud.up()
    until(lambda: agrees(cloud), what="OVN to be made anew")
    assert httpx.get(f"{cloud.url}/network/v2.0/networks", headers={"X-Auth-Token": token}).is_success
    shown = until(lambda: gone(home), what="the server to be said to be gone", seconds=200)
    assert shown["addresses"] == {"home": shown["addresses"]["home"]}
    home.user("server", "rebuild", "--wait", "kept")
    if shown["status"] == "SHUTOFF":
        home.user("server", "start", "kept")  # a rebuild leaves it as it was
    address = str(home.user.json("server", "show", "kept")["addresses"]["home"][1])
    Guest(address, home.key).wait()


def gone(home: Residence) -> dict[str, object] | None:
    shown: dict[str, object] = home.user.json("server", "show", "kept")
    return shown if shown["status"] in ("SHUTOFF", "ERROR") else None
