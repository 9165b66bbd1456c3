"""Why no host takes or deletes a snapshot of a volume."""

import msgspec

from cumulo.core.db import Reader
from cumulo.core.errors import Invalid
from cumulo.core.http.body import BROKEN
from cumulo.services.compute.declined import SnapshotsOfOwn
from cumulo.services.compute.errors import VolumeUnknown
from cumulo.services.compute.model import BlockDeviceMapping


class _DeleteInfo(msgspec.Struct):
    volume_id: str


async def refuse(db: Reader, volume_id: str) -> None:
    """Raise VolumeUnknown for a volume that no server has, SnapshotsOfOwn for the others."""
    if not await db.exists(BlockDeviceMapping, BlockDeviceMapping.c.volume_id == volume_id):
        raise VolumeUnknown(id=volume_id)
    raise SnapshotsOfOwn(id=volume_id)


def volume_in(delete_info: str | None) -> str:
    """Return the volume that `delete_info` names, JSON in the query. Invalid."""
    try:
        return msgspec.json.decode(delete_info or "", type=_DeleteInfo).volume_id
    except (*BROKEN, UnicodeEncodeError) as error:
        raise Invalid("Invalid input for field/attribute delete_info: it needs a volume_id.") from error
