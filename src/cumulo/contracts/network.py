"""What compute asks of the network service."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from cumulo.contracts.metadata import MetadataNetwork
from cumulo.core.db import Reader
from cumulo.core.work import Work


class NetworkRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a server's `networks`."""

    network_id: str | None = None
    port_id: str | None = None
    fixed_ip: str | None = None
    tag: str | None = None


class FixedIp(msgspec.Struct, frozen=True, kw_only=True):
    """An address of a port with what its guest must know of the subnet."""

    subnet_id: str
    address: str
    version: int
    cidr: str
    gateway: str | None
    dns: tuple[str, ...] = ()
    routes: tuple[tuple[str, str], ...] = ()  # destination, next hop


class PortBinding(msgspec.Struct, frozen=True, kw_only=True):
    """A port given to a server."""

    port_id: str
    network_id: str
    network_name: str
    mac: str
    mtu: int
    fixed_ips: tuple[FixedIp, ...]
    created: bool  # made for this server, so it goes with it


class ServerAddress(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a server's `addresses`."""

    network_name: str
    address: str
    version: int
    mac: str
    kind: str  # fixed, floating
    port_id: str


class Ports(Protocol):
    """Ports for servers, in the caller's own transaction."""

    async def check(
        self,
        db: Reader,
        requests: Sequence[NetworkRequest] | None,
        *,
        project_id: str,
        is_admin: bool,
        security_groups: Sequence[str] = (),
    ) -> tuple[list[NetworkRequest], list[str]]:
        """Resolve a server's request before it is accepted; return (networks, security group ids).

        None means automatic: the project's only network; none at all gives []; several are a Conflict.
        Unknown networks, ports in use, addresses outside a subnet and unknown groups (by name or id) are
        Invalid or Conflict, with the value named.
        """

    async def allocate(
        self,
        work: Work,
        server_id: str,
        requests: Sequence[NetworkRequest],
        *,
        project_id: str,
        host: str,
        hostname: str,
        security_group_ids: Sequence[str],
        zone: str,
    ) -> list[PortBinding]:
        """Create or take the ports, bound to `host`; a second call returns the same ones."""

    async def release(self, work: Work, server_id: str) -> None:
        """Delete the ports made for the server, unbind those it was given."""

    async def bindings(self, db: Reader, server_id: str) -> list[PortBinding]:
        """Return the server's ports, in the order in which it got them."""

    async def addresses(self, db: Reader, server_ids: Sequence[str]) -> Mapping[str, list[ServerAddress]]:
        """Return fixed and floating addresses of many servers with a fixed number of queries."""

    async def security_groups(self, db: Reader, server_ids: Sequence[str]) -> Mapping[str, list[str]]:
        """Return the names of the groups on each server's ports."""

    async def change_security_group(self, work: Work, server_id: str, group: str, *, present: bool) -> None:
        """Put a group (by name or id, of the server's project) on the server's ports, or take it off.

        NotFound for an unknown group, and for one to take off that none of the ports has.
        """

    async def active(self, db: Reader, port_ids: Sequence[str]) -> bool:
        """Say whether all these ports are ACTIVE (wired on their host)."""

    async def server_at(self, db: Reader, network_id: str, address: str) -> str | None:
        """Return the id of the server whose port has this fixed address on this network."""

    async def network_data(self, db: Reader, server_id: str) -> dict[str, Any]:
        """Return OpenStack's `network_data.json` for the server (links, networks, services)."""

    async def metadata_networks(self, db: Reader, host: str) -> list[MetadataNetwork]:
        """Return the networks with a port bound to this host, each with its OVN localport."""
