"""Compute's face to the other services and to the nodes."""

from collections.abc import Sequence
from typing import Any

from cumulo.contracts.compute import ConsoleGrant, GuestMetadata
from cumulo.contracts.network import Ports
from cumulo.core.db import Reader, Transaction
from cumulo.core.work import Work
from cumulo.services.compute import addresses, history
from cumulo.services.compute.domain import consoles
from cumulo.services.compute.guests import Use, guest_metadata
from cumulo.services.compute.model import BlockDeviceMapping, Server
from cumulo.services.compute.tasks import GrowVolume


class ServersAdapter:
    """Implements `cumulo.contracts.compute.Servers`. `use` returns what is bound to a contract."""

    def __init__(self, use: Use[Any]) -> None:
        self._use = use

    async def metadata_at(self, db: Reader, network_id: str, address: str) -> GuestMetadata | None:
        """Return the metadata of the server with this fixed address on this network."""
        server_id = await self._use(Ports).server_at(db, network_id, address)
        server = await db.get(Server, server_id) if server_id is not None else None
        if server is None or server.deleted_at is not None:
            return None
        return await guest_metadata(db, self._use, server)

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
        here = BlockDeviceMapping.c.server_id.in_(list(server_ids))
        for mapping in await work.db.all(
            BlockDeviceMapping, here, BlockDeviceMapping.c.volume_id == volume_id
        ):
            server = await work.db.get(Server, mapping.server_id)
            if server is None or server.deleted_at is not None:
                continue
            who = {"user_id": server.user_id, "project_id": server.project_id}
            action = await history.begin(work, server.id, "extend_volume", **who)
            await work.start(
                GrowVolume(server_id=server.id, mapping_id=mapping.id, action_id=action, size_gib=size_gib)
            )
