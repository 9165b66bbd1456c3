"""Messages: why something failed, kept for the project that it failed for."""

from datetime import timedelta

from cumulo.core import clock
from cumulo.core.tasks import TaskError
from cumulo.core.work import Work
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.model import Backup, Message, Snapshot, Volume

UNKNOWN = "An unexpected error prevented the server from fulfilling your request."
UNKNOWN_ERROR = "001"
ACTIONS = {  # Cinder's numbers for what was being done, and for why it fails; from 017 on our own
    "schedule allocate volume": ("001", "003"),
    "copy volume to image": ("003", "004"),
    "copy image to volume": ("005", UNKNOWN_ERROR),
    "unmanage volume": ("006", UNKNOWN_ERROR),
    "extend volume": ("007", "010"),
    "create volume from backend storage": ("008", "012"),
    "create snapshot": ("009", "013"),
    "delete snapshot": ("010", "016"),
    "create backup": ("013", "020"),
    "delete backup": ("014", "025"),
    "restore backup": ("015", "026"),
    "reimage volume": ("016", UNKNOWN_ERROR),
    "delete volume": ("017", UNKNOWN_ERROR),
    "retype volume": ("018", UNKNOWN_ERROR),
    "revert volume": ("019", UNKNOWN_ERROR),
    "manage volume": ("020", UNKNOWN_ERROR),
    "manage snapshot": ("021", UNKNOWN_ERROR),
    "unmanage snapshot": ("022", UNKNOWN_ERROR),
}
KINDS = {Volume: "VOLUME", Snapshot: "VOLUME_SNAPSHOT", Backup: "VOLUME_BACKUP"}


def explain(error: TaskError) -> str:
    """Return what a person may read of a saga's failure."""
    return error.public or UNKNOWN


async def tell(work: Work, *, project_id: str, kind: str, id: str, action: str, reason: str) -> None:
    """Keep a message for a project: `action:reason`. kind: VOLUME, VOLUME_SNAPSHOT, VOLUME_BACKUP."""
    number, detail = ACTIONS[action]
    days = work.use(BlockStorageSettings).message_days
    await work.db.insert(
        Message(
            project_id=project_id,
            request_id=work.request_id,
            resource_type=kind,
            resource_id=id,
            event_id=f"VOLUME_{kind}_{number}_{detail}",
            text=f"{action}:{reason}",
            expires_at=clock.now() + timedelta(days=days),
        )
    )


async def tell_of(work: Work, row: Volume | Snapshot | Backup, action: str, error: TaskError) -> None:
    """Keep a message for a row's project that says why a saga failed."""
    about = {"project_id": row.project_id, "kind": KINDS[type(row)], "id": row.id}
    await tell(work, **about, action=action, reason=explain(error))
