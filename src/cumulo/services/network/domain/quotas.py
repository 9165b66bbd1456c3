"""What a project may hold of networks, and what it holds."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy

from cumulo.core.db import Reader
from cumulo.core.quota import Limits
from cumulo.services.network.model import (
    AddressGroup,
    FloatingIp,
    Network,
    Port,
    RbacPolicy,
    Router,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    SubnetPool,
    Trunk,
)

NAME = "network"
_MODELS: Mapping[str, Any] = {
    "network": Network,
    "subnet": Subnet,
    "subnetpool": SubnetPool,
    "port": Port,
    "router": Router,
    "floatingip": FloatingIp,
    "security_group": SecurityGroup,
    "security_group_rule": SecurityGroupRule,
    "rbac_policy": RbacPolicy,
    "trunk": Trunk,
    "address_group": AddressGroup,
}
_DEFAULTS = {  # neutron's own, except that groups and rules are what Tempest and Terraform users need
    "network": 100,
    "subnet": 100,
    "subnetpool": -1,
    "port": 500,
    "router": 10,
    "floatingip": 50,
    "security_group": 100,
    "security_group_rule": 1000,
    "rbac_policy": 100,
    "trunk": -1,
    "address_group": -1,
}


async def usage(db: Reader, project_id: str) -> Mapping[str, int]:
    """Count what a project holds."""
    (held,) = await db.answer(_held, project=project_id)
    return dict(zip(_MODELS, held, strict=True))


def _held() -> Any:
    """Ask for how many of each kind a project has."""
    project = sqlalchemy.bindparam("project", type_=Port.c.project_id.type)
    counted = (
        sqlalchemy.select(sqlalchemy.func.count()).where(model.c.project_id == project).scalar_subquery()
        for model in _MODELS.values()
    )
    return sqlalchemy.select(*counted)


LIMITS = Limits(NAME, _DEFAULTS, usage)
