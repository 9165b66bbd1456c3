"""The network service: networks, subnets, ports, routers, floating IPs and security groups on OVN."""

from cumulo.contracts.network import FormerNetworkCalls, Ports, SecurityGroups
from cumulo.core.http import Service
from cumulo.services.network import policy
from cumulo.services.network.adapter import PortsAdapter, SecurityGroupsAdapter
from cumulo.services.network.api import DIALECT, PARTS
from cumulo.services.network.config import NetworkSettings
from cumulo.services.network.domain.quotas import LIMITS
from cumulo.services.network.former import FormerNetworkCallsAdapter
from cumulo.services.network.ownership import NetworksOwned
from cumulo.services.network.tasks import RECONCILERS

SERVICE = Service(
    name="network",
    types=("network",),
    dialect=DIALECT,
    parts=PARTS,
    rules=policy.RULES,
    reconcilers=RECONCILERS,
    settings=NetworkSettings,
    limits=LIMITS,
    adapters={
        Ports: PortsAdapter,
        SecurityGroups: SecurityGroupsAdapter,
        FormerNetworkCalls: FormerNetworkCallsAdapter,
    },
    owned=NetworksOwned(),
    known_as="neutron",
    description="OpenStack Networking",
)
