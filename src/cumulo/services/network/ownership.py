"""What a project owns of networks, and how it goes when the project is purged."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import and_, or_, select

from cumulo.contracts.ownership import Owned, Stage
from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.network.domain import (
    address_groups,
    address_scopes,
    floating_ips,
    logs,
    metering,
    mirrors,
    ndp_proxies,
    networks,
    ports,
    qos,
    routers,
    security_groups,
    segments,
    subnet_pools,
    subnets,
    trunks,
)
from cumulo.services.network.errors import UsedByOtherProject
from cumulo.services.network.model import (
    AddressGroup,
    AddressScope,
    DefaultStatefulness,
    FloatingIp,
    Log,
    MeteringLabel,
    NdpProxy,
    Network,
    Owner,
    Port,
    QosPolicy,
    RbacPolicy,
    Router,
    SecurityGroup,
    SecurityGroupRule,
    SegmentRange,
    Subnet,
    SubnetPool,
    TapMirror,
    Trunk,
)


async def _remove_port(work: Work, port: Port) -> None:
    if port.device_owner == Owner.ROUTER_INTERFACE:
        router = await work.db.get(Router, port.device_id)
        if router is not None and router.project_id != port.project_id:
            raise _used("Port", port.id, f"router {router.id}", router.project_id)
    await ports.delete(work, port)


async def _remove_router(work: Work, router: Router) -> None:
    """Delete a router with its routes and interfaces, unless others' floating IPs lead through it."""
    foreign = (FloatingIp.c.router_id == router.id, FloatingIp.c.project_id != router.project_id)
    through = await work.db.one(FloatingIp, *foreign)
    if through is not None:
        used = f"floating IP {through.floating_ip_address}"
        raise _used("Router", router.id, used, through.project_id)
    await routers.update(work, router, {"routes": []})
    interfaces = (Port.c.device_id == router.id, Port.c.device_owner == Owner.ROUTER_INTERFACE)
    for port in await work.db.all(Port, *interfaces):
        await routers.remove_interface(work, router, subnet_id=None, port_id=port.id)
    await routers.delete(work, router)


async def _remove_network(work: Work, network: Network) -> None:
    """Delete a network, unless other projects have something on it: the API would take some of that along."""
    uses: Sequence[tuple[str, Any, Any]] = (
        ("subnet", Subnet, Subnet.c.network_id == network.id),
        ("floating IP", FloatingIp, FloatingIp.c.floating_network_id == network.id),
        ("gateway of router", Router, Router.c.id.in_(_led_by(network))),
        ("port", Port, Port.c.network_id == network.id),
    )
    for kind, model, condition in uses:
        whose = model.c.project_id
        row = await work.db.one(model, condition, whose != network.project_id, whose != "")
        if row is not None:
            raise _used("Network", network.id, f"{kind} {row.id}", row.project_id)
    await networks.delete(work, network)


def _led_by(network: Network) -> Any:
    """Return the select of the routers that lead to a network."""
    ways = (Port.c.network_id == network.id, Port.c.device_owner == Owner.ROUTER_GATEWAY)
    return select(Port.c.device_id).where(*ways)


async def _remove_group(work: Work, group: SecurityGroup) -> None:
    await security_groups.delete(work, group, is_admin=True)


def _used(kind: str, id: str, used: str, project_id: str) -> UsedByOtherProject:
    return UsedByOtherProject(kind=kind, id=id, used=used, project_id=project_id)


async def _remove_address_group(work: Work, group: AddressGroup) -> None:
    """Delete an address group, unless others' rules name it."""
    rule = SecurityGroupRule.c
    using = await work.db.one(SecurityGroupRule, rule.remote_address_group_id == group.id)
    if using is not None:
        raise _used("Address group", group.id, f"rule {using.id}", using.project_id)
    await address_groups.delete(work, group)


async def _remove_trunk(work: Work, trunk: Trunk) -> None:
    await trunks.delete(work, trunk, always=True)


async def _remove_policy(work: Work, policy: QosPolicy) -> None:
    """Delete a QoS policy, unless others follow it."""
    kinds: Sequence[tuple[str, Any]] = (
        ("network", Network),
        ("port", Port),
        ("floating IP", FloatingIp),
        ("router", Router),
    )
    for kind, model in kinds:
        user = await work.db.one(model, model.c.qos_policy_id == policy.id)
        if user is not None:
            raise _used("QoS policy", policy.id, f"{kind} {user.id}", user.project_id)
    await qos.delete(work, policy)


