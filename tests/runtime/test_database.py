"""Which database a cloud has, in words, and how it is left."""

import pytest

from cumulo.core.config import BadSetting
from cumulo.core.db import Database, migrations
from cumulo.runtime import tables
from cumulo.runtime.database import open_database, shown
from cumulo.runtime.doctor.examination import examine
from cumulo.runtime.settings import DatabaseSettings, runtime_settings
from cumulo.runtime.state import StateFolder
from cumulo.testing.database import Cluster


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("", "SQLite"),
        ("postgresql://me@/cumulo?host=/run/postgresql", "PostgreSQL's cumulo at /run/postgresql"),
        ("postgresql://me:secret@db.example:5432/cumulo", "PostgreSQL's cumulo at db.example:5432"),
        ("postgresql://db.example/cumulo?password=secret", "PostgreSQL's cumulo at db.example"),
        ("postgresql:///cumulo", "PostgreSQL's cumulo at this machine"),
        ("postgresql://me:secret@[bad/cumulo", "PostgreSQL"),
    ],
)
def test_a_database_is_shown_without_its_password(url: str, text: str):
    assert shown(DatabaseSettings(url=url)) == text


async def test_a_url_of_another_kind_is_refused_by_its_setting(tmp_path):
    settings = DatabaseSettings(url="mysql://me@/cumulo")
    with pytest.raises(BadSetting, match=r"config.toml.*\[database\] url"):
        await open_database(StateFolder(tmp_path), settings)


def test_numbers_that_make_no_sense_are_refused(tmp_path):
    (tmp_path / "config.toml").write_text("[database]\nconnections = 0\n")
    with pytest.raises(BadSetting, match=r"\[database\].*connections"):
        runtime_settings(StateFolder(tmp_path))


@pytest.mark.postgres
async def test_dropping_our_tables_leaves_others(postgresql: Cluster | None):
    if postgresql is None:
        pytest.skip("no PostgreSQL server on this machine")
    database = await Database.open(postgresql.url(await postgresql.new()))
    await database.create_all()
    await database.run(["CREATE TABLE foreigners (id integer)"])
    await tables.drop(database)
    async with database.read() as db:
        assert await migrations.tables(db, database.dialect) == {"foreigners"}
    await database.run(["DROP TABLE foreigners"])
    await database.migrate()
    await tables.drop(database)
    async with database.read() as db:
        assert not await migrations.tables(db, database.dialect)
    await database.close()


@pytest.mark.postgres
def test_a_database_that_is_away_is_told_with_the_reason(tmp_path):
    (tmp_path / "config.toml").write_text(f'[database]\nurl = "postgresql://me@/mine?host={tmp_path}"\n')
    state = StateFolder(tmp_path)
    assert "mine" in tables.findings(state)[0]
    assert "NOT the tables" in tables.findings(state)[0]
    assert "cannot connect" in tables.remove(state)
    [found] = [finding for finding in examine(state) if finding.about == "database"]
    assert found.level == "bad"
    assert "cannot connect" in found.text


@pytest.mark.postgres
def test_a_database_that_answers_is_told_with_its_version(tmp_path, postgresql: Cluster | None):
    if postgresql is None:
        pytest.skip("no PostgreSQL server on this machine")
    settings = f'[database]\nconnections = 900\nurl = "{postgresql.url()}"\n'
    (tmp_path / "config.toml").write_text(settings)
    well, few = [finding for finding in examine(StateFolder(tmp_path)) if finding.about == "database"]
    assert well.level == "ok"
    assert "version" in well.text
    assert few.level == "note"
    assert "all tables of Cumulo" in tables.findings(StateFolder(tmp_path))[0]
