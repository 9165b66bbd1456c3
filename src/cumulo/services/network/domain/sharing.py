"""Who may use what is another project's: RBAC policies, and the `shared` flags that are short for them."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import sqlalchemy
from sqlalchemy import or_

from cumulo.core.db import Reader
from cumulo.core.errors import NotFound
from cumulo.core.work import Work
from cumulo.services.network.domain.changes import revise
from cumulo.services.network.errors import (
    BadRequest,
    DefaultExternalNetwork,
    RbacPolicyExists,
    RbacPolicyInUse,
)
from cumulo.services.network.model import (
    EVERYONE,
    EXTERNAL,
    SHARED,
    AddressGroup,
    AddressScope,
    FloatingIp,
    Network,
    Port,
    PortSecurityGroup,
    QosPolicy,
    RbacPolicy,
    Router,
    RouterGateway,
    SecurityGroup,
    SecurityGroupRule,
    Standard,
    Subnet,
    SubnetPool,
)

R = TypeVar("R", bound=Standard)


class Sharable(NamedTuple):
    """A kind of object that policies are for: its table, and the columns of projects that use one.

    uses: by action, selects of project ids, given the object's id.
    """

    model: type[Standard]
    uses: Mapping[str, Callable[[str], tuple[Any, ...]]]


def _of_network(id_: str) -> tuple[Any, ...]:
    return (
        sqlalchemy.select(Port.c.project_id).where(Port.c.network_id == id_),
        sqlalchemy.select(Subnet.c.project_id).where(Subnet.c.network_id == id_),
    )


def _of_external(id_: str) -> tuple[Any, ...]:
    return (
        sqlalchemy.select(Router.c.project_id).where(Router.c.gateway_network_id == id_),
        sqlalchemy.select(Router.c.project_id)
        .join(RouterGateway.table, RouterGateway.c.router_id == Router.c.id)
        .where(RouterGateway.c.network_id == id_),
        sqlalchemy.select(FloatingIp.c.project_id).where(FloatingIp.c.floating_network_id == id_),
    )


def _of_pool(id_: str) -> tuple[Any, ...]:
    return (sqlalchemy.select(Subnet.c.project_id).where(Subnet.c.subnetpool_id == id_),)


def _of_group(id_: str) -> tuple[Any, ...]:
    members = PortSecurityGroup.c.security_group_id == id_
    ports = sqlalchemy.select(Port.c.project_id)
    return (ports.join(PortSecurityGroup.table, PortSecurityGroup.c.port_id == Port.c.id).where(members),)


def _of_addresses(id_: str) -> tuple[Any, ...]:
    rule = SecurityGroupRule.c
    return (sqlalchemy.select(rule.project_id).where(rule.remote_address_group_id == id_),)


def _of_qos(id_: str) -> tuple[Any, ...]:
    users: tuple[Any, ...] = (Network, Port, FloatingIp, Router)
    return tuple(sqlalchemy.select(user.c.project_id).where(user.c.qos_policy_id == id_) for user in users)


def _of_scope(id_: str) -> tuple[Any, ...]:
    return (sqlalchemy.select(SubnetPool.c.project_id).where(SubnetPool.c.address_scope_id == id_),)


KINDS: dict[str, Sharable] = {
    "network": Sharable(Network, {SHARED: _of_network, EXTERNAL: _of_external}),
    "subnetpool": Sharable(SubnetPool, {SHARED: _of_pool}),
    "address_group": Sharable(AddressGroup, {SHARED: _of_addresses}),
    "qos_policy": Sharable(QosPolicy, {SHARED: _of_qos}),
    "address_scope": Sharable(AddressScope, {SHARED: _of_scope}),
    "security_group": Sharable(SecurityGroup, {SHARED: _of_group}),
}
"""Neutron's `object_type`, and what it stands for."""

_NAMES = {kind.model: name for name, kind in KINDS.items()}


def shared_with(model: type[Standard], project_id: str | None, *actions: str) -> Any:
    """Return the select of the ids of a kind's objects that others let this project use."""
    policy = RbacPolicy.c
    return sqlalchemy.select(policy.object_id).where(
        policy.object_type == _NAMES[model],
        policy.action.in_(actions or (SHARED,)),
        policy.target_project.in_((project_id or EVERYONE, EVERYONE)),
    )


@lru_cache(1024)  # nearly every call of a project asks for it, and it takes as long to write as to answer
def usable(model: type[Standard], project_id: str | None, *actions: str) -> Any:
    """Return the condition for what a project may use: its own, and what others share with it."""
    columns = model.c
    return or_(columns.project_id == project_id, columns.id.in_(shared_with(model, project_id, *actions)))


def usable_ids(model: type[Standard], project_id: str | None) -> Any:
    """Return the select of the ids of what a project may use."""
    return sqlalchemy.select(model.c.id).where(usable(model, project_id))


async def find(
    db: Reader,
    model: type[R],
    id_: str,
    missing: type[NotFound],
    *actions: str,
    project_id: str | None,
    is_admin: bool = False,
) -> R:
    """Return what a project may use, its own or shared with it; else `missing`."""
    row = await db.get(model, id_)
    if row is None or not await may_use(db, row, *actions, project_id=project_id, is_admin=is_admin):
        raise missing(id=id_)
    return row


