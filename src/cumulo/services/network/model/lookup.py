"""Rows by the values of one column, as the creation and the realisation of each port ask for them."""

from collections.abc import Collection
from typing import TypeVar

from cumulo.core.db import Model, Reader

M = TypeVar("M", bound=Model)


async def those(db: Reader, model: type[M], ids: Collection[str], by: str = "id") -> list[M]:
    """Return the rows whose column `by` has one of these values, by `position` where they have one."""
    return await db.among(model, by, ids, *(["position"] if "position" in model.c else []))
