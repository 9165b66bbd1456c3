"""Bringing a database up to date: Alembic writes the SQL, our own executors run it.

Alembic has no driver of ours, so it works as it does offline: it is told which revision the database is at,
and writes what leads from there to the newest. A revision therefore cannot read rows; one that must move data
does it in SQL.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import alembic.operations
import alembic.runtime.migration
import alembic.script
import sqlalchemy

import cumulo
from cumulo.core import errors
from cumulo.core.db.access import Reader

VERSIONS = sqlalchemy.Table(
    "alembic_version",
    sqlalchemy.MetaData(),
    sqlalchemy.Column("version_num", sqlalchemy.String(32), primary_key=True),
)
_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
}


class BeforeMigrations(errors.Unsupported):
    """This database has tables that no migration of Cumulo made; begin with an empty one."""


class NewerDatabase(errors.Unsupported):
    """This database is at revision {revision}, which only a newer Cumulo knows."""


def folder() -> Path:
    """Return where the revisions are: inside an installed package, or beside `src` in a checkout."""
    package = Path(cumulo.__file__).parent
    inside = package / "migrations"
    return inside if inside.exists() else package.parents[1] / "migrations"


class Written:
    """Takes what Alembic writes, a statement at a time."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def write(self, text: str) -> None:
        """Keep a statement; leave remarks out."""
        code = "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip()
        if code:
            self.statements.append(code)

    def flush(self) -> None:
        """Do nothing: all is kept."""


def script(dialect: str, current: str | None, *, to: str = "head") -> list[str]:
    """Return the SQL that leads a database from a revision (None: from nothing) to another. NewerDatabase."""
    directory = alembic.script.ScriptDirectory(str(folder()))
    written = Written()
    options: dict[str, Any] = {
        "as_sql": True,
        "fn": lambda revision, _context: directory._upgrade_revs(to, revision),  # noqa: SLF001  as Alembic's command
        "literal_binds": True,
        "output_buffer": written,
        "starting_rev": current,
    }
    context = alembic.runtime.migration.MigrationContext.configure(dialect_name=dialect, opts=options)
    with alembic.operations.Operations.context(context):  # revisions use it as they are loaded
        if current is not None and current not in {known.revision for known in directory.walk_revisions()}:
            raise NewerDatabase(revision=current)
        context.run_migrations()
    return written.statements


async def current(db: Reader, dialect: str) -> str | None:
    """Return the revision a database is at; None for an empty one. Raises BeforeMigrations."""
    there = await tables(db, dialect)
    if VERSIONS.name in there:
        revision: str | None = await db.scalar(sqlalchemy.select(VERSIONS.c.version_num))
        return revision
    if there:
        raise BeforeMigrations
    return None


async def tables(db: Reader, dialect: str) -> set[str]:
    """Return the names of all tables that are in a database."""
    return await names(db, _TABLES[dialect])


async def names(db: Reader, query: str) -> set[str]:
    """Return the first column of a textual query."""
    rows: Iterable[tuple[Any, ...]] = await db.rows(sqlalchemy.text(query))
    return {str(row[0]) for row in rows}
