"""What opens images that were made of encrypted volumes: kept beside them, sealed to each image's id.

An image names its key (`cinder_encryption_key_id`), as Cinder's do; the key itself never leaves the database
but sealed. The property alone opens nothing: the key is looked for by the image that it was made for.
"""

import struct
from collections.abc import Mapping
from typing import Any

import msgspec

from cumulo.contracts.image import ImageRecord
from cumulo.contracts.volumes import BlockAccess
from cumulo.core import ids
from cumulo.core.db import Reader, Transaction
from cumulo.services.block_storage.errors import InvalidInput
from cumulo.services.block_storage.keys import Use, VolumeKeys, passphrase
from cumulo.services.block_storage.model import ImageKey, Volume

NAMED, POLICY = "cinder_encryption_key_id", "cinder_encryption_key_deletion_policy"
GONE_WITH_IT = "on_image_deletion"
FORMAT = "raw"  # the only one: encrypted bytes as they lie, header and all
HEADER = 4096  # bytes that are read of a LUKS header: it begins with its fields
_PAYLOAD_AT = 104  # where it says in which sector the content begins (LUKS On-Disk Format 1.2.3, 2.1)
_SECTOR = 512


def properties() -> dict[str, str]:
    """Return what a new image of an encrypted volume says of its key."""
    return {NAMED: ids.dashed(), POLICY: GONE_WITH_IT}


async def keep(db: Transaction, use: Use, volume: Volume, image_id: str, key_id: str) -> None:
    """Keep what opens an image of an encrypted volume."""
    sealed = use(VolumeKeys).seal_bytes(passphrase(use(VolumeKeys), volume).encode(), image_id.encode())
    await db.insert(ImageKey(id=key_id, image_id=image_id, size_gib=volume.size, sealed_key=sealed))


async def forget(db: Transaction, image_id: str) -> None:
    """Forget what opened an image that is gone."""
    await db.delete(ImageKey, ImageKey.c.image_id == image_id)


async def of(db: Reader, image: ImageRecord) -> ImageKey | None:
    """Return what opens an image; None when it is not encrypted. InvalidInput when its key is not known."""
    if not image.properties.get(NAMED):
        return None
    found = await db.one(ImageKey, ImageKey.c.image_id == image.id)
    if found is None:
        raise InvalidInput(reason=f"Image {image.id} is encrypted, and its key is not known here.")
    return found


async def check(
    db: Reader, image: ImageRecord, *, project_id: str, is_admin: bool, encrypted: bool
) -> ImageKey | None:
    """Return what opens an image. InvalidInput when the project or a volume of that kind may not have it."""
    key = await of(db, image)
    if key is None:
        return None
    if not (is_admin or image.owner == project_id):
        raise InvalidInput(reason=f"Image {image.id} is encrypted: only its own project can use it.")
    if not encrypted:
        reason = f"Image {image.id} is encrypted: its content needs a volume of an encrypted type."
        raise InvalidInput(reason=reason)
    return key


def opened(access: BlockAccess, use: Use, image: ImageRecord, key: ImageKey | None) -> BlockAccess:
    """Return the access to an image, with what opens an encrypted one."""
    if key is None:
        return access
    secret = use(VolumeKeys).open_bytes(key.sealed_key, image.id.encode()).decode()
    return msgspec.structs.replace(access, format="luks", passphrase=secret)


def length(head: bytes, size_gib: int) -> int:
    """Return how many bytes an encrypted device of so much content has, from how its LUKS header begins."""
    (sectors,) = struct.unpack_from(">I", head, _PAYLOAD_AT)
    return int(sectors) * _SECTOR + (size_gib << 30)


def plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return an image's properties without its key's: what is made of it has another."""
    return {name: value for name, value in facts.items() if name not in (NAMED, POLICY)}
