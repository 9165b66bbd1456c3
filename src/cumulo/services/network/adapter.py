"""The network service's face to the others."""

from collections.abc import Mapping, Sequence
from typing import Any

from cumulo.contracts.metadata import MetadataNetwork
from cumulo.contracts.network import NetworkRequest, PortBinding, ServerAddress
from cumulo.core.db import Reader
from cumulo.core.errors import Invalid, NotFound
from cumulo.core.work import Work
from cumulo.services.network.domain import guests, security_groups, servers
from cumulo.services.network.model import Port, Status


class PortsAdapter:
    """Fulfils `cumulo.contracts.network.Ports`, in the caller's transaction."""

    async def check(
        self,
        db: Reader,
        requests: Sequence[NetworkRequest] | None,
        *,
        project_id: str,
        is_admin: bool,
        security_groups: Sequence[str] = (),
    ) -> tuple[list[NetworkRequest], list[str]]:
        """Resolve a server's request before it is accepted."""
        wanted = await servers.check(db, requests, project_id=project_id, is_admin=is_admin)
        return wanted, await _group_ids(db, security_groups, project_id)

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
        del hostname
        return await servers.allocate(
            work,
            server_id,
            requests,
            project_id=project_id,
            host=host,
            group_ids=security_group_ids,
            zone=zone,
        )

    async def release(self, work: Work, server_id: str) -> None:
        """Delete the ports made for the server, unbind those it was given."""
        await servers.release(work, server_id)

    async def bindings(self, db: Reader, server_id: str) -> list[PortBinding]:
        """Return the server's ports, in the order in which it got them."""
        return await servers.bindings(db, server_id)

    async def addresses(self, db: Reader, server_ids: Sequence[str]) -> Mapping[str, list[ServerAddress]]:
        """Return fixed and floating addresses of many servers."""
        return await servers.addresses_of(db, server_ids)

    async def security_groups(self, db: Reader, server_ids: Sequence[str]) -> Mapping[str, list[str]]:
        """Return the names of the groups on each server's ports."""
        return await servers.groups_of(db, server_ids)

    async def change_security_group(self, work: Work, server_id: str, group: str, *, present: bool) -> None:
        """Put a group on the server's ports, or take it off."""
        await servers.change_group(work, server_id, group, present=present)

    async def active(self, db: Reader, port_ids: Sequence[str]) -> bool:
        """Say whether all these ports are ACTIVE."""
        down = (Port.c.id.in_(list(port_ids)), Port.c.status != Status.ACTIVE.value)
        return not await db.exists(Port, *down)

    async def server_at(self, db: Reader, network_id: str, address: str) -> str | None:
        """Return the id of the server whose port has this address on this network."""
        return await guests.server_at(db, network_id, address)

    async def network_data(self, db: Reader, server_id: str) -> dict[str, Any]:
        """Return `network_data.json` for the server."""
        return guests.network_data(await servers.bindings(db, server_id))

    async def metadata_networks(self, db: Reader, host: str) -> list[MetadataNetwork]:
        """Return the networks with a guest's port on this host, each with its localport."""
        return await guests.metadata_networks(db, host)


async def _group_ids(db: Reader, names: Sequence[str], project_id: str) -> list[str]:
    """Resolve groups by name or id; `default` may not exist yet and is then left to the port."""
    wanted = [name for name in names if name != security_groups.DEFAULT]
    if len(names) > len(wanted):
        try:
            return await security_groups.resolve(db, names, project_id=project_id)
        except NotFound:
            if not wanted:
                return []
    try:
        return await security_groups.resolve(db, wanted, project_id=project_id)
    except NotFound as error:
        raise Invalid(error.message) from error
