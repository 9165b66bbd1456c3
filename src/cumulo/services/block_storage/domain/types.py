"""Volume types: finding the one that a request names, and the one for a request that names none."""

from cumulo.core.db import Reader
from cumulo.core.resource import as_bool
from cumulo.core.resource.query import BadParameter
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.errors import TypeNotFound, TypeUnknown
from cumulo.services.block_storage.model import DefaultType, TypeAccess, VolumeType

MULTIATTACH = "multiattach"
IS_TRUE = "<is>"


async def find(db: Reader, named: str, *, project_id: str | None, is_admin: bool) -> VolumeType:
    """Return a type by its id or name, if the project may use it. TypeUnknown."""
    kind = await db.get(VolumeType, named) or await db.one(VolumeType, VolumeType.c.name == named)
    if kind is None or not await may_use(db, kind, project_id=project_id, is_admin=is_admin):
        raise TypeUnknown(id=named)
    return kind


async def may_use(db: Reader, kind: VolumeType, *, project_id: str | None, is_admin: bool) -> bool:
    """Say whether a project may use a type."""
    if kind.is_public or is_admin:
        return True
    return project_id is not None and await db.get(TypeAccess, (kind.id, project_id)) is not None


async def default_for(db: Reader, settings: BlockStorageSettings, project_id: str | None) -> VolumeType:
    """Return the type of volumes whose request names none: the project's own default, else the cloud's."""
    own = await db.get(DefaultType, project_id) if project_id is not None else None
    if own is not None:
        kind = await db.get(VolumeType, own.volume_type_id)
        if kind is not None:
            return kind
    kind = await db.one(VolumeType, VolumeType.c.name == settings.default_type)
    if kind is None:
        raise TypeNotFound(id=settings.default_type)
    return kind


def is_multiattach(kind: VolumeType) -> bool:
    """Say whether a type's volumes may be given to several servers: `multiattach = <is> True`."""
    value = kind.extra_specs.get(MULTIATTACH, "")
    operator, _, text = value.partition(" ")
    try:
        return operator == IS_TRUE and as_bool(MULTIATTACH, text)
    except BadParameter:
        return False
