"""Whether a volume may be one of a group."""

from cumulo.core.db import Transaction
from cumulo.services.block_storage.errors import GroupNotFound, InvalidGroup, InvalidInput
from cumulo.services.block_storage.model import Group, GroupStatus, VolumeType


async def check(
    db: Transaction, group_id: str | None, project_id: str, kind: VolumeType, *, named: bool, is_admin: bool
) -> None:
    """Refuse a new volume that its group cannot have. named: whether the request says which type.

    The group stays as it is until the transaction ends: it is not deleted before it has the volume.
    """
    if group_id is None:
        return
    group = await db.one(Group, Group.c.id == group_id, for_update=True)
    if group is None or not (is_admin or group.project_id == project_id):
        raise GroupNotFound(id=group_id)
    if group.status is not GroupStatus.AVAILABLE:
        raise InvalidGroup(reason=f"Group {group.id} status must be available, but is {group.status}.")
    if not named:
        raise InvalidInput(reason="volume_type must be provided when creating a volume in a group.")
    if kind.id not in group.volume_types:
        raise InvalidInput(reason=f"Invalid volume_type {kind.name}: group {group.id} has no volumes of it.")
