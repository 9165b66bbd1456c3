"""What can go wrong with routers and floating IPs."""

from cumulo.core.errors import Conflict, Invalid, NotFound


class RouterNotFound(NotFound):
    """Router {id} could not be found."""


class FloatingIPNotFound(NotFound):
    """Floating IP {id} could not be found."""


class RouterInUse(Conflict):
    """Router {id} still has interfaces."""


class RouterInterfaceNotFound(NotFound):
    """Router {id} has no interface {port_id}."""


class RouterInterfaceNotFoundForSubnet(NotFound):
    """Router {id} has no interface on subnet {subnet_id}."""


class RouterInterfaceInUseByFloatingIP(Conflict):
    """Router {id} must keep its interface on subnet {subnet_id}: floating IPs need it."""


class RouterInterfaceInUseByRoute(Conflict):
    """Router {id} must keep its interface on subnet {subnet_id}: routes need it."""


class RouterExternalGatewayInUseByFloatingIp(Conflict):
    """Router {id} must keep its gateway to network {network_id}: floating IPs need it."""


class RouterExternalGatewayNotFound(NotFound):
    """Router {id} has {number} such external gateways to network {network_id}: name one by its address."""


class InvalidRoutes(Invalid):
    """The routes {routes} are not valid: {reason}."""


class ExternalGatewayForFloatingIPNotFound(NotFound):
    """No router leads from subnet {subnet_id} to external network {network_id} for port {port_id}."""


class FloatingIPPortAlreadyAssociated(Conflict):
    """Address {fixed_ip} of port {port_id} already has a floating IP, so {address} cannot be associated."""


class PortForwardingNotFound(NotFound):
    """Port forwarding {id} could not be found."""


class FloatingIpAssociated(Conflict):
    """Floating IP {id} leads to port {port_id} as a whole, so single ports of it lead nowhere else."""


class FipInUseByPortForwarding(Conflict):
    """Floating IP {id} is in use by port forwardings: it leads to no port as a whole, and stays."""


class PortHasBindingFloatingIP(Conflict):
    """Floating IP {id} leads to port {port_id} at {fixed_ip} as a whole: no single port of another can."""


class PortHasPortForwarding(Conflict):
    """Port forwarding {other} leads to port {port_id} at {fixed_ip}: floating IP {id} cannot as a whole."""


class AutoAllocationFailure(Conflict):
    """Deployment error: {reason}."""


class AutoAllocatedTopologyNotFound(NotFound):
    """Project {id} has no automatic network."""
