"""Rows to specs: what the data plane should be, loaded for many resources of one kind at a time."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

import sqlalchemy

from cumulo.core.db import Reader
from cumulo.services.network.config import NetworkSettings
from cumulo.services.network.drivers.specs import Kind, Spec
from cumulo.services.network.model import (
    AddressGroup,
    FloatingIp,
    Network,
    Port,
    Router,
    SecurityGroup,
    Subnet,
    TapMirror,
)
from cumulo.services.network.tasks.desired.groups import address_groups, security_groups
from cumulo.services.network.tasks.desired.mirrors import mirrors
from cumulo.services.network.tasks.desired.ports import OF_OTHERS, networks, ports, subnets
from cumulo.services.network.tasks.desired.routers import floating_ips, routers

Loader = Callable[[Reader, NetworkSettings, Sequence[str]], Awaitable[list[Spec]]]
_LOADERS: Mapping[Kind, Loader] = {
    Kind.NETWORK: networks,
    Kind.SUBNET: subnets,
    Kind.ADDRESS_GROUP: address_groups,
    Kind.SECURITY_GROUP: security_groups,
    Kind.PORT: ports,
    Kind.ROUTER: routers,
    Kind.FLOATING_IP: floating_ips,
    Kind.MIRROR: mirrors,
}
_WANTED: Mapping[Kind, tuple[Any, tuple[Any, ...]]] = {
    Kind.NETWORK: (Network, ()),
    Kind.SUBNET: (Subnet, ()),
    Kind.ADDRESS_GROUP: (AddressGroup, ()),
    Kind.SECURITY_GROUP: (SecurityGroup, ()),
    Kind.PORT: (Port, (Port.c.device_owner.not_in([owner.value for owner in OF_OTHERS]),)),
    Kind.ROUTER: (Router, ()),
    Kind.FLOATING_IP: (FloatingIp, (FloatingIp.c.router_id.is_not(None),)),
    Kind.MIRROR: (TapMirror, ()),
}
"""Of each kind the table, and which of its rows should be in the data plane."""


async def load(db: Reader, settings: NetworkSettings, kind: Kind, ids: Collection[str]) -> dict[str, Spec]:
    """Return the specs of those resources that should be in the data plane, by id."""
    specs = await _LOADERS[kind](db, settings, list(ids)) if ids else []
    return {spec.id: spec for spec in specs}


async def every(db: Reader, kind: Kind) -> list[str]:
    """Return the ids of all resources of a kind that should be in the data plane."""
    model, where = _WANTED[kind]
    return [row[0] for row in await db.rows(sqlalchemy.select(model.c.id).where(*where))]
