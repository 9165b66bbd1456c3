"""What a host needs of a pool beyond the contract, and what all pools say alike."""

from typing import Any, Protocol

import msgspec

from cumulo.contracts.volumes import PoolReport, VolumePool
from cumulo.core.drivers import Gone, Permanent

GIB = 1 << 30
LARGEST_PIECE = 8 << 20  # bytes that `read` and `write` take at a time


class Room(msgspec.Struct, frozen=True):
    """Bytes that a pool has."""

    total: int
    free: int


class PoolName(msgspec.Struct, frozen=True, kw_only=True):
    """What a pool is called, as in `host@backend#pool`, its driver, and how full it may get."""

    host: str
    backend: str
    pool: str
    driver: str
    max_over_subscription_ratio: float = 20.0
    reserved_percentage: int = 0

    def report(self, room: Room, allocated_gib: float, **more: Any) -> PoolReport:
        """Return a report with what is said here and `more` of its fields."""
        return PoolReport(
            **msgspec.structs.asdict(self),
            total_gib=round(room.total / GIB, 2),
            free_gib=round(room.free / GIB, 2),
            allocated_gib=allocated_gib,
            **more,
        )


class PoolDriver(VolumePool, Protocol):
    """A pool that can be started and stopped."""

    async def start(self) -> None:
        """Connect; finish what a killed process left half done. Exports that are open stay so."""

    async def stop(self) -> None:
        """Disconnect; exports stay open."""


class VolumeGone(Gone):
    """The volume is not in the pool."""


class VolumeBusy(Permanent):
    """A volume's exports or snapshots forbid it."""


def gone(volume_id: str) -> VolumeGone:
    """Return the error of a volume that is not there."""
    return VolumeGone(f"volume {volume_id} is not in the pool")


def snapshot_gone(snapshot_id: str) -> VolumeGone:
    """Return the error of a snapshot that is not there."""
    return VolumeGone(f"snapshot {snapshot_id} is not in the pool")


def exported(volume_id: str) -> VolumeBusy:
    """Return the error of what may not be done while somebody may use the volume."""
    return VolumeBusy(f"volume {volume_id} is in use")


def has_snapshots(volume_id: str) -> VolumeBusy:
    """Return the error of a volume that cannot go before its snapshots."""
    return VolumeBusy(f"volume {volume_id} has snapshots")


def check_piece(offset: int, length: int, size: int) -> None:
    """Refuse a piece that is too long or not wholly inside a device of `size` bytes."""
    if not 0 <= length <= LARGEST_PIECE:
        raise Permanent(f"a piece of {length} bytes is longer than {LARGEST_PIECE}")
    if offset < 0 or offset + length > size:
        raise Permanent(f"{length} bytes at {offset} are not inside a device of {size} bytes")


def check_fits(needed: int, size: int) -> None:
    """Refuse content that is longer (bytes) than the volume that is to hold it."""
    if needed > size:
        raise Permanent(f"{needed} bytes of content do not fit into a volume of {size} bytes")
