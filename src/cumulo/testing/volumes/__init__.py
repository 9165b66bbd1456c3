"""What every driver of volume pools must do: the contract suite that the fake and the real ones pass.

A test module subclasses `VolumePoolContract` and gives two fixtures: `pool`, a started driver whose pool is
empty, and `attach`, which makes of a `BlockAccess` a device as whoever has the volume attached sees it.
"""

from cumulo.node.volumes.driver import GIB
from cumulo.testing.volumes.exports import EncryptionContract, ExportsContract
from cumulo.testing.volumes.plain import VolumesContract
from cumulo.testing.volumes.snapshots import SnapshotsContract
from cumulo.testing.volumes.specs import MIB, Attach, Device, a_volume, content, new_id, sealed, unlocked

__all__ = [
    "GIB",
    "MIB",
    "Attach",
    "Device",
    "EncryptionContract",
    "VolumePoolContract",
    "a_volume",
    "content",
    "new_id",
    "sealed",
    "unlocked",
]


class VolumePoolContract(VolumesContract, SnapshotsContract, ExportsContract):
    """The whole suite; subclass as `class TestMyPool(VolumePoolContract)`."""
