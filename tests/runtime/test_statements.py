"""Every list of every service: as many statements for many rows as for one."""

from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.world import World, a_project, one_of_everything, running

from cumulo.core.db.sqlite import SqliteChannel
from cumulo.runtime.services import all_services
from cumulo.runtime.state import StateFolder

EVERYBODYS = {"compute": "all_tenants=1", "block_storage": "all_tenants=1", "image": "visibility=all"}
COUNTED: ContextVar[list[str] | None] = ContextVar("COUNTED", default=None)
MANY = 3  # projects that have one of everything


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Note what the present request asks the database; what goes on besides has a context of its own."""
    fetch = SqliteChannel.fetch

    async def noted(channel: SqliteChannel, sql: str, values: Sequence[Any]) -> Any:
        statements = COUNTED.get()
        if statements is not None:
            statements.append(sql)
        return await fetch(channel, sql, values)

    monkeypatch.setattr(SqliteChannel, "fetch", noted)


def lists() -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the path of everything that can be got without naming one, with the newest version's header."""
    for service in all_services():
        dialect = service.dialect
        newest = f"{dialect.microversions.name} latest" if dialect.microversions else ""
        for operation in service.operations():
            if operation.method == "GET" and not operation.parameters and not operation.at_root:
                path = f"{dialect.path}{dialect.version_path}{operation.path}"
                yield f"{path}?{EVERYBODYS.get(service.name, '')}", {"OpenStack-API-Version": newest}


async def asked(world: World) -> dict[str, int]:
    """Return how often each list asks the database; each is asked for twice, the first time to make ready."""
    found = {}
    for path, headers in lists():
        for _ in range(2):
            statements: list[str] = []
            token = COUNTED.set(statements)
            answer = await world.admin.http.get(path, headers=headers)
            COUNTED.reset(token)
        if answer.is_success:
            found[path] = len(statements)
    return found


@pytest.mark.usefixtures("counting")
async def test_lists_ask_the_database_no_more_often_for_more_rows(tmp_path: Path) -> None:
    async with running(StateFolder(tmp_path), "") as cloud:
        world = await World.of(cloud)
        await one_of_everything(world, *await a_project(world, "first"))
        await cloud.tasks.settle()
        few = await asked(world)
        for number in range(1, MANY):
            await one_of_everything(world, *await a_project(world, f"other {number}"))
        await cloud.tasks.settle()
        many = await asked(world)
    grown = {path: (count, many[path]) for path, count in few.items() if many.get(path, 0) > count}
    assert len(few) > 100
    assert not grown
