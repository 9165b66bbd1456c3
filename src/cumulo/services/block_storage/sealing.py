"""Turning the keys that passphrases and the secrets of connections are sealed with."""

from typing import Any

import msgspec
import sqlalchemy

from cumulo.contracts.sealing import KEPT_KEYS
from cumulo.core.work import Work
from cumulo.services.block_storage.keys import VolumeKeys
from cumulo.services.block_storage.model import Backup, ImageKey, Volume, VolumeAttachment


class Sealed(msgspec.Struct, frozen=True):
    """A column of sealed bytes: the model, the column's name, and the column that they are bound to."""

    model: Any
    column: str
    about: str


SEALED = (
    Sealed(Volume, "sealed_key", "id"),
    Sealed(Backup, "sealed_key", "location"),
    Sealed(ImageKey, "sealed_key", "image_id"),
    Sealed(VolumeAttachment, "sealed_access", "id"),
)
"""Everything that block storage seals."""


class PassphrasesSealed:
    """Fulfils `cumulo.contracts.sealing.Sealing`."""

    async def reseal(self, work: Work) -> int:
        """Make a new key and seal everything anew by it; return how many."""
        keys = work.use(VolumeKeys)
        keys.rotate(keep=None)
        work.after_commit(lambda: keys.forget(KEPT_KEYS))
        return sum([await _reseal(work, keys, each) for each in SEALED])


async def _reseal(work: Work, keys: VolumeKeys, what: Sealed) -> int:
    """Seal a column's bytes anew where they are still the same: who changes them seals by the new key."""
    columns = what.model.c
    sealed = columns[what.column]
    query = sqlalchemy.select(columns["id"], columns[what.about], sealed).where(sealed.is_not(None))
    count = 0
    for key, about, before in await work.db.rows(query):
        after = keys.seal_bytes(keys.open_bytes(before, about.encode()), about.encode())
        same = (columns["id"] == key, sealed == before)
        count += await work.db.update(what.model, *same, **{what.column: after})
    return count
