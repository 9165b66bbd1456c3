import re
from pathlib import Path

import pytest

from cumulo.core.db import Database, Reader, migrations
from cumulo.core.db.migrations import BeforeMigrations
from cumulo.testing.database import Cluster
from cumulo.testing.models import shipped

PIECES = {
    "sqlite": "SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_master",
    "postgresql": """
        SELECT format('%s.%s %s %s %s', table_name, column_name, data_type, character_maximum_length,
                      is_nullable) FROM information_schema.columns WHERE table_schema = 'public'
        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
                  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    """,
}


async def pieces(database: Database) -> set[str]:
    """Return all that makes up the schema, but Alembic's own table."""
    async with database.read() as reader:
        found = await migrations.names(reader, PIECES[database.dialect])
    return {sorted_lines(piece) for piece in found if "alembic_version" not in piece}


def sorted_lines(piece: str) -> str:
    """Return a piece with its columns and constraints, a line each, in an order of their own.

    SQLite writes a column that is added later behind the others, on their last line, and never lets go of
    the default that a column needs which is added and may not be NULL.
    """
    parts = re.split(r",\s(?![^(]*\))|\n", re.sub(r" DEFAULT '[^']*'", "", piece))
    return "\n".join(sorted(filter(None, (part.strip(" \t,)") for part in parts))))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def urls(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """Two databases with nothing in them."""
    if request.param == "sqlite":
        return [f"sqlite:///{tmp_path}/{n}.db?synchronous=OFF" for n in range(2)]
    cluster: Cluster | None = request.getfixturevalue("postgresql")
    if cluster is None:
        pytest.skip("no PostgreSQL server on this machine")
    return [cluster.url(await cluster.new()) for _ in range(2)]


async def test_the_revisions_make_what_the_models_say(urls: list[str]) -> None:
    made, migrated = [await Database.open(url) for url in urls]
    await made.create_all(shipped())
    await migrated.migrate()
    await migrated.migrate()
    assert await pieces(migrated) == await pieces(made)
    await made.close()
    await migrated.close()


async def test_a_database_goes_on_from_the_revision_it_is_at(urls: list[str]) -> None:
    database = await Database.open(urls[0])
    async with database.begin() as tx:
        for sql in migrations.script(database.dialect, None, to="0001"):
            await tx.run(sql)
    assert await revision(database) == "0001"
    await database.migrate()
    newest = await revision(database)
    assert newest is not None
    assert newest > "0001"
    await database.close()


async def test_a_database_without_versions_is_left_alone(urls: list[str]) -> None:
    database = await Database.open(urls[0])
    await database.create_all(shipped())
    with pytest.raises(BeforeMigrations):
        await database.migrate()
    await database.close()


async def test_a_database_of_a_newer_version_is_left_alone(urls: list[str]) -> None:
    database = await Database.open(urls[0])
    await database.migrate()
    await database.run(["UPDATE alembic_version SET version_num = 'from_then'"])
    with pytest.raises(migrations.NewerDatabase, match="from_then"):
        await database.migrate()
    assert await revision(database) == "from_then"
    await database.close()


async def revision(database: Database) -> str | None:
    async with database.read() as reader:
        return await at(reader, database.dialect)


async def at(reader: Reader, dialect: str) -> str | None:
    return await migrations.current(reader, dialect)


def test_a_revision_is_named_by_its_file() -> None:
    for path in sorted((migrations.folder() / "versions").glob("*.py")):
        assert f'revision = "{path.name[:4]}"' in path.read_text()
