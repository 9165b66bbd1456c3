"""What a node asks of the control plane to serve guests their metadata, over the bus.

The control plane serves these as verbs `metadata.networks`, `metadata.guest` and `metadata.keep_password`;
the composition root answers the first from the network service and the others from compute's `Servers`.
"""

from typing import Protocol

import msgspec

from cumulo.contracts.compute import GuestMetadata, Kept


class MetadataNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """A network whose guests a host must answer, and the OVN localport to do it through.

    `cidrs` are the localport's own addresses with prefix (`10.0.0.2/24`), one a subnet;
    169.254.169.254 is not among them. Replies to guests leave by the subnet's own route, so each
    subnet with guests needs one.
    """

    network_id: str
    port_id: str
    mac: str
    cidrs: tuple[str, ...]
    mtu: int = 1442


class Metadata(Protocol):
    """What nodes must know of networks and guests to serve 169.254.169.254."""

    async def networks(self, host: str) -> list[MetadataNetwork]:
        """Return the networks that have a guest's port bound to this host."""

    async def guest(self, network_id: str, address: str) -> GuestMetadata | None:
        """Return the metadata of the guest with this fixed address; None: no such guest."""

    async def keep_password(self, network_id: str, address: str, password: str) -> Kept:
        """Keep a password that the guest with this fixed address posted."""
