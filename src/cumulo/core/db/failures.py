"""What a database complains of, in the core's kinds of errors.

SQLite names columns where PostgreSQL names the constraint; here both name the constraint.
"""

import re
from typing import Any

import sqlalchemy

from cumulo.core import errors
from cumulo.core.db.model import TABLES

_SQLITE_UNIQUE = re.compile(r"UNIQUE constraint failed: (.+)")


def sqlite_constraint(message: str) -> str:
    """Return the name of the constraint that SQLite's message speaks of, as PostgreSQL would."""
    match = _SQLITE_UNIQUE.search(message)
    if match is None:
        return message
    described = match.group(1)
    if described.startswith("index "):
        return described.removeprefix("index ").strip("'")
    parts = [part.strip().partition(".") for part in described.split(",")]
    return _constraint(parts[0][0], tuple(sorted(column for _, _, column in parts)))


def _constraint(table_name: str, columns: tuple[str, ...]) -> str:
    table = TABLES.get(table_name)
    candidates: list[Any] = []
    if table is not None:
        kinds = (sqlalchemy.PrimaryKeyConstraint, sqlalchemy.UniqueConstraint)
        candidates = [item for item in table.constraints if isinstance(item, kinds)]
        candidates += [index for index in table.indexes if index.unique]
    for constraint in candidates:
        if constraint.name and columns == tuple(sorted(c.name for c in constraint.columns)):
            return str(constraint.name)
    return f"uq_{table_name}_{'_'.join(columns)}"


class Lost(errors.Unavailable):
    """The database is not available; try again."""


class Collided(Lost):
    """The database is busy with changes to the same things; try again."""


def lost(reason: str) -> Lost:
    """Return the error for a database that cannot answer or keep what it was given."""
    return Lost(reason=reason)
