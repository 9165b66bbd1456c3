"""What compute asks of two hosts between which a running guest goes. Beside `hypervisor`, on the same hosts.

The old host says what the guest carries with it (`outline`), the new one makes room for that (`prepare`),
the old one sends the guest there (`migrate`), the new one sees to what it needs from then on (`welcome`).
What the guest leaves behind goes by the hypervisor's `remove`, also when it never came.
"""

from typing import Protocol

import msgspec

from cumulo.contracts.hypervisor import GuestSpec, GuestState


class Luggage(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the guest's own that it writes to as a disk: `device` in the guest, `name` in its folder."""

    device: str
    name: str
    format: str
    size_bytes: int


class Landing(msgspec.Struct, frozen=True, kw_only=True):
    """How a guest is to be called on its new host, and what of it lies where there. It holds no secrets.

    daemon: how the old host's libvirt reaches the new one's; address: where the guest's memory is sent to.
    certified: the name in the certificate that the new host shows; with "" the guest travels in the clear.
    volumes: the disks of volumes by their ids, as XML.
    """

    domain: str
    folder: str
    screen: str  # the VNC server's Unix socket
    daemon: str
    address: str
    certified: str = ""
    volumes: dict[str, str] = {}


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a guest's migration is; bytes."""

    memory_total: int = 0
    memory_processed: int = 0
    memory_remaining: int = 0
    disk_total: int = 0
    disk_processed: int = 0
    disk_remaining: int = 0


class LiveMigration(Protocol):
    """A host that guests leave and come to while they run."""

    async def outline(self, server_id: str) -> list[Luggage]:
        """Say what a running guest would carry with it. GuestMissing when it does not run here."""

    async def prepare(self, spec: GuestSpec, luggage: list[Luggage], *, fence: int = 0) -> Landing:
        """Have disks, network cards and secrets ready for a guest that is to come."""

    async def migrate(
        self, server_id: str, landing: Landing, luggage: list[Luggage], *, fence: int = 0
    ) -> None:
        """Send a guest to its new host; one that has left is no error, one on its way is waited for.

        Permanent says why it did not get there; then it goes on here. Meanwhile it may do nothing, and it may
        arrive doing nothing: `welcome` lets it go on.
        """

    async def progress(self, server_id: str) -> Progress:
        """Say how far a guest's migration is; nothing of one that is not on its way."""

    async def abort(self, server_id: str) -> None:
        """Have a guest that is on its way stay; one that is not is no error."""

    async def hasten(self, server_id: str) -> None:
        """Let a guest that is on its way do nothing until it is there, so that it gets there soon."""

    async def welcome(self, server_id: str, *, running: bool) -> GuestState:
        """See to a guest that has come, or that stays after all; say what it does.

        running: let it go on if it was made to do nothing for its migration.
        """


class Tenure(Protocol):
    """What a host asks the control plane before it says that it is there."""

    async def strangers(self, host: str, server_ids: list[str]) -> dict[str, int]:
        """Return those of these guests that have no business on the host, each with a fence to end it by."""
