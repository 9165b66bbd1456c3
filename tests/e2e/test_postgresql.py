"""A whole cloud that keeps its rows in a private PostgreSQL, and what becomes of it when that is away."""

import contextlib
from collections.abc import Callable, Iterator
from http import HTTPStatus

import asyncpg
import httpx
import pytest

from cumulo.testing.database import Cluster, postgresql_cluster
from cumulo.testing.launched import CommandRefused, LaunchedCloud, until
from cumulo.testing.residence import Residence

TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with postgresql_cluster() as started:
        if started is None:
            pytest.skip("no PostgreSQL server on this machine")
        yield started


@pytest.fixture(scope="module")
def cloud(make_cloud: Callable[..., LaunchedCloud], cluster: Cluster) -> LaunchedCloud:
    return make_cloud(f'[database]\nurl = "{cluster.url()}"\n')


@pytest.fixture(scope="module")
def home(cloud: LaunchedCloud, tmp_path_factory: pytest.TempPathFactory) -> Residence:
    made = Residence(cloud, cloud.user("erin"), tmp_path_factory.mktemp("erin"))
    made.network("home", "10.14.0.0/24", router="door")
    return made


def answer(url: str) -> tuple[int, str | None]:
    """Return the status that a page answers, and when to ask again."""
    answered = httpx.get(url)
    return answered.status_code, answered.headers.get("Retry-After")


def status_of(home: Residence, server: str) -> str:
    """Return a server's status; empty while nobody can say."""
    with contextlib.suppress(CommandRefused):
        return str(home.user.json("server", "show", server)["status"])
    return ""


def test_without_its_database_it_says_why_and_starts_once_that_is_there(
    cloud: LaunchedCloud, cluster: Cluster
):
    cluster.stop()
    with pytest.raises(CommandRefused, match=r"the database .* cannot be used: cannot connect"):
        cloud.up()
    with pytest.raises(CommandRefused, match=r"bad +database .* cannot be used"):
        cloud.command("doctor")
    cluster.start()
    until(lambda: "ready)" in said(cloud, "status"), seconds=60, what="the cloud to start by itself")
    assert "ok    database" in said(cloud, "doctor")


def said(cloud: LaunchedCloud, command: str) -> str:
    """Return what a command prints, whatever its exit status."""
    try:
        return cloud.command(command)
    except CommandRefused as refused:
        return str(refused)


def test_a_guest_boots_and_outlives_kill_and_start(cloud: LaunchedCloud, home: Residence):
    guest = home.boot("first", "home")
    boot_id = guest.boot_id
    cloud.kill()
    cloud.up()
    assert guest.boot_id == boot_id
    assert status_of(home, "first") == "ACTIVE"


@pytest.mark.parametrize("point", ["CreateServer.boot:before", "CreateServer.boot:after"])
def test_a_creation_that_was_killed_goes_on(cloud: LaunchedCloud, home: Residence, point: str):
    cloud.kill()
    cloud.up(CUMULO_KILL_AT=point)
    process = cloud.server
    with contextlib.suppress(CommandRefused):
        home.create("victim", "home", wait=False)
    until(lambda: not process.alive(), seconds=60, what=f"the death at {point}")
    cloud.kill()
    cloud.up()
    until(lambda: status_of(home, "victim") == "ACTIVE", seconds=90, what="the server to be ACTIVE")
    home.user("server", "delete", "--wait", "victim")


def test_work_goes_on_where_it_was_when_the_database_comes_back(
    cloud: LaunchedCloud, home: Residence, cluster: Cluster
):
    process = cloud.server
    home.create("patient", "home", wait=False)
    cluster.stop()
    assert answer(f"{cloud.url}/image/v2/images") == (HTTPStatus.SERVICE_UNAVAILABLE, "2")
    assert answer(f"{cloud.url}/readyz")[0] == HTTPStatus.SERVICE_UNAVAILABLE
    assert answer(f"{cloud.url}/healthz")[0] == HTTPStatus.OK
    log = cloud.state.logs / "server.log"
    met = log.stat().st_size
    until(lambda: b"tasks.look_failed" in log.read_bytes()[met:], what="the outage to be met")
    cluster.start()
    until(lambda: status_of(home, "patient") == "ACTIVE", seconds=90, what="the server to be ACTIVE")
    assert cloud.server == process


async def test_reset_takes_the_tables_too(cloud: LaunchedCloud, cluster: Cluster):
    assert "all tables of Cumulo in PostgreSQL's postgres" in cloud.command("reset", "--yes")
    connection = await asyncpg.connect(cluster.url())
    assert await connection.fetchval(TABLES) == 0
    await connection.close()
