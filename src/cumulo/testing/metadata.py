"""A control plane's answers about metadata, in memory."""

import msgspec

from cumulo.contracts.compute import GuestMetadata, Kept
from cumulo.contracts.metadata import MetadataNetwork


def a_guest(**changes: object) -> GuestMetadata:
    """Return a guest's metadata with something in every field, changed as asked."""
    guest = GuestMetadata(
        server_id="0b7e3a52-93a4-4f1a-8b0e-6f2a1d9c7e11",
        name="web",
        hostname="web",
        project_id="6f70656e737461636b",
        user_data=b"#!/bin/sh\necho hello\n",
        metadata={"role": "front"},
        keys={"mine": "ssh-ed25519 AAAA me"},
        launch_index=0,
        availability_zone="nova",
        flavor_name="m1.tiny",
        image_id="5bd3f1a0-0000-4000-8000-000000000000",
        reservation_id="r-abcdefgh",
        created_at="2026-11-21T04:00:00Z",
        local_address="10.0.0.5",
        public_address="172.24.4.9",
        security_groups=("default", "ssh"),
        network_data={"links": [], "networks": [], "services": []},
        devices=({"type": "disk", "bus": "pci", "address": "none", "tags": ["logs"]},),
    )
    return msgspec.structs.replace(guest, **changes)


class FakeMetadata:
    """A `Metadata`: tests fill `known_networks` and `guests`, (network id, address) → guest."""

    def __init__(self) -> None:
        self.known_networks: list[MetadataNetwork] = []
        self.guests: dict[tuple[str, str], GuestMetadata] = {}
        self.error: Exception | None = None

    async def networks(self, host: str) -> list[MetadataNetwork]:
        """Return `known_networks`, whatever the host."""
        del host
        if self.error is not None:
            raise self.error
        return list(self.known_networks)

    async def guest(self, network_id: str, address: str) -> GuestMetadata | None:
        """Return what `guests` holds."""
        if self.error is not None:
            raise self.error
        return self.guests.get((network_id, address))

    async def keep_password(self, network_id: str, address: str, password: str) -> Kept:
        """Keep a guest's first password."""
        guest = await self.guest(network_id, address)
        if guest is None:
            return Kept.NO_GUEST
        if guest.password:
            return Kept.SET_ALREADY
        self.guests[network_id, address] = msgspec.structs.replace(guest, password=password)
        return Kept.KEPT
