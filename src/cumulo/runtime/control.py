"""What nodes may ask of the control plane over the bus, answered from the services."""

from collections.abc import Mapping
from typing import Any

from cumulo.contracts.compute import GuestMetadata, Kept, Servers
from cumulo.contracts.metadata import MetadataNetwork
from cumulo.contracts.network import Ports
from cumulo.core.db import Database

CONTROL = "control"  # the control plane's name on the bus


class MetadataFromServices:
    """Fulfils `cumulo.contracts.metadata.Metadata` from network and compute."""

    def __init__(self, database: Database, bindings: Mapping[type, Any]) -> None:
        self._database = database
        self._bindings = bindings

    async def networks(self, host: str) -> list[MetadataNetwork]:
        """Return the networks that have a guest's port bound to this host."""
        async with self._database.read() as db:
            return list(await self._bindings[Ports].metadata_networks(db, host))

    async def guest(self, network_id: str, address: str) -> GuestMetadata | None:
        """Return the metadata of the guest with this fixed address; None: no such guest."""
        servers: Servers = self._bindings[Servers]
        async with self._database.read() as db:
            return await servers.metadata_at(db, network_id, address)

    async def keep_password(self, network_id: str, address: str, password: str) -> Kept:
        """Keep a password that the guest with this fixed address posted."""
        servers: Servers = self._bindings[Servers]
        async with self._database.begin() as db:
            return await servers.keep_password(db, network_id, address, password)
