"""The volumes that servers have as disks."""

from datetime import datetime

from cumulo.core import clock, ids
from cumulo.core.db import Boolean, Index, Integer, Model, String, When, column


class BlockDeviceMapping(Model, table="compute_block_device_mappings"):
    """A volume of a server; without `volume_id`, one that the server's creation has yet to make.

    `attachment_id` is block storage's. `created`: made for this server, and deleted again if that fails.
    `attached`: the guest has been given it. `detaching`: it is being taken away, so no start brings it back.
    """

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    server_id: str = column(String(36))
    volume_id: str | None = column(String(36), default=None, index=True)
    attachment_id: str | None = column(String(36), default=None)
    source_type: str = column(String(16), default="volume")  # volume, snapshot, image, blank
    image_id: str | None = column(String(36), default=None)
    snapshot_id: str | None = column(String(36), default=None)
    size_gib: int | None = column(Integer, default=None)
    volume_type: str | None = column(String(255), default=None)
    device_name: str = column(String(32), default="")  # /dev/vdb
    bus: str = column(String(16), default="virtio")
    boot_index: int | None = column(Integer, default=None)
    delete_on_termination: bool = column(Boolean, default=False)
    tag: str | None = column(String(60), default=None)
    created: bool = column(Boolean, default=False)
    attached: bool = column(Boolean, default=False)
    detaching: bool = column(Boolean, default=False)
    created_at: datetime = column(When, default_factory=clock.now)
    __extra__ = (Index("server_id", "created_at"),)

    @property
    def device(self) -> str:
        """Its name in the guest, without the folder: `vdb`."""
        return self.device_name.removeprefix("/dev/")
