"""Networks and floating IPs for compute's API until 2.35: implements `FormerNetworkCalls`."""

from collections.abc import Sequence

from cumulo.contracts.network import ShownFloatingIp, ShownNetwork
from cumulo.core.db import Reader
from cumulo.core.errors import NotFound
from cumulo.core.quota import Quota
from cumulo.core.work import Work
from cumulo.services.network.domain import floating_ips, networks, sharing
from cumulo.services.network.errors import FloatingIPNotFound, IpAddressGenerationFailure
from cumulo.services.network.model import EXTERNAL, SHARED, FloatingIp, Network, Port

_COMPUTE = "compute:"  # how the owner of a server's port begins


class PoolNotFound(NotFound):
    """Floating IP pool not found."""


class PoolIsEmpty(NotFound):
    """No more floating IPs in pool {pool}."""


class FormerNetworkCallsAdapter:
    """Implements `FormerNetworkCalls`."""

    async def networks(self, db: Reader, *, project_id: str | None) -> list[ShownNetwork]:
        """Return the networks that a project sees."""
        return [_network(row) for row in await _visible(db, project_id, SHARED, EXTERNAL)]

    async def network(self, db: Reader, network_id: str, *, project_id: str | None) -> ShownNetwork:
        """Return one of them."""
        is_admin = project_id is None
        return _network(await networks.find(db, network_id, project_id=project_id, is_admin=is_admin))

    async def pools(self, db: Reader, *, project_id: str | None) -> list[ShownNetwork]:
        """Return the external networks, of which a project may take floating IPs."""
        return [_network(row) for row in await _pools(db, project_id)]

    async def floating_ips(self, db: Reader, *, project_id: str | None) -> list[ShownFloatingIp]:
        """Return a project's floating IPs."""
        own = () if project_id is None else (FloatingIp.c.project_id == project_id,)
        return await _shown(db, await db.all(FloatingIp, *own, order_by=(FloatingIp.c.created_at,)))

    async def floating_ip(self, db: Reader, id: str, *, project_id: str | None) -> ShownFloatingIp:
        """Return one of them."""
        return (await _shown(db, [await _found(db, id, project_id)]))[0]

    async def create_floating_ip(
        self, work: Work, *, project_id: str, is_admin: bool, pool: str | None
    ) -> ShownFloatingIp:
        """Take an address of a pool, by name or id (None: the default one), within the project's quota."""
        pools = await _pools(work.db, None if is_admin else project_id)
        named = [row for row in pools if pool in (row.name, row.id)] if pool else pools
        chosen = next((row for row in named if row.is_default), named[0] if named else None)
        if chosen is None:
            raise PoolNotFound
        await work.use(Quota).claim(work, "network", project_id, {"floatingip": 1})
        try:
            row = await floating_ips.create(work, chosen, project_id)
        except IpAddressGenerationFailure as error:
            raise PoolIsEmpty(pool=chosen.name) from error
        return (await _shown(work.db, [row]))[0]

    async def delete_floating_ip(self, work: Work, id: str, *, project_id: str | None) -> None:
        """Give an address back."""
        await floating_ips.delete(work, await _found(work.db, id, project_id))


async def _visible(db: Reader, project_id: str | None, *how: str) -> list[Network]:
    seen = () if project_id is None else (sharing.usable(Network, project_id, *how),)
    return await db.all(Network, *seen, order_by=(Network.c.created_at, Network.c.id))


async def _pools(db: Reader, project_id: str | None) -> list[Network]:
    return [row for row in await _visible(db, project_id, EXTERNAL) if row.external]


async def _found(db: Reader, id_: str, project_id: str | None) -> FloatingIp:
    row = await db.get(FloatingIp, id_)
    if row is None or project_id not in (None, row.project_id):
        raise FloatingIPNotFound(id=id_)
    return row


async def _shown(db: Reader, rows: Sequence[FloatingIp]) -> list[ShownFloatingIp]:
    """Return floating IPs with their networks' names and their servers: three queries for all."""
    names = {}
    if rows:
        wanted = {row.floating_network_id for row in rows}
        names = {network.id: network.name for network in await db.all(Network, Network.c.id.in_(wanted))}
    port_ids = [row.port_id for row in rows if row.port_id is not None]
    ports = await db.all(Port, Port.c.id.in_(port_ids)) if port_ids else []
    servers: dict[str | None, str] = {
        port.id: port.device_id for port in ports if port.device_owner.startswith(_COMPUTE)
    }
    return [
        ShownFloatingIp(
            id=row.id,
            address=row.floating_ip_address,
            pool=names.get(row.floating_network_id, ""),
            fixed_address=row.fixed_ip_address,
            server_id=servers.get(row.port_id),
        )
        for row in rows
    ]


def _network(row: Network) -> ShownNetwork:
    return ShownNetwork(id=row.id, name=row.name)
