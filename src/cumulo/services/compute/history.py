"""What was done to a server: written by requests when they promise it, by sagas as they go."""

from cumulo.core import clock
from cumulo.core.db import Transaction
from cumulo.core.work import Work
from cumulo.services.compute.model import Event, ServerAction

FAILED = "Error"
DONE = "Success"


async def begin(work: Work, server_id: str, action: str, *, user_id: str, project_id: str) -> str:
    """Note that a request asked for `action`; return the note's id."""
    row = ServerAction(
        server_id=server_id,
        action=action,
        request_id=work.request_id,
        user_id=user_id,
        project_id=project_id,
    )
    await work.db.insert(row)
    return row.id


async def note(
    db: Transaction,
    action_id: str,
    event: str,
    *,
    host: str | None = None,
    error: str | None = None,
    last: bool = False,
) -> None:
    """Note that a part of the action is over; with `last`, that the whole action is.

    A part begins where the one before it ended: the parts of a saga follow each other.
    """
    action = await db.one(ServerAction, ServerAction.c.id == action_id, for_update=True)
    if action is None:
        return
    now = clock.now()
    started = action.events[-1].finished_at if action.events else action.started_at
    result = DONE if error is None else FAILED
    action.events.append(
        Event(
            event=event,
            started_at=started or action.started_at,
            finished_at=now,
            result=result,
            host=host,
            details=error,
        )
    )
    action.updated_at = now
    changed = ["events", "updated_at"]
    if error is not None:
        action.message = FAILED
        changed.append("message")
    if last:
        action.finished_at = now
        changed.append("finished_at")
    await db.save(action, *changed)
