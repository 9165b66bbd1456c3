"""Compute's face to the other services and to the nodes."""

from collections.abc import Sequence
from typing import Any

from cumulo.contracts.compute import ConsoleGrant, GuestMetadata, Kept
from cumulo.contracts.network import Ports
from cumulo.contracts.volumes import BlockAccess, Exchange
from cumulo.core.db import Reader, Transaction
from cumulo.core.work import Work
from cumulo.services.compute import addresses
from cumulo.services.compute.domain import consoles, volumes
from cumulo.services.compute.guests import Use, guest_metadata
from cumulo.services.compute.model import Server


class ServersAdapter:
    """Implements `cumulo.contracts.compute.Servers`. `use` returns what is bound to a contract."""

    def __init__(self, use: Use[Any]) -> None:
        self._use = use

    async def metadata_at(self, db: Reader, network_id: str, address: str) -> GuestMetadata | None:
        """Return the metadata of the server with this fixed address on this network."""
        server = await self._at(db, network_id, address)
        return await guest_metadata(db, self._use, server) if server is not None else None

    async def keep_password(self, db: Transaction, network_id: str, address: str, password: str) -> Kept:
        """Keep what the server with this fixed address encrypted to its key, unless it has one already."""
        server = await self._at(db, network_id, address)
        if server is None:
            return Kept.NO_GUEST
        held = await db.one(Server, Server.c.id == server.id, for_update=True)
        if held is None or held.password:
            return Kept.SET_ALREADY if held is not None else Kept.NO_GUEST
        await db.update(Server, Server.c.id == server.id, password=password)
        return Kept.KEPT

    async def _at(self, db: Reader, network_id: str, address: str) -> Server | None:
        """Return the server with this fixed address on this network."""
        server_id = await self._use(Ports).server_at(db, network_id, address)
        server = await db.get(Server, server_id) if server_id is not None else None
        return None if server is None or server.deleted_at is not None else server

    async def redeem_console(self, db: Transaction, token: str) -> ConsoleGrant | None:
        """Use up a console's token; None when it is unknown, used or out of date."""
        return await consoles.redeem(db, token)

    async def addresses_changed(self, work: Work, server_ids: Sequence[str]) -> None:
        """Write anew what these servers' documents say of their ports."""
        await addresses.refresh(work.db, self._use(Ports), server_ids)

    async def volume_grown(
        self, work: Work, server_ids: Sequence[str], volume_id: str, size_gib: int
    ) -> None:
        """Promise that the guests of these servers see the new size of a volume that they have."""
        await volumes.grown(work, server_ids, volume_id, size_gib)

    async def exchange_volume(
        self, db: Reader, server_id: str, volume_id: str, access: BlockAccess, *, hold: bool = False
    ) -> Exchange:
        """Take a step of the way of a guest's disk to where `access` leads."""
        return await volumes.exchange(db, self._use, server_id, volume_id, access, hold=hold)

    async def keep_volume(self, db: Reader, server_id: str, volume_id: str, access: BlockAccess) -> bool:
        """Give that up; False when the guest works there already."""
        return await volumes.stay(db, self._use, server_id, volume_id, access)
