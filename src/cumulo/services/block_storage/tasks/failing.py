"""How a saga that failed leaves what it worked on: in a named status, with a message that says why."""

from typing import Any, TypeVar

from cumulo.core.tasks import Saga, StepRun, TaskError, on_failure
from cumulo.core.tasks.saga import Failure
from cumulo.services.block_storage.messages import explain, tell_of
from cumulo.services.block_storage.model import (
    Backup,
    BackupStatus,
    Snapshot,
    SnapshotStatus,
    Volume,
    VolumeStatus,
)
from cumulo.services.block_storage.tasks.hold import let_backup_go, let_go, let_snapshot_go

Row = TypeVar("Row", Volume, Snapshot, Backup)
PARAMETERS: dict[type, str] = {Volume: "volume_id", Snapshot: "snapshot_id", Backup: "backup_id"}
"""Which parameter of a saga names its row."""


def left(kind: type[Row], action: str, status: Any = None, **values: Any) -> Failure:
    """Declare what becomes of a saga's row when it fails: see `leave`."""

    async def fail(saga: Saga, run: StepRun, error: TaskError) -> None:
        await leave(run, kind, getattr(saga, PARAMETERS[kind]), action, error, status=status, **values)

    return on_failure(fail)


async def leave(
    run: StepRun,
    kind: type[Row],
    id: str,
    action: str,
    error: TaskError,
    *,
    status: Any = None,
    **values: Any,
) -> None:
    """Let go of a row in `status`, with these values, and tell its project why `action` failed.

    status: one of the row's kind; None means the one that it had before the saga, `available` when none is
    known. What is gone is left alone.
    """
    row: Volume | Snapshot | Backup | None = await run.db.get(kind, id)
    if isinstance(row, Volume):
        await let_go(run, id, status or row.previous_status or VolumeStatus.AVAILABLE, **values)
    elif isinstance(row, Snapshot):
        await let_snapshot_go(run, id, status or SnapshotStatus.AVAILABLE, **values)
    elif isinstance(row, Backup):
        if status is not None:
            values["fail_reason"] = explain(error)
        await let_backup_go(run, id, status or BackupStatus.AVAILABLE, **values)
    if row is not None:
        await tell_of(run, row, action, error)
