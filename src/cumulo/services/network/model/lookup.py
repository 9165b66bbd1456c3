"""Rows by the values of one column, asked for by statements that are made once.

SQLAlchemy takes longer to write down an everyday condition than SQLite to answer it; what the creation and
the realisation of each port ask goes this way.
"""

from collections.abc import Callable, Collection
from functools import cache
from typing import Any, TypeVar

import sqlalchemy

from cumulo.core.db import Model, Reader

M = TypeVar("M", bound=Model)


async def those(db: Reader, model: type[M], ids: Collection[str], by: str = "id") -> list[M]:
    """Return the rows whose column `by` has one of these values, by `position` where they have one."""
    if not ids:
        return []
    return as_rows(model, await db.answer(_question(model, by), ids=list(ids)))


def as_rows(model: type[M], found: list[tuple[Any, ...]]) -> list[M]:
    """Return what a select of a model's whole table gave as its rows."""
    names = [column.name for column in model.table.columns]
    return [model(**dict(zip(names, row, strict=True))) for row in found]


@cache
def _question(model: type[Model], by: str) -> Callable[[], Any]:
    def question() -> Any:
        column = model.c[by]
        wanted = sqlalchemy.bindparam("ids", type_=column.type, expanding=True)
        order = [model.c.position] if "position" in model.c else []
        return sqlalchemy.select(model.table).where(column.in_(wanted)).order_by(*order)

    return question
