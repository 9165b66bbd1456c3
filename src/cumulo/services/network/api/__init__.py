"""The network service's API: what it declares."""

from cumulo.services.network.api import (
    address_groups,
    agents,
    availability,
    default_rules,
    discovery,
    floating_ips,
    networks,
    ports,
    quotas,
    rbac,
    routers,
    security_groups,
    subnet_pools,
)
from cumulo.services.network.api.dialect import DIALECT

PARTS = (
    discovery.routes,
    networks.networks,
    networks.subnets,
    subnet_pools.pools,
    ports.ports,
    routers.routers,
    floating_ips.floating_ips,
    security_groups.groups,
    security_groups.rules,
    rbac.policies,
    agents.agents,
    agents.routes,
    address_groups.groups,
    default_rules.rules,
    quotas.routes,
    availability.routes,
)

__all__ = ["DIALECT", "PARTS"]