async def _remove_scope(work: Work, scope: AddressScope) -> None:
    """Delete an address scope, unless others' subnet pools are in it."""
    inside = await work.db.one(SubnetPool, SubnetPool.c.address_scope_id == scope.id)
    if inside is not None:
        raise _used("Address scope", scope.id, f"subnet pool {inside.id}", inside.project_id)
    await address_scopes.delete(work, scope)


async def _remove_share(work: Work, policy: RbacPolicy) -> None:
    """Take a share away whoever uses it: a project that goes shares nothing, and needs no share."""
    await work.db.delete(RbacPolicy, RbacPolicy.c.id == policy.id)


async def _remove_default(work: Work, row: DefaultStatefulness) -> None:
    """Let a project's new groups be like everyone's."""
    await work.db.delete(DefaultStatefulness, DefaultStatefulness.c.id == row.id)


def _whose(model: Any, project_id: str) -> Any:
    """Return the condition for what goes with a project; also what others share with it alone."""
    own = model.c.project_id == project_id
    return or_(own, model.c.target_project == project_id) if model is RbacPolicy else own


_KINDS: Mapping[str, tuple[Any, Callable[[Work, Any], Awaitable[None]]]] = {
    "floating ip": (FloatingIp, floating_ips.delete),
    "ndp proxy": (NdpProxy, ndp_proxies.delete),
    "tap mirror": (TapMirror, mirrors.delete),
    "log": (Log, logs.delete),
    "metering label": (MeteringLabel, metering.delete),
    "trunk": (Trunk, _remove_trunk),
    "port": (Port, _remove_port),
    "router": (Router, _remove_router),
    "network": (Network, _remove_network),
    "vlan range": (SegmentRange, segments.delete_range),
    "subnet": (Subnet, subnets.delete),  # one on another's network: those on one's own go with that
    "subnet pool": (SubnetPool, subnet_pools.delete),
    "address scope": (AddressScope, _remove_scope),
    "qos policy": (QosPolicy, _remove_policy),
    "security group": (SecurityGroup, _remove_group),
    "address group": (AddressGroup, _remove_address_group),
    "rbac policy": (RbacPolicy, _remove_share),
    "default statefulness": (DefaultStatefulness, _remove_default),
}
"""Kinds in the order of removal: their model, and what removes one."""


class NetworksOwned:
    """Fulfils `cumulo.contracts.ownership.Ownership`."""

    async def owned(self, db: Reader, project_id: str) -> list[Owned]:
        """Return what is left of a project."""
        found = []
        for kind, (model, _) in _KINDS.items():
            settings = model is DefaultStatefulness
            order = [model.c.id] if settings else [model.c.created_at, model.c.id]
            stage = Stage.SETTINGS if settings else Stage.NETWORKS
            where = (
                _whose(model, project_id),
                *(_for_themselves(project_id) if model is Port else ()),
            )
            rows = await db.all(model, *where, order_by=order)
            found += [Owned(stage=stage, kind=kind, id=row.id, name=_name(row)) for row in rows]
        return found

    async def remove(self, work: Work, project_id: str, thing: Owned) -> None:
        """Remove one; Conflict when another project uses it."""
        model, remove = _KINDS[thing.kind]
        row = await work.db.one(model, model.c.id == thing.id, _whose(model, project_id), for_update=True)
        if row is not None:
            await remove(work, row)


def _name(row: Any) -> str:
    match row:
        case FloatingIp():
            return row.floating_ip_address
        case DefaultStatefulness():
            return "stateful" if row.stateful else "stateless"
        case RbacPolicy():
            return f"{row.object_type} {row.object_id}"
        case _:
            return str(row.name)


def _for_themselves(project_id: str) -> tuple[Any, ...]:
    """Return the condition for ports that do not go with what they are for: interfaces go with the router."""
    own = select(Router.c.id).where(Router.c.project_id == project_id)
    of_others = and_(Port.c.device_owner == Owner.ROUTER_INTERFACE, Port.c.device_id.not_in(own))
    return (or_(Port.c.device_owner.not_in(ports.OURS), of_others),)
