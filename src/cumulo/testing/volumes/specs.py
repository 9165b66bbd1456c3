"""What the parts of the contract suite share: specs, ids, and what an attached volume is."""

import uuid
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from cumulo.contracts.volumes import BlockAccess, StoredVolume, VolumeSpec
from cumulo.node.volumes.driver import PoolDriver

MIB = 1 << 20
PASSPHRASE = "correct horse, battery staple"  # noqa: S105  of test volumes; with a comma, as QEMU quotes it


class Device(Protocol):
    """An attached volume. Offsets and lengths in bytes."""

    async def size(self) -> int:
        """Return how long it is."""

    async def read(self, offset: int, length: int) -> bytes:
        """Return a piece."""

    async def write(self, offset: int, data: bytes) -> None:
        """Write a piece."""


Attach = Callable[[BlockAccess], AbstractAsyncContextManager[Device]]


def a_volume(size_gib: int = 1, **more: str) -> VolumeSpec:
    """Return the spec of a new volume."""
    return VolumeSpec(volume_id=str(uuid.uuid4()), size_gib=size_gib, **more)  # type: ignore[arg-type]


def sealed(size_gib: int = 1) -> VolumeSpec:
    """Return the spec of a new encrypted volume."""
    return a_volume(size_gib, cipher="aes-xts-plain64", passphrase=PASSPHRASE)


def unlocked(access: BlockAccess) -> BlockAccess:
    """Return the access by which QEMU opens an encrypted volume, as the service makes it."""
    return msgspec.structs.replace(access, format="luks", passphrase=PASSPHRASE)


def new_id() -> str:
    """Return an id of a snapshot or an export."""
    return str(uuid.uuid4())


async def content(pool: PoolDriver, volume_id: str, offset: int, length: int) -> bytes:
    """Return a piece of a volume as it is now, by way of a snapshot."""
    snapshot = new_id()
    await pool.create_snapshot(volume_id, snapshot)
    try:
        return await pool.read(volume_id, snapshot, offset, length)
    finally:
        await pool.delete_snapshot(volume_id, snapshot)


async def found(pool: PoolDriver, reference: str) -> StoredVolume | None:
    """Return what is stored under a reference."""
    return next((one for one in await pool.stored() if one.reference == reference), None)
