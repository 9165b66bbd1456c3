"""Networks."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy

from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.network.domain import mtus, names, ports, qos, security_groups, segments, sharing
from cumulo.services.network.domain.changes import change, touch
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors import (
    ExternalNetworkInUse,
    InvalidInput,
    InvalidSharedSetting,
    NetworkInUse,
    NetworkNotFound,
    RbacPolicyInUse,
)
from cumulo.services.network.errors.segments import SegmentsSetInConjunctionWithProviders
from cumulo.services.network.model import (
    EXTERNAL,
    SHARED,
    FloatingIp,
    Network,
    Owner,
    Port,
    RbacPolicy,
    Subnet,
)


async def find(db: Reader, network_id: str, *, project_id: str | None, is_admin: bool = False) -> Network:
    """Return a network that the project can see; else NetworkNotFound."""
    how = (SHARED, EXTERNAL)
    return await sharing.find(
        db, Network, network_id, NetworkNotFound, *how, project_id=project_id, is_admin=is_admin
    )


async def create(work: Work, project_id: str, values: dict[str, Any]) -> Network:
    """Create a network; the project's default security group with it, at its first."""
    parts = await _parts(work, project_id, values)
    _check_tags(values, parts)
    values["mtu"] = mtus.chosen(work, values.get("mtu"), [part["network_type"] for part in parts])
    names.check_domain(values.get("dns_domain", ""))
    shared = values.pop("shared", False)
    values.setdefault("qos_policy_id", await qos.default_of(work.db, project_id))
    network = Network(project_id=project_id, **values)
    await work.db.insert(network)
    await segments.found(work, network, parts)
    for action, wanted in ((SHARED, shared), (EXTERNAL, network.external)):
        if wanted:
            await sharing.share(work, network, wanted=True, action=action)
    await security_groups.ensure_default(work, project_id)
    await touch(work, Kind.NETWORK, network.id)
    return network


async def _parts(work: Work, project_id: str, values: dict[str, Any]) -> list[segments.Values]:
    """Return a new network's segments, and have its own columns say the first."""
    named = ("provider_type", "physical_network", "segmentation_id")
    given = {name: values.pop(name) for name in named if values.get(name) is not None}
    several = values.pop("segments", None)
    if several is None:
        kind = {"network_type": given.pop("provider_type", None)}
        parts = [await segments.complete(work, project_id, kind | given)]
    elif given:
        raise SegmentsSetInConjunctionWithProviders
    else:
        parts = await segments.several(work, project_id, several)
    values.update(segments.first(parts[0]))
    return parts


def _check_tags(values: dict[str, Any], parts: Sequence[segments.Values]) -> None:
    """Refuse tags within tags where they mean nothing."""
    if values.get("qinq") and values.get("vlan_transparent"):
        raise InvalidInput(reason="qinq and vlan_transparent exclude each other")
    if values.get("qinq") and any(part["network_type"] != "vlan" for part in parts):
        raise InvalidInput(reason="qinq is for networks of type vlan")


async def update(work: Work, network: Network, values: dict[str, Any]) -> Network:
    """Change a network."""
    if "mtu" in values:
        values["mtu"] = await mtus.changed(work, network, values["mtu"])
    names.check_domain(values.get("dns_domain", ""))
    domain = network.dns_domain
    reshared = await _reshare(work, network, values)
    before, policy = network.mtu, network.qos_policy_id
    await change(work.db, network, values, always=reshared)
    if network.qos_policy_id != policy:
        await qos.network_changed(work, network.id)
    if network.dns_domain != domain:
        named = sqlalchemy.select(Port.c.id).where(Port.c.network_id == network.id, Port.c.dns_name != "")
        await touch(work, Kind.PORT, *(row[0] for row in await work.db.rows(named)))
    await touch(work, Kind.NETWORK, network.id)
    if network.mtu != before or network.dns_domain != domain:
        rows = await work.db.all(Subnet, Subnet.c.network_id == network.id)
        await touch(work, Kind.SUBNET, *(row.id for row in rows))
    return network


async def _reshare(work: Work, network: Network, values: dict[str, Any]) -> bool:
    """Follow `shared` and `external` of a request, the short ways to everyone's policies."""
    if network.external and values.get("external") is False:
        ways: Any = (Port.c.network_id == network.id, Port.c.device_owner == Owner.ROUTER_GATEWAY)
        if await work.db.exists(Port, *ways):
            raise ExternalNetworkInUse(id=network.id)
        gone = (RbacPolicy.c.object_id == network.id, RbacPolicy.c.action == EXTERNAL)
        await work.db.delete(RbacPolicy, *gone)
    elif values.get("external"):
        await sharing.share(work, network, wanted=True, action=EXTERNAL)
    if "shared" not in values:
        return False
    try:
        return await sharing.share(work, network, wanted=values.pop("shared"))
    except RbacPolicyInUse as error:
        raise InvalidSharedSetting(id=network.id) from error


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
    await sharing.forget(work, network.id)
    await work.db.delete(Network, Network.c.id == network.id)
    await touch(work, Kind.SUBNET, *(subnet.id for subnet in subnets))
    await touch(work, Kind.NETWORK, network.id)
