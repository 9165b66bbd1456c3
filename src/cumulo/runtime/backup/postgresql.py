"""Rows in PostgreSQL: each table as COPY writes it, all of one moment, and back in one transaction."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from graphlib import TopologicalSorter
from pathlib import Path

import asyncpg

from cumulo.core.db import METADATA, migrations
from cumulo.runtime.backup.archive import Table
from cumulo.runtime.backup.errors import BadArchive, CannotBackUp, CannotRestore
from cumulo.runtime.services import all_services

_PATIENCE = 10.0  # seconds to wait for a connection
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
_COLUMNS = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = $1 AND is_generated = 'NEVER' ORDER BY ordinal_position
"""
_REFERENCES = """
SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
WHERE contype = 'f' AND conrelid <> confrelid
"""
_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'cumulo' AND pid <> pg_backend_pid()
"""
_FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError)


async def dump(url: str, folder: Path) -> tuple[str, dict[str, Table]]:
    """Write a file `TABLE.copy` for each table of Cumulo's; return revision and tables. CannotBackUp."""
    found: dict[str, Table] = {}
    try:
        async with _connected(url) as db, db.transaction(isolation="repeatable_read", readonly=True):
            revision = await _revision(db)
            for name in await _ours(db):
                columns = [row[0] for row in await db.fetch(_COLUMNS, name)]
                said = await db.copy_from_table(name, columns=columns, output=folder / f"{name}.copy")
                found[name] = Table(columns, _count(said))
    except _FAILURES as error:
        raise CannotBackUp(f"the database cannot be read: {error}; `cumulo doctor` says more") from error
    if not revision:
        raise CannotBackUp("the database is empty: `cumulo up` makes its tables")
    return revision, found


async def check(url: str, *, force: bool) -> None:
    """See that a database can take an archive's rows. CannotRestore."""
    try:
        async with _connected(url) as db:
            if await db.fetchval(_OTHERS):
                raise CannotRestore(
                    "a server of Cumulo is connected to the database: `cumulo down` where it runs"
                )
            if not force and await _ours(db):
                raise CannotRestore("the database holds a cloud already: --force replaces its tables")
    except _FAILURES as error:
        raise CannotRestore(f"the database cannot be used: {error}") from error


async def load(url: str, folder: Path, revision: str, tables: Mapping[str, Table]) -> None:
    """Replace Cumulo's tables by those of an archive, all or nothing. BadArchive, CannotRestore."""
    script = migrations.script("postgresql", None, to=revision)
    try:
        async with _connected(url) as db, db.transaction():
            there = await _ours(db)
            if there:
                await db.execute(f"DROP TABLE {', '.join(map(_quoted, there))} CASCADE")
            for statement in script:
                await db.execute(statement)
            made = await _ours(db)
            if unknown := sorted(tables.keys() - set(made)):
                raise BadArchive(
                    f"the archive has tables that revision {revision} has not: {', '.join(unknown)}"
                )
            await db.execute(f"TRUNCATE {', '.join(map(_quoted, made))}")
            for name in await _in_order(db, made):
                if name in tables:
                    await _fill(db, name, tables[name], folder / f"{name}.copy")
    except _FAILURES as error:
        raise CannotRestore(f"the database did not take the archive's rows: {error}") from error


async def unknown_servers(url: str, ids: Iterable[str]) -> list[str]:
    """Return those of these servers that a database does not have, or has as deleted."""
    async with _connected(url) as db:
        rows = await db.fetch("SELECT id FROM compute_servers WHERE deleted_at IS NULL")
    known = {str(row[0]) for row in rows}
    return [one for one in ids if one not in known]


async def _fill(db: asyncpg.Connection, name: str, table: Table, file: Path) -> None:
    known = {row[0] for row in await db.fetch(_COLUMNS, name)}
    if strange := sorted(set(table.columns) - known):
        raise BadArchive(f"the archive's table {name} has columns that are none: {', '.join(strange)}")
    said = await db.copy_to_table(name, columns=table.columns, source=file)
    if _count(said) != table.rows:
        raise BadArchive(f"the archive's table {name} has {_count(said)} rows and should have {table.rows}")


async def _revision(db: asyncpg.Connection) -> str:
    there = {row[0] for row in await db.fetch(_TABLES)}
    if migrations.VERSIONS.name not in there:
        return ""
    return str(await db.fetchval(f"SELECT version_num FROM {migrations.VERSIONS.name}"))  # noqa: S608  our own name


async def _ours(db: asyncpg.Connection) -> list[str]:
    """Return the tables of Cumulo's that are there; others' are not looked at."""
    all_services()  # whose models these are
    ours = {*METADATA.tables, migrations.VERSIONS.name}
    return sorted(row[0] for row in await db.fetch(_TABLES) if row[0] in ours)


async def _in_order(db: asyncpg.Connection, names: list[str]) -> list[str]:
    """Return tables so that each comes after those that it refers to."""
    graph: dict[str, set[str]] = {name: set() for name in names}
    for table, other in await db.fetch(_REFERENCES):
        if table in graph and other in graph:
            graph[table].add(other)
    return list(TopologicalSorter(graph).static_order())


def _count(said: str) -> int:
    """Return the number in what COPY says, such as `COPY 3`."""
    return int(said.rpartition(" ")[2])


def _quoted(name: str) -> str:
    return f'"{name}"'


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    db = await asyncpg.connect(url, timeout=_PATIENCE)
    try:
        yield db
    finally:
        await db.close(timeout=_PATIENCE)
