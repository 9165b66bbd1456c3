"""What only PostgreSQL's engine must get right: connections that are lost, limits in time, notices."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy
from tests.core.db.things import THINGS, Thing

from cumulo.core import errors
from cumulo.core.db import Database
from cumulo.testing.database import Cluster

pytestmark = pytest.mark.postgres
TIMEOUT: Any = sqlalchemy.select(sqlalchemy.func.current_setting("statement_timeout"))

OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"
)


async def test_a_connection_lost_while_idle_is_replaced(postgresql: Cluster | None) -> None:
    if postgresql is None:
        pytest.skip("no PostgreSQL server on this machine")
    name = await postgresql.new()
    database = await Database.open(postgresql.url(name))
    await database.create_all(THINGS)
    await postgresql.run("postgres", OTHERS, name)
    async with database.begin() as tx:
        await tx.insert(Thing(id="kept"))
    async with database.read() as reader:
        assert await reader.rows(sqlalchemy.select(Thing.c.id)) == [("kept",)]
    await database.close()


async def test_a_connection_lost_in_the_middle_is_unavailable(postgresql: Cluster | None) -> None:
    if postgresql is None:
        pytest.skip("no PostgreSQL server on this machine")
    name = await postgresql.new()
    database = await Database.open(postgresql.url(name))
    await database.create_all(THINGS)
    with pytest.raises(errors.Unavailable):
        async with database.begin() as tx:
            await tx.insert(Thing(id="lost"))
            await postgresql.run("postgres", OTHERS, name)
            await tx.insert(Thing(id="too"))
    async with database.read() as reader:
        assert not await reader.exists(Thing)
    await database.close()


async def test_without_a_server_the_database_is_unavailable(tmp_path: object) -> None:
    with pytest.raises(errors.Unavailable):
        database = await Database.open(f"postgresql://nobody@/none?host={tmp_path}")
        async with database.read():
            pass


@pytest.fixture
async def opened(postgresql: Cluster | None) -> AsyncIterator[Database]:
    """A database with two connections at most, whose statements may take 0.3 s."""
    if postgresql is None:
        pytest.skip("no PostgreSQL server on this machine")
    database = await Database.open(postgresql.url(await postgresql.new()), connections=2, seconds=0.3)
    await database.create_all(THINGS)
    yield database
    await database.close()


async def test_a_statement_that_takes_too_long_is_given_up(opened: Database) -> None:
    with pytest.raises(errors.Unavailable) as given_up:
        async with opened.begin() as tx:
            await tx.run("SELECT pg_sleep(30)")
    assert "statement timeout" in given_up.value.fields["reason"]
    async with opened.begin() as tx:
        await tx.insert(Thing(id="next"))


async def test_waiting_for_a_lock_too_long_is_given_up(opened: Database) -> None:
    async with opened.begin() as tx:
        await tx.lock("a")
        with pytest.raises(errors.Unavailable):
            async with opened.begin() as other:
                await other.lock("a")


async def test_an_unhurried_transaction_takes_what_it_needs(opened: Database) -> None:
    async with opened.begin(unhurried=True) as tx:
        await tx.run("SELECT pg_sleep(0.6)")
        await tx.insert(Thing(id="slow"))
    async with opened.read() as reader:
        assert await reader.exists(Thing, Thing.c.id == "slow")


async def test_when_all_connections_are_in_use_it_says_so(
    opened: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cumulo.core.db.postgresql._PATIENCE", 0.05)
    async with opened.read(), opened.read():
        with pytest.raises(errors.Unavailable) as refused:
            async with opened.read():
                pass
    assert "all connections are in use" in refused.value.fields["reason"]
    async with opened.read() as reader:
        assert not await reader.exists(Thing)


async def test_it_goes_on_by_itself_when_the_server_is_back(
    opened: Database, postgresql: Cluster | None
) -> None:
    assert postgresql is not None
    async with opened.begin() as tx:
        await tx.insert(Thing(id="kept"))
    postgresql.stop()
    try:
        with pytest.raises(errors.Unavailable) as away:
            async with opened.read() as reader:
                await reader.exists(Thing)
        with pytest.raises(errors.Unavailable):
            async with opened.begin():
                pass
    finally:
        postgresql.start()
    assert "connect" in away.value.fields["reason"]
    async with opened.read() as reader:
        assert await reader.exists(Thing, Thing.c.id == "kept")


async def test_a_connection_goes_back_without_what_a_transaction_set(opened: Database) -> None:
    async with opened.begin(unhurried=True) as tx:
        assert await tx.scalar(TIMEOUT) == "0"
    async with opened.read() as reader:
        assert await reader.scalar(TIMEOUT) == "300ms"


async def test_a_cancelled_transaction_leaves_nothing_behind(opened: Database) -> None:
    inside = asyncio.Event()

    async def insert() -> None:
        async with opened.begin() as tx:
            await tx.insert(Thing(id="lost"))
            inside.set()
            await asyncio.Event().wait()

    for _ in range(3):  # more often than there are connections
        inside.clear()
        task = asyncio.create_task(insert())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with opened.begin() as tx:
        assert not await tx.exists(Thing)
        await tx.insert(Thing(id="lost"))


async def test_processes_tell_each_other(opened: Database, postgresql: Cluster | None) -> None:
    """Whatever is told arrives at all others, also after the connections broke; that they did is told too."""
    assert postgresql is not None
    name = postgresql.made[-1]
    other = await Database.open(postgresql.url(name))
    heard: asyncio.Queue[str] = asyncio.Queue()
    own: list[str] = []
    other.hear(heard.put_nowait)
    opened.hear(own.append)
    await _arrives(opened, heard, "first")
    await postgresql.run("postgres", OTHERS, name)
    await _arrives(opened, heard, "")
    await _arrives(opened, heard, "second")
    assert not {"first", "second"} & set(own)
    await other.close()


async def _arrives(database: Database, heard: asyncio.Queue[str], text: str) -> None:
    """Tell something again and again until it is heard: what is told while nobody listens is lost."""
    async with asyncio.timeout(20):
        while True:
            if text:
                database.tell(text)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    while await heard.get() != text:
                        pass
                    return
