"""What the network service and the nodes ask of compute."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from cumulo.contracts.volumes import BlockAccess, Exchange
from cumulo.core.db import Reader, Transaction
from cumulo.core.work import Work


class GuestMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """What a guest may learn of itself."""

    server_id: str
    name: str
    hostname: str
    project_id: str
    user_data: bytes | None
    metadata: Mapping[str, str]
    keys: Mapping[str, str]  # key name → public key
    launch_index: int
    availability_zone: str
    flavor_name: str
    image_id: str | None
    reservation_id: str
    created_at: str
    local_address: str | None
    public_address: str | None
    security_groups: tuple[str, ...]
    network_data: dict[str, Any]
    admin_password: str | None = None
    password: str | None = None  # what the guest itself posted, encrypted to the server's key
    files: tuple[tuple[str, bytes], ...] = ()  # to write into its file system: path, content
    devices: tuple[dict[str, Any], ...] = ()  # what its request gave tags, as `meta_data.json` has it


class Kept(StrEnum):
    """What became of a password that a guest posted."""

    KEPT = "kept"
    SET_ALREADY = "set already"
    NO_GUEST = "no guest"


class ConsoleGrant(msgspec.Struct, frozen=True, kw_only=True):
    """The right, used up by asking for it, to one server's screen, or to its serial port."""

    server_id: str
    host: str
    is_serial: bool = False


class Servers(Protocol):
    """Facts about servers, and what must be told to them."""

    async def metadata_at(self, db: Reader, network_id: str, address: str) -> GuestMetadata | None:
        """Return the metadata of the server with this fixed address on this network."""

    async def keep_password(self, db: Transaction, network_id: str, address: str, password: str) -> Kept:
        """Keep what the server with this fixed address encrypted to its key, unless it has one already."""

    async def redeem_console(self, db: Transaction, token: str) -> ConsoleGrant | None:
        """Use up a console's token; None when it is unknown, used or out of date."""

    async def addresses_changed(self, work: Work, server_ids: Sequence[str]) -> None:
        """Note that these servers' ports, addresses, groups or floating IPs changed."""

    async def volume_grown(
        self, work: Work, server_ids: Sequence[str], volume_id: str, size_gib: int
    ) -> None:
        """Promise that the guests of these servers see the new size of a volume that they have."""

    async def exchange_volume(
        self, db: Reader, server_id: str, volume_id: str, access: BlockAccess, *, hold: bool = False
    ) -> Exchange:
        """Have a guest's disk of a volume lie where `access` leads, as `Hypervisor.exchange_volume` does.

        Outside of any transaction. Permanent when the server is off, gone, or without the volume.
        """

    async def keep_volume(self, db: Reader, server_id: str, volume_id: str, access: BlockAccess) -> bool:
        """Give that up; False when the guest works there already. Outside of any transaction."""
