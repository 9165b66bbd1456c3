"""Networks."""

from typing import Any

from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.network.config import NetworkSettings
from cumulo.services.network.domain import ports, security_groups
from cumulo.services.network.domain.changes import change, touch
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors import (
    ExternalNetworkInUse,
    InvalidInput,
    InvalidSharedSetting,
    NetworkInUse,
    NetworkNotFound,
)
from cumulo.services.network.model import FloatingIp, Network, Owner, Port, Router, Subnet

PHYSICAL = ("flat", "vlan")
_LEAST_MTU, _MOST_MTU = 68, 65535
_LEAST_V6_MTU = 1280


async def find(db: Reader, network_id: str, *, project_id: str | None, is_admin: bool = False) -> Network:
    """Return a network that the project can see; else NetworkNotFound."""
    network = await db.get(Network, network_id)
    if network is None or not (
        is_admin or network.shared or network.external or network.project_id == project_id
    ):
        raise NetworkNotFound(id=network_id)
    return network


async def create(work: Work, project_id: str, values: dict[str, Any]) -> Network:
    """Create a network; the project's default security group with it, at its first."""
    settings = work.use(NetworkSettings)
    kind = values.setdefault("provider_type", "geneve")
    if kind not in (*PHYSICAL, "geneve", "local"):
        raise InvalidInput(reason=f"network type '{kind}' is not supported")
    if (kind in PHYSICAL) != (values.get("physical_network") is not None):
        raise InvalidInput(reason=f"a network of type {kind} and its physical network do not agree")
    if kind == "vlan" and values.get("segmentation_id") is None:
        raise InvalidInput(reason="a VLAN network needs a segmentation id")
    limit = settings.physical_mtu if kind in PHYSICAL else settings.overlay_mtu
    values["mtu"] = values.get("mtu") or limit
    _check_mtu(values["mtu"])
    network = Network(project_id=project_id, **values)
    await work.db.insert(network)
    await security_groups.ensure_default(work, project_id)
    await touch(work, Kind.NETWORK, network.id)
    return network


async def update(work: Work, network: Network, values: dict[str, Any]) -> Network:
    """Change a network."""
    if "mtu" in values:
        _check_mtu(values["mtu"])
        if values["mtu"] < _LEAST_V6_MTU:
            await _refuse_small_mtu(work, network)
    if network.shared and values.get("shared") is False:
        await _refuse_unsharing(work, network)
    if network.external and values.get("external") is False:
        used = Router.c.gateway_network_id == network.id
        if await work.db.exists(Router, used):
            raise ExternalNetworkInUse(id=network.id)
    before = network.mtu
    await change(work.db, network, values)
    await touch(work, Kind.NETWORK, network.id)
    if network.mtu != before:
        rows = await work.db.all(Subnet, Subnet.c.network_id == network.id)
        await touch(work, Kind.SUBNET, *(row.id for row in rows))
    return network


def _check_mtu(mtu: int) -> None:
    if not _LEAST_MTU <= mtu <= _MOST_MTU:
        raise InvalidInput(reason=f"the MTU {mtu} is not within {_LEAST_MTU} to {_MOST_MTU}")


async def _refuse_small_mtu(work: Work, network: Network) -> None:
    where = (Subnet.c.network_id == network.id, Subnet.c.ip_version == 6)  # noqa: PLR2004  IP's version numbers are their own names
    if await work.db.exists(Subnet, *where):
        raise InvalidInput(reason=f"IPv6 needs an MTU of at least {_LEAST_V6_MTU}")


async def _refuse_unsharing(work: Work, network: Network) -> None:
    others = (
        Port.c.network_id == network.id,
        Port.c.project_id != network.project_id,
        Port.c.project_id != "",
    )
    foreign = (Subnet.c.network_id == network.id, Subnet.c.project_id != network.project_id)
    if await work.db.exists(Port, *others) or await work.db.exists(Subnet, *foreign):
        raise InvalidSharedSetting(id=network.id)


async def delete(work: Work, network: Network) -> None:
    """Delete a network that has no ports but our own, with its subnets and its unused floating IPs."""
    unused = (FloatingIp.c.floating_network_id == network.id, FloatingIp.c.port_id.is_(None))
    floating = await work.db.all(FloatingIp, *unused)
    held = {row.holder_port_id for row in floating}
    rows = await work.db.all(Port, Port.c.network_id == network.id)
    ours = (Owner.METADATA, Owner.DHCP)
    if any(port.device_owner not in ours and port.id not in held for port in rows):
        raise NetworkInUse(id=network.id)
    await work.db.delete(FloatingIp, *unused)
    for port in rows:
        await ports.remove(work, port)
    subnets = await work.db.all(Subnet, Subnet.c.network_id == network.id)
    await work.db.delete(Subnet, Subnet.c.network_id == network.id)
    await work.db.delete(Network, Network.c.id == network.id)
    await touch(work, Kind.SUBNET, *(subnet.id for subnet in subnets))
    await touch(work, Kind.NETWORK, network.id)
