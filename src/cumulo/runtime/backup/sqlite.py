"""Rows in SQLite: the whole file, as it is between two transactions."""

from collections.abc import Iterable
from pathlib import Path

import apsw

from cumulo.core.db.migrations import VERSIONS
from cumulo.runtime.backup.errors import CannotBackUp

_REVISION = f"SELECT version_num FROM {VERSIONS.name}"  # noqa: S608  our own name
_PAGES = 1024  # copied at a time; others write meanwhile


def dump(database: Path, target: Path) -> str:
    """Copy a database that is in use into a file of its own, and check the copy; return its revision.

    Raises CannotBackUp: it is away or damaged.
    """
    try:
        source = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
        source.setbusytimeout(10_000)
        copy = apsw.Connection(str(target))
        try:
            source.execute("BEGIN")  # what is committed from now on is not copied
            source.execute(_REVISION).fetchall()
            with copy.backup("main", source, "main") as backup:
                while not backup.done:
                    backup.step(_PAGES)
            copy.execute("PRAGMA journal_mode = DELETE")
        finally:
            copy.close()
            source.close()
        return examined(target)
    except apsw.FullError as error:
        raise CannotBackUp(f"the disk of {target.parent} is full: name a FILE on another one") from error
    except apsw.Error as error:
        raise CannotBackUp(f"{database} cannot be read whole: {error}; restore the last backup") from error


def examined(database: Path) -> str:
    """Check a database that nobody uses, page by page; return its revision. Raises apsw.Error."""
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        found = connection.execute("PRAGMA integrity_check(1)").fetchall()
        if found != [("ok",)]:
            raise apsw.CorruptError(str(found[0][0]))
        rows = connection.execute(_REVISION).fetchall()
        if len(rows) != 1:
            raise apsw.CorruptError("it does not say of which revision it is")
        return str(rows[0][0])
    finally:
        connection.close()


def unknown_servers(database: Path, ids: Iterable[str]) -> list[str]:
    """Return those of these servers that a database does not have, or has as deleted."""
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        known = {
            str(row[0])
            for row in connection.execute("SELECT id FROM compute_servers WHERE deleted_at IS NULL")
        }
    finally:
        connection.close()
    return [one for one in ids if one not in known]
