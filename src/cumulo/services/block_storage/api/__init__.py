"""Block storage's API: what it declares."""

from cumulo.services.block_storage.api import versions, volume_actions, volumes
from cumulo.services.block_storage.api.dialect import DIALECT

PARTS = (
    versions.routes,
    volumes.routes,
    volume_actions.PART,
)

__all__ = ["DIALECT", "PARTS"]
