"""The network service's API: what it declares."""

from cumulo.core.http.service import Part
from cumulo.services.network.api import (
    address_groups,
    address_scopes,
    agents,
    availability,
    check,
    default_rules,
    discovery,
    floating_ips,
    networks,
    port_forwardings,
    ports,
    qos,
    quotas,
    rbac,
    routers,
    security_groups,
    segments,
    statefulness,
    subnet_pools,
    topology,
    trunks,
)
from cumulo.services.network.api.dialect import DIALECT

PARTS: tuple[Part, ...] = (
    discovery.routes,
    networks.networks,
    networks.subnets,
    subnet_pools.pools,
    ports.ports,
    routers.routers,
    floating_ips.floating_ips,
    security_groups.groups,
    security_groups.rules,
    segments.segments,
    segments.ranges,
    statefulness.defaults,
    rbac.policies,
    address_scopes.scopes,
    port_forwardings.forwardings,
    qos.policies,
    *qos.RULES,
    qos.routes,
    trunks.trunks,
    agents.agents,
    agents.routes,
    address_groups.groups,
    default_rules.rules,
    topology.routes,
    quotas.routes,
    availability.routes,
    check.routes,
)

__all__ = ["DIALECT", "PARTS"]
