"""What identity's calls cost: tokens, and the pages of its lists among many."""

import asyncio
from collections.abc import Iterator

from cumulo.core.db import Database
from cumulo.runtime.bench.client import Client
from cumulo.runtime.bench.meter import Figure, measure
from cumulo.runtime.bench.population import Landmarks, populate
from cumulo.runtime.database import open_database
from cumulo.runtime.settings import runtime_settings
from cumulo.runtime.state import StateFolder

PAGE = 500  # rows: what a whole list is streamed by, too
REACH = 10.0  # ms of a page
V3 = "/identity/v3"


class LargeIdentity:
    """Calls as an administrator of a cloud with very many of everything, against the process `pid`."""

    def __init__(self, state: StateFolder, client: Client, pid: int) -> None:
        self.client = client
        self.pid = pid
        self.landmarks = asyncio.run(_filled(state))
        client.issue()

    def figures(self) -> Iterator[Figure]:
        """Measure all, one line of the table after another."""
        yield self.token()
        yield self.validation()
        yield self._list("users?limit=100", "users, 100", reach=1.5, count=50)
        for path, name in _pages(self.landmarks):
            yield self._list(f"{path}{'&' if '?' in path else '?'}limit={PAGE}", name, reach=REACH)

    def token(self) -> Figure:
        """Get a token by another, as a client does that changes its project."""
        client = self.client

        def issue() -> None:
            client.issue_by(client.token)

        return measure("token issue (token)", self.pid, issue, 300, reach_cpu_ms=0.4)

    def validation(self) -> Figure:
        """Ask whether a token is good, as a service does."""
        subject = {"X-Subject-Token": self.client.token}

        def validate() -> None:
            self.client.call("GET", f"{V3}/auth/tokens?nocatalog", headers=subject)

        return measure("token validate", self.pid, validate, 500, reach_cpu_ms=0.25)

    def _list(self, path: str, name: str, *, reach: float, count: int = 10) -> Figure:
        return measure(
            name, self.pid, lambda: self.client.call("GET", f"{V3}/{path}"), count, reach_cpu_ms=reach
        )


async def _filled(state: StateFolder) -> Landmarks:
    database: Database = await open_database(state, runtime_settings(state).database)
    try:
        return await populate(database)
    finally:
        await database.close()


def _pages(at: Landmarks) -> Iterator[tuple[str, str]]:
    """Yield the lists, each as (path, name): the ones with the most behind them."""
    yield "users", "users"
    yield f"users?domain_id={at.domain}", "users of a domain"
    yield "groups", "groups"
    yield "projects", "projects"
    yield f"projects?domain_id={at.domain}", "projects of a domain"
    yield f"projects?parent_id={at.project}", "projects below one"
    yield "domains", "domains"
    yield f"groups/{at.group}/users", "users of a group"
    yield f"users/{at.user}/groups", "groups of a user"
    yield f"users/{at.user}/projects", "projects of a user"
    yield "auth/projects", "own projects"
    yield "auth/domains", "own domains"
    for effective, said in (("", "assignments"), ("&effective", "effective assignments")):
        for query, name in (
            ("", ""),
            (f"&user.id={at.user}", " of a user"),
            (f"&role.id={at.role}", " of a role"),
            (f"&scope.project.id={at.project}", " on a project"),
            (f"&scope.project.id={at.project}&include_subtree", " on a tree"),
            (f"&scope.domain.id={at.domain}", " on a domain"),
            ("&scope.system=all", " on the system"),
            ("&scope.OS-INHERIT:inherited_to=projects", ", inherited"),
            ("&include_names", ", named"),
        ):
            yield f"role_assignments?{(effective + query).lstrip('&')}", said + name
    yield f"role_assignments?group.id={at.group}", "assignments of a group"
