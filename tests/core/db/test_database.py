from pathlib import Path

import apsw
import pytest
from tests.core.db.things import THINGS, Thing

from cumulo.core.db import Database


@pytest.mark.parametrize("url", ["mysql://x", "sqlite://", "x.db", "sqlite:///x.db?synchronous=MAYBE"])
async def test_a_url_that_names_no_database_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"sqlite|synchronous"):
        await Database.open(url)


async def test_the_folder_of_a_file_is_made(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:///{tmp_path}/deep/down/x.db")
    assert database.dialect == "sqlite"
    await database.close()
    assert (tmp_path / "deep/down/x.db").exists()


async def test_tables_are_made_once_and_rows_stay(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    for expected in (0, 1):
        database = await Database.open(url)
        await database.create_all(THINGS)
        async with database.begin() as tx:
            assert await tx.count(Thing) == expected
            await tx.insert(Thing(id=str(expected)))
        await database.close()


async def test_the_file_is_as_durable_as_promised(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:///{tmp_path}/x.db")
    async with database.begin() as tx:
        assert [row[0] for row in await tx._channel.fetch("PRAGMA synchronous", ())] == [2]  # FULL
        assert [row[0] for row in await tx._channel.fetch("PRAGMA journal_mode", ())] == ["wal"]
        assert [row[0] for row in await tx._channel.fetch("PRAGMA foreign_keys", ())] == [1]
    async with database.read() as reader:
        with pytest.raises(apsw.ReadOnlyError):
            reader._channel.connection.execute("CREATE TABLE t (x)")  # type: ignore[attr-defined]
    await database.close()
