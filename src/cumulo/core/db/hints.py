"""What a database's planner cannot know by itself, as SQLite keeps no statistics unless told to."""

from typing import Any

from sqlalchemy import FromClause, Join
from sqlalchemy.ext.compiler import compiles


class _InOrder(Join):
    inherit_cache = True


@compiles(_InOrder, "sqlite")
def _in_order(join: Any, compiler: Any, **options: Any) -> str:
    """Write the join with CROSS, by which SQLite means that the left table is gone through first."""
    options["asfrom"] = True
    left, right = (compiler.process(side, **options) for side in (join.left, join.right))
    return f"{left} CROSS JOIN {right} ON {compiler.process(join.onclause, **options)}"


def in_order(first: FromClause, *following: tuple[FromClause, Any]) -> FromClause:
    """Return a join of tables, each with its condition, that SQLite goes through in this order.

    PostgreSQL, which counts for itself, orders them as it finds best.
    """
    joined = first
    for table, condition in following:
        joined = _InOrder(joined, table, condition)
    return joined
