"""How long a network's packets may be, in bytes."""

from collections.abc import Iterable

from cumulo.core.work import Work
from cumulo.services.network.config import NetworkSettings
from cumulo.services.network.domain.segments import PHYSICAL
from cumulo.services.network.errors import InvalidInput, NetworkMTUSubnetConflict
from cumulo.services.network.model import Network, Segment, Subnet

LEAST = {4: 68, 6: 1280}
"""What each IP version needs: RFC 791 and RFC 8200."""


def chosen(work: Work, mtu: int | None, types: Iterable[str]) -> int:
    """Return the MTU of a network of segments of these types: the most that all carry, or less if asked."""
    settings = work.use(NetworkSettings)
    most = settings.physical_mtu if all(kind in PHYSICAL for kind in types) else settings.overlay_mtu
    if mtu and mtu > most:
        raise InvalidInput(reason=f"the MTU {mtu} is too big: the most is {most}", field="mtu")
    return mtu or most


async def changed(work: Work, network: Network, mtu: int) -> int:
    """Return a network's new MTU, which its subnets must allow. NetworkMTUSubnetConflict."""
    parts = await work.db.all(Segment, Segment.c.network_id == network.id)
    mtu = chosen(work, mtu, [part.network_type for part in parts])
    rows = await work.db.all(Subnet, Subnet.c.network_id == network.id)
    check(network.id, mtu, {row.ip_version for row in rows})
    return mtu


def check(network_id: str, mtu: int, versions: Iterable[int]) -> None:
    """Refuse an MTU that is too low for an IP version. NetworkMTUSubnetConflict."""
    for version in versions:
        if mtu < LEAST[version]:
            raise NetworkMTUSubnetConflict(id=network_id, mtu=mtu, version=version, least=LEAST[version])
