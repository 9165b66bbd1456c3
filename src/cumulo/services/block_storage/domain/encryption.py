"""How volumes of a type are encrypted: by QEMU, in LUKS format."""

from typing import Any

from cumulo.core import clock
from cumulo.core.db import Reader
from cumulo.core.http import Ctx
from cumulo.services.block_storage.domain.types import is_used
from cumulo.services.block_storage.errors import (
    BadRequest,
    InvalidInput,
    TypeEncryptionExists,
    TypeEncryptionInUse,
    TypeEncryptionNotFound,
)
from cumulo.services.block_storage.model import Encryption, VolumeType
from cumulo.services.block_storage.schema.types import EncryptionBody, EncryptionChange

PLACES = ("front-end", "back-end")
FRONT_END = "front-end"
LUKS = "luks"
CIPHERS = ("aes", "serpent", "twofish", "cast5")
KEY_SIZES = (128, 192, 256, 512)
ITS_ONE = "provider"
"""What cinderclient, and Horizon by it, says in the place of the id: a type has one encryption."""


async def of_type(db: Reader, type_id: str) -> Encryption | None:
    """Return how a type's volumes are encrypted; None when they are not."""
    return await db.one(Encryption, Encryption.c.volume_type_id == type_id)


async def require(db: Reader, kind: VolumeType, encryption_id: str | None = None) -> Encryption:
    """Return how a type's volumes are encrypted. TypeEncryptionNotFound."""
    row = await of_type(db, kind.id)
    if row is None or encryption_id not in (None, ITS_ONE, row.encryption_id):
        raise TypeEncryptionNotFound(id=kind.id)
    return row


async def create(ctx: Ctx, kind: VolumeType, body: EncryptionBody) -> Encryption:
    """Have the volumes of a type encrypted that has none yet."""
    if await of_type(ctx.db, kind.id) is not None:
        raise TypeEncryptionExists(id=kind.id)
    await _check_unused(ctx, kind)
    check(body.given())
    row = Encryption(
        volume_type_id=kind.id,
        provider=body.provider,
        control_location=body.control_location,
        cipher=body.cipher,
        key_size=body.key_size,
    )
    await ctx.db.insert(row)
    return row


async def update(ctx: Ctx, kind: VolumeType, encryption_id: str, body: EncryptionChange) -> dict[str, Any]:
    """Change how the volumes to come are encrypted; return what changed."""
    row = await require(ctx.db, kind, encryption_id)
    await _check_unused(ctx, kind)
    changes = body.given()
    check(changes)
    where = Encryption.c.encryption_id == row.encryption_id
    await ctx.db.update(Encryption, where, updated_at=clock.now(), **changes)
    return changes


async def delete(ctx: Ctx, kind: VolumeType, encryption_id: str) -> None:
    """Encrypt a type's volumes no more."""
    row = await require(ctx.db, kind, encryption_id)
    await _check_unused(ctx, kind)
    await ctx.db.delete(Encryption, Encryption.c.encryption_id == row.encryption_id)


async def _check_unused(ctx: Ctx, kind: VolumeType) -> None:
    if await is_used(ctx.db, kind.id):
        raise TypeEncryptionInUse(id=kind.id)


def check(values: dict[str, Any]) -> None:
    """Refuse what QEMU cannot do. (A provider is refused when a volume is to be made.)"""
    place = values.get("control_location", FRONT_END)
    if place not in PLACES:
        raise BadRequest(reason=f"Invalid control_location '{place}'. Valid values: {', '.join(PLACES)}.")
    cipher = values.get("cipher")
    if cipher and cipher.partition("-")[0] not in CIPHERS:
        raise BadRequest(reason=f"Invalid cipher '{cipher}'. It must begin with {', '.join(CIPHERS)}.")
    size = values.get("key_size")
    if size and size not in KEY_SIZES:
        raise BadRequest(reason=f"Invalid key_size {size}. Valid values: {', '.join(map(str, KEY_SIZES))}.")


def check_provider(how: Encryption, kind: VolumeType) -> None:
    """Refuse a volume of a type whose encryption is none of QEMU's. InvalidInput names the provider."""
    if LUKS not in how.provider.lower():
        reason = (
            f"Volumes of type {kind.name} cannot be made: its encryption provider '{how.provider}' is not "
        )
        raise InvalidInput(reason=f"{reason}available; only luks is.")


async def item(db: Reader, kind: VolumeType, key: str) -> dict[str, Any]:
    """Return one word on how a type's volumes are encrypted."""
    row = await require(db, kind)
    known = {"provider", "cipher", "key_size", "control_location", "encryption_id", "volume_type_id"}
    if key not in known:
        raise TypeEncryptionNotFound(id=kind.id)
    return {key: getattr(row, key)}
