"""What block storage asks of a pool on a host. Drivers live in `cumulo.node.volumes`.

A pool keeps volumes and their snapshots under the ids the service gave them. Every verb is idempotent:
creating what exists and deleting what is gone both succeed, so that a step may run twice. All of these
are msgspec structs and cross the bus to another host unchanged. Sizes are GiB or bytes as named.

Errors are those of `cumulo.core.drivers`: Temporary, Permanent, Gone, Unsupported; each carries a
reason that may be shown to a user.
"""

from enum import StrEnum
from typing import Protocol

import msgspec


class BlockAccess(msgspec.Struct, frozen=True, kw_only=True):
    """How QEMU reaches a block device: what its own block client needs, nothing mounted on the host.

    `protocol` says how the rest is read:
    file    `path` is a file on this host
    nbd     `path` is a Unix socket (else `hosts`), `name` the export's name
    rbd     `name` is pool/image[@snapshot], `hosts` the monitors, `user` and `secret` the cephx key
    iscsi   `name` is the IQN and LUN as iqn/lun, `user` and `secret` are CHAP's
    nfs     `name` is the path under the export, of `hosts`

    `secret` and `passphrase` never reach a log, an error or a process's arguments.
    """

    protocol: str
    path: str = ""
    name: str = ""
    hosts: tuple[tuple[str, int], ...] = ()
    tls: bool = False
    user: str = ""
    secret: str = ""
    format: str = "raw"  # raw, qcow2, luks
    passphrase: str = ""  # of a LUKS device, opened by the QEMU that runs the guest
    read_only: bool = False

    def __repr__(self) -> str:
        return f"BlockAccess({self.protocol}, {self.path or self.name})"


class VolumeSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A volume as its pool must know it. `options` are extra specs of its type that a driver understands."""

    volume_id: str
    size_gib: int
    provisioning: str = "thin"  # thin, thick
    cipher: str = ""  # with `passphrase`: a LUKS volume, such as aes-xts-plain64
    key_bits: int = 256
    passphrase: str = ""
    options: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"VolumeSpec({self.volume_id}, {self.size_gib} GiB)"


class Exchange(StrEnum):
    """How far a guest's disk is on its way to another place."""

    NONE = "none"  # the copy has just been begun
    COPYING = "copying"
    READY = "ready"  # all is copied, and each write goes to both places
    DONE = "done"  # the guest works at the new place alone


class PoolReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a pool has. Published on the bus as `pool.report`, at start and every few seconds.

    Its name in the API is `host@backend#pool`.
    """

    host: str
    backend: str  # the section of the settings that declares it; also the type's volume_backend_name
    pool: str
    driver: str  # local, rbd, iscsi, nfs, fake
    protocol: str  # of the access it gives
    total_gib: float
    free_gib: float
    allocated_gib: float = 0.0
    thin: bool = True
    thick: bool = False
    multiattach: bool = True
    online_extend: bool = True
    max_over_subscription_ratio: float = 20.0
    reserved_percentage: int = 0


class StoredVolume(msgspec.Struct, frozen=True, kw_only=True):
    """A volume or snapshot found in a pool, known to the service or not. `reference` names it there."""

    reference: str
    size_gib: int
    volume_id: str | None = None
    snapshot_id: str | None = None
    source: str | None = None  # of a snapshot: its volume's reference
    in_use: bool = False


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """A run of bytes that hold something; what lies between extents reads as zeroes."""

    offset: int
    length: int


class VolumePool(Protocol):
    """One pool. The bus reaches it at host `host@backend`, by verbs `pool.<method>`."""

    async def report(self) -> PoolReport:
        """Say what the pool has and can."""

    async def create(self, spec: VolumeSpec, *, fence: int = 0) -> None:
        """Make an empty volume: every byte reads as zero, whatever lay there before."""

    async def create_from_snapshot(self, spec: VolumeSpec, snapshot_id: str, source_id: str) -> None:
        """Make a volume with a snapshot's content, of the spec's size, which is not smaller."""

    async def clone(self, spec: VolumeSpec, source_id: str) -> None:
        """Make a volume with another's content as it is now, also while that is attached."""

    async def fill(self, spec: VolumeSpec, source: BlockAccess) -> None:
        """Make a volume with the content of `source`, converted by a process with limits.

        Whatever was there is replaced; a killed fill run again begins anew.
        """

    async def replace(self, volume_id: str, source_id: str, kept_id: str) -> None:
        """Have a volume be what `source_id` of the same pool is, and `kept_id` what it was itself.

        Nothing is left under `source_id` then; where nothing is, nothing is done. So the same with the last
        two changed about takes it back, also after half of it. Permanent while either has a snapshot or an
        export.
        """

    async def delete(self, volume_id: str) -> None:
        """Remove a volume and all its bytes. Permanent while a snapshot or export of it exists."""

    async def extend(self, volume_id: str, size_gib: int) -> None:
        """Grow it, also while it is exported. Never shrinks."""

    async def create_snapshot(self, volume_id: str, snapshot_id: str) -> None:
        """Keep the content as it is now, also while the volume is exported."""

    async def delete_snapshot(self, volume_id: str, snapshot_id: str) -> None:
        """Forget a snapshot; the volume and what was made from the snapshot stay."""

    async def revert(self, volume_id: str, snapshot_id: str) -> None:
        """Bring a volume that is not exported back to a snapshot."""

    async def open(
        self, volume_id: str, export_id: str, *, read_only: bool = False, snapshot_id: str | None = None
    ) -> BlockAccess:
        """Export a volume or one of its snapshots (which is read-only); return how QEMU reaches it.

        Several exports of a volume may be open at once. Called again, it returns the same access.
        """

    async def close(self, volume_id: str, export_id: str) -> None:
        """End an export. Who still used it sees I/O errors."""

    async def exports(self) -> dict[str, str]:
        """Return the open exports: export id → volume id. The service closes those that nobody has."""

    async def extents(self, volume_id: str, snapshot_id: str) -> list[Extent]:
        """Return where a snapshot holds data, in order."""

    async def read(self, volume_id: str, snapshot_id: str, offset: int, length: int) -> bytes:
        """Return a piece of a snapshot (at most 8 MiB)."""

    async def write(self, volume_id: str, offset: int, data: bytes) -> None:
        """Write a piece into a volume that is not exported, as a restore does."""

    async def stored(self) -> list[StoredVolume]:
        """Return all that lies in the pool, also what nobody manages."""

    async def adopt(self, spec: VolumeSpec, reference: str) -> int:
        """Take a volume that lies in the pool under the spec's id; return its size in GiB."""

    async def adopt_snapshot(self, volume_id: str, snapshot_id: str, reference: str) -> int:
        """Take a snapshot of a managed volume; return its size in GiB."""

    async def abandon(self, volume_id: str) -> str:
        """Manage a volume no more, and leave its bytes; return the reference it lies under."""

    async def abandon_snapshot(self, volume_id: str, snapshot_id: str) -> str:
        """Manage a snapshot no more, in the same way."""
