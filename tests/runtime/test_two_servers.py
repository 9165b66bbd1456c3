"""Two servers, each with a state folder of its own, on one PostgreSQL: one cloud."""

import asyncio
import shutil
from collections.abc import Iterator
from http import HTTPStatus

import httpx
import pytest

from cumulo.core.db import Database
from cumulo.core.tasks.duties import Duty
from cumulo.runtime.cli import up
from cumulo.runtime.scratch import scratch_cloud
from cumulo.runtime.settings import config_of, runtime_settings
from cumulo.runtime.state import StateFolder
from cumulo.testing.database import Cluster

pytestmark = [pytest.mark.xdist_group("server"), pytest.mark.postgres]
SETTINGS = '[engines]\nstart = false\n[node]\nhypervisor = "fake"\n[database]\nconnections = 4\nurl = "{}"\n'
SHARED = ("token-keys", "credential-keys", "admin-password", "demo-password", "first-contents")
Headers = dict[str, str]


class Server:
    """A server's client, which logs its users in."""

    def __init__(self, state: StateFolder) -> None:
        self.state = state
        self.http = httpx.Client(base_url=runtime_settings(state).http.url)

    def log_in(self, user: str) -> Headers:
        """Return the headers of a user who is named as its project and its password's file."""
        domain = {"id": "default"}
        password = (self.state.path / f"{user}-password").read_text().strip()
        secret = {"user": {"name": user, "domain": domain, "password": password}}
        auth = {
            "identity": {"methods": ["password"], "password": secret},
            "scope": {"project": {"name": user, "domain": domain}},
        }
        answered = self.http.post("/identity/v3/auth/tokens", json={"auth": auth})
        assert answered.status_code == HTTPStatus.CREATED, answered.text
        return {"X-Auth-Token": answered.headers["X-Subject-Token"]}

    def status(self, headers: Headers) -> int:
        """Return how a request with these headers is answered."""
        return self.http.get("/compute/v2.1/flavors", headers=headers).status_code

    def id_of(self, kind: str, name: str, headers: Headers) -> str:
        """Return the id of one of identity's resources by its name."""
        found = self.http.get(f"/identity/v3/{kind}", params={"name": name}, headers=headers)
        return str(found.json()[kind][0]["id"])


@pytest.fixture(scope="module")
def servers(postgresql: Cluster | None) -> Iterator[tuple[Server, Server]]:
    """Two running servers; the second has the first one's keys and passwords."""
    if postgresql is None:
        pytest.skip("no PostgreSQL server on this machine")
    settings = SETTINGS.format(postgresql.url(asyncio.run(postgresql.new())))
    with scratch_cloud("first", settings) as first, scratch_cloud("second", settings, up=False) as second:
        join(first, second)
        assert up.start(second.path) is not None
        made = Server(first), Server(second)
        yield made
        for server in made:
            server.http.close()


def join(first: StateFolder, second: StateFolder) -> None:
    """Give a new state folder what servers of one cloud share, and a host's name of its own."""
    config_of(second.path)
    (second.path / "host").write_text("second\n")
    for name in SHARED:
        copy = shutil.copytree if (first.path / name).is_dir() else shutil.copy2
        copy(first.path / name, second.path / name)


def test_a_token_of_one_is_good_at_the_other_until_it_is_revoked(servers: tuple[Server, Server]):
    first, second = servers
    headers = first.log_in("demo")
    assert first.status(headers) == second.status(headers) == HTTPStatus.OK
    gone = {**headers, "X-Subject-Token": headers["X-Auth-Token"]}
    assert first.http.delete("/identity/v3/auth/tokens", headers=gone).status_code == HTTPStatus.NO_CONTENT
    assert second.status(headers) == first.status(headers) == HTTPStatus.UNAUTHORIZED


def test_a_role_that_is_taken_at_one_is_gone_at_the_other(servers: tuple[Server, Server]):
    first, second = servers
    admin, headers = first.log_in("admin"), second.log_in("demo")
    assert second.status(headers) == HTTPStatus.OK
    user, project = first.id_of("users", "demo", admin), first.id_of("projects", "demo", admin)
    grant = f"/identity/v3/projects/{project}/users/{user}/roles/{first.id_of('roles', 'member', admin)}"
    assert first.http.delete(grant, headers=admin).status_code == HTTPStatus.NO_CONTENT
    assert second.status(headers) == HTTPStatus.UNAUTHORIZED
    assert first.http.put(grant, headers=admin).status_code == HTTPStatus.NO_CONTENT
    assert second.status(headers) == HTTPStatus.OK


def test_what_is_made_at_one_is_seen_at_the_other(servers: tuple[Server, Server]):
    first, second = servers
    headers = first.log_in("demo")
    for server, other in ((first, second), (second, first)):
        made = server.http.post("/network/v2.0/networks", json={"network": {"name": "n"}}, headers=headers)
        assert made.status_code == HTTPStatus.CREATED
        path = f"/network/v2.0/networks/{made.json()['network']['id']}"
        assert other.http.get(path, headers=headers).status_code == HTTPStatus.OK


def test_one_of_them_does_the_recurring_work(servers: tuple[Server, Server]):
    first, second = (f"{server.state.host}/{server.state.instance}" for server in servers)
    assert first != second
    assert asyncio.run(owners(servers[0].state)) == {first}


async def owners(state: StateFolder) -> set[str]:
    """Return who has duties."""
    database = await Database.open(runtime_settings(state).database.url)
    async with database.read() as db:
        found = {duty.owner for duty in await db.all(Duty)}
    await database.close()
    return found
