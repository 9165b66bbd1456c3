"""Messages: why something failed, kept for the project that it failed for."""

from datetime import timedelta

from cumulo.core import clock
from cumulo.core.tasks import TaskError
from cumulo.core.work import Work
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.model import Backup, Message, Snapshot, Volume

UNKNOWN = "An unexpected error prevented the server from fulfilling your request."
ACTIONS = {  # Cinder's numbers for what was being done
    "schedule allocate volume": "001",
    "attach volume": "002",
    "copy volume to image": "003",
    "update attachment": "004",
    "copy image to volume": "005",
    "unmanage volume": "006",
    "extend volume": "007",
    "create volume from backend storage": "008",
    "create snapshot": "009",
    "delete snapshot": "010",
    "update snapshot": "011",
    "update snapshot metadata": "012",
    "create backup": "013",
    "delete backup": "014",
    "restore backup": "015",
    "reimage volume": "016",
    "delete volume": "017",
    "retype volume": "018",
    "revert volume": "019",
}

KINDS = {Volume: "VOLUME", Snapshot: "VOLUME_SNAPSHOT", Backup: "VOLUME_BACKUP"}


def explain(error: TaskError) -> str:
    """Return what a person may read of a saga's failure."""
    return error.public or UNKNOWN


async def tell(
    work: Work, *, project_id: str, kind: str, id: str, action: str, reason: str, detail: str = "001"
) -> None:
    """Keep a message for a project: `action:reason`. kind: VOLUME, VOLUME_SNAPSHOT, VOLUME_BACKUP."""
    days = work.use(BlockStorageSettings).message_days
    await work.db.insert(
        Message(
            project_id=project_id,
            request_id=work.request_id,
            resource_type=kind,
            resource_id=id,
            event_id=f"VOLUME_{kind}_{ACTIONS.get(action, '000')}_{detail}",
            text=f"{action}:{reason}",
            expires_at=clock.now() + timedelta(days=days),
        )
    )


async def tell_of(
    work: Work, row: Volume | Snapshot | Backup, action: str, error: TaskError, *, detail: str = "001"
) -> None:
    """Keep a message for a row's project that says why a saga failed."""
    about = {"project_id": row.project_id, "kind": KINDS[type(row)], "id": row.id}
    await tell(work, **about, action=action, reason=explain(error), detail=detail)
