"""Where each resource's rows are: the names that the modules of this package share."""

from cumulo.services.network.drivers.ovn.rows import Place, Slot
from cumulo.services.network.drivers.specs import Kind

DROP = Place("Port_Group", "system:drop")
"""The group of every port with port security: what no rule allows is dropped there."""

DROP_NAME = "cumulo_drop"


LOG_METER = Place("Meter", "system:log")
"""What keeps a flood of packets from becoming a flood of lines."""

LOG_METER_NAME = "cumulo_log"


def owner(kind: Kind, id_: str) -> str:
    """Return the name of a resource in `external_ids`."""
    return f"{kind}:{id_}"


def switch(network_id: str) -> Place:
    """Return the logical switch of a network."""
    return Place("Logical_Switch", owner(Kind.NETWORK, network_id))


def switch_ports(network_id: str) -> Slot:
    """Return where the ports of a network hang."""
    return Slot(switch(network_id), "ports")


def dhcp(subnet_id: str) -> Place:
    """Return the DHCP answers of a subnet."""
    return Place("DHCP_Options", owner(Kind.SUBNET, subnet_id))


def port_dhcp(port_id: str, version: int) -> Place:
    """Return the DHCP answers of a port that has answers of its own."""
    return Place("DHCP_Options", f"{owner(Kind.PORT, port_id)}#dhcpv{version}")


def group(security_group_id: str) -> Place:
    """Return the port group of a security group."""
    return Place("Port_Group", owner(Kind.SECURITY_GROUP, security_group_id))


def group_name(security_group_id: str) -> str:
    """Return the port group's name, a word in OVN's expression language."""
    return f"cumulo_{security_group_id.replace('-', '_')}"


def address_set_name(address_group_id: str, version: int) -> str:
    """Return the name of the address set with an address group's CIDRs of one version."""
    return f"cumulo_ag_{address_group_id.replace('-', '_')}_ip{version}"


def router(router_id: str) -> Place:
    """Return the logical router of a router."""
    return Place("Logical_Router", owner(Kind.ROUTER, router_id))


def router_port_name(port_id: str) -> str:
    """Return the name of the logical router port of a port."""
    return f"lrp-{port_id}"
