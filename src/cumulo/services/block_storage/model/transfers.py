"""Offers of volumes to other projects."""

from datetime import datetime

from cumulo.core import clock, ids
from cumulo.core.db import Binary, Boolean, Index, Model, String, When, column


class Transfer(Model, table="block_storage_transfers"):
    """A volume that its project offers to whoever has the key.

    key_hash: SHA-256 of the salt and the key, which nobody but who made the offer was told.
    """

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    volume_id: str = column(
        String(36), references="block_storage_volumes.id", on_delete="CASCADE", unique=True
    )
    project_id: str = column(String(64))
    name: str | None = column(String(255), default=None)
    salt: bytes = column(Binary)
    key_hash: bytes = column(Binary)
    no_snapshots: bool = column(Boolean, default=False)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime | None = column(When, default=None)
    __extra__ = (Index("project_id", "created_at", "id"),)
