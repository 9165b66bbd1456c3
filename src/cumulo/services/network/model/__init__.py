"""The tables of the network service.

Every API resource has neutron's standard attributes (`standard.Standard`). What the data plane must know
of is noted in `network_realisations`: the API raises `revision`, the reconciler brings `realised` up to it.
"""

from cumulo.services.network.model.flavors import Flavor, FlavorProfile, ServiceProfile
from cumulo.services.network.model.hosts import Agent
from cumulo.services.network.model.metering import MeteringLabel, MeteringRule, MeterReading
from cumulo.services.network.model.mirrors import TapMirror
from cumulo.services.network.model.networks import (
    AddressScope,
    FixedIp,
    Network,
    Owner,
    Port,
    Segment,
    SegmentRange,
    Subnet,
    SubnetPool,
)
from cumulo.services.network.model.qos import QosPolicy, QosRule
from cumulo.services.network.model.realisation import Realisation
from cumulo.services.network.model.routing import (
    FloatingIp,
    NdpProxy,
    PortForwarding,
    Router,
    RouterGateway,
)
from cumulo.services.network.model.security import (
    AddressGroup,
    DefaultRule,
    DefaultStatefulness,
    Log,
    PortSecurityGroup,
    SecurityGroup,
    SecurityGroupRule,
)
from cumulo.services.network.model.sharing import EVERYONE, EXTERNAL, SHARED, RbacPolicy
from cumulo.services.network.model.standard import Named, Standard, Status, Tagged
from cumulo.services.network.model.topology import Topology
from cumulo.services.network.model.trunks import Subport, Trunk

__all__ = [
    "EVERYONE",
    "EXTERNAL",
    "SHARED",
    "AddressGroup",
    "AddressScope",
    "Agent",
    "DefaultRule",
    "DefaultStatefulness",
    "FixedIp",
    "Flavor",
    "FlavorProfile",
    "FloatingIp",
    "Log",
    "MeterReading",
    "MeteringLabel",
    "MeteringRule",
    "Named",
    "NdpProxy",
    "Network",
    "Owner",
    "Port",
    "PortForwarding",
    "PortSecurityGroup",
    "QosPolicy",
    "QosRule",
    "RbacPolicy",
    "Realisation",
    "Router",
    "RouterGateway",
    "SecurityGroup",
    "SecurityGroupRule",
    "Segment",
    "SegmentRange",
    "ServiceProfile",
    "Standard",
    "Status",
    "Subnet",
    "SubnetPool",
    "Subport",
    "Tagged",
    "TapMirror",
    "Topology",
    "Trunk",
]