async def may_use(
    db: Reader, row: Standard, *actions: str, project_id: str | None, is_admin: bool = False
) -> bool:
    """Say whether something is a project's own or shared with it."""
    if is_admin or row.project_id == project_id:
        return True
    shared = shared_with(type(row), project_id, *actions).where(RbacPolicy.c.object_id == row.id)
    return bool(await db.scalar(shared))


async def share(work: Work, row: Standard, *, wanted: bool, action: str = SHARED) -> bool:
    """Have everyone's policy on an object, or have it no longer; say whether that changed anything."""
    policy = RbacPolicy.c
    where = (policy.object_id == row.id, policy.target_project == EVERYONE, policy.action == action)
    held = await work.db.one(RbacPolicy, *where)
    if wanted and held is None:
        await work.db.insert(
            RbacPolicy(
                project_id=row.project_id,
                object_type=_NAMES[type(row)],
                object_id=row.id,
                target_project=EVERYONE,
                action=action,
            )
        )
    elif held is not None and not wanted:
        await delete(work, held)
    return wanted != (held is not None)


async def create(work: Work, policy: RbacPolicy) -> RbacPolicy:
    """Let a project use an object."""
    same = RbacPolicy.c
    where = (
        same.object_id == policy.object_id,
        same.target_project == policy.target_project,
        same.action == policy.action,
    )
    if await work.db.exists(RbacPolicy, *where):
        raise RbacPolicyExists(id=policy.object_id, target=policy.target_project)
    await _refuse_hidden_scope(work.db, policy)
    await work.db.insert(policy)
    if policy.action == EXTERNAL:
        await work.db.update(Network, Network.c.id == policy.object_id, external=True)
    await revise(work.db, KINDS[policy.object_type].model, policy.object_id)
    return policy


async def _refuse_hidden_scope(db: Reader, policy: RbacPolicy) -> None:
    """Refuse to share a subnet pool with a project that may not use the pool's address scope."""
    pool = await db.get(SubnetPool, policy.object_id) if policy.object_type == "subnetpool" else None
    scope = await db.get(AddressScope, pool.address_scope_id) if pool and pool.address_scope_id else None
    if scope is not None and not await may_use(db, scope, project_id=policy.target_project):
        reason = f"its address scope {scope.id} is not shared with {policy.target_project}"
        raise BadRequest(resource="rbac_policy", reason=reason)


async def retarget(work: Work, policy: RbacPolicy, target: str) -> RbacPolicy:
    """Have a policy let another project use the object instead."""
    if target != policy.target_project:
        await _refuse_needed(work.db, policy, {target})
        policy.target_project = target
        await _refuse_hidden_scope(work.db, policy)
        await work.db.save(policy, "target_project")
        await revise(work.db, KINDS[policy.object_type].model, policy.object_id)
    return policy


async def delete(work: Work, policy: RbacPolicy) -> None:
    """Take a policy away that nobody's use of the object stands on."""
    await _refuse_needed(work.db, policy, set())
    if policy.action == EXTERNAL and policy.target_project == EVERYONE:
        await _refuse_default(work.db, policy.object_id)
    await work.db.delete(RbacPolicy, RbacPolicy.c.id == policy.id)
    await revise(work.db, KINDS[policy.object_type].model, policy.object_id)
    if policy.action == EXTERNAL:
        rest = (RbacPolicy.c.object_id == policy.object_id, RbacPolicy.c.action == EXTERNAL)
        if not await work.db.exists(RbacPolicy, *rest):
            await work.db.update(Network, Network.c.id == policy.object_id, external=False)


async def _refuse_default(db: Reader, network_id: str) -> None:
    """Refuse to close the network to everyone that projects' automatic networks go out by."""
    network = await db.get(Network, network_id)
    if network is not None and network.is_default:
        raise DefaultExternalNetwork(id=network_id)


async def forget(work: Work, object_id: str) -> None:
    """Take all policies of an object away that is deleted."""
    await work.db.delete(RbacPolicy, RbacPolicy.c.object_id == object_id)


async def _refuse_needed(db: Reader, policy: RbacPolicy, instead: set[str]) -> None:
    kind = KINDS[policy.object_type]
    where = (
        RbacPolicy.c.object_id == policy.object_id,
        RbacPolicy.c.action == policy.action,
        RbacPolicy.c.id != policy.id,
    )
    targets = {other.target_project for other in await db.all(RbacPolicy, *where)} | instead
    if EVERYONE in targets:
        return
    row = await db.get(kind.model, policy.object_id)
    using: set[str] = set()
    for statement in kind.uses[policy.action](policy.object_id):
        using |= {found[0] for found in await db.rows(statement.distinct())}
    using -= targets | {"", row.project_id if row else ""}
    if policy.target_project != EVERYONE:
        using &= {policy.target_project}
    if using:
        raise RbacPolicyInUse(id=policy.object_id, projects=", ".join(sorted(using)))
