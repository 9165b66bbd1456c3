"""The network service's API: what it declares."""

from cumulo.services.network.api import (
    availability,
    discovery,
    floating_ips,
    networks,
    ports,
    quotas,
    routers,
    security_groups,
    subnet_pools,
)
from cumulo.services.network.api.dialect import DIALECT
from cumulo.services.network.api.tags import tagged

_TAGGED = (
    networks.networks,
    networks.subnets,
    subnet_pools.pools,
    ports.ports,
    routers.routers,
    floating_ips.floating_ips,
    security_groups.groups,
)
for _resource in _TAGGED:
    tagged(_resource)

PARTS = (discovery.routes, *_TAGGED, security_groups.rules, quotas.routes, availability.routes)

__all__ = ["DIALECT", "PARTS"]
