"""State machines: a status changes only along the model's `TRANSITIONS`, whoever else changes it too."""

import enum
from typing import Any

from cumulo.core import errors
from cumulo.core.db.access import Transaction
from cumulo.core.db.model import Model


class WrongState(errors.Conflict):
    """It cannot become {to} now."""


async def become(
    db: Transaction,
    model: type[Model],
    id: str,
    to: enum.Enum,
    *,
    column: str = "status",
    **values: Any,
) -> None:
    """Move a row to another status, and write `values` with it.

    The row must be in a status from which `TRANSITIONS` lets it go to `to`, else WrongState (a Conflict): two
    that try at once cannot both succeed. A row that is `to` already counts only if `TRANSITIONS` says so.
    """
    origins = [state for state, goals in model.TRANSITIONS.items() if to in goals]
    changed = await db.update(model, model.c.id == id, model.c[column].in_(origins), **{column: to}, **values)
    if not changed:
        raise WrongState(to=to.value, id=id, model=model.__name__)
