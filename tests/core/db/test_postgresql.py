"""What only PostgreSQL's engine must get right: connections that are lost."""

import pytest
import sqlalchemy
from tests.core.db.things import THINGS, Thing

from cumulo.core import errors
from cumulo.core.db import Database
from cumulo.testing.database import Cluster

pytestmark = pytest.mark.postgres

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
