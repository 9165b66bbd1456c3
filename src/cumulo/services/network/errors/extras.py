"""What can go wrong with logs and NDP proxies."""

from cumulo.core.errors import Conflict, Invalid, NotFound


class LogResourceNotFound(NotFound):
    """Log {id} could not be found."""


class InvalidLogResourceType(Invalid):
    """Invalid log resource_type: {kind}; security_group is what can be logged."""


class ResourceNotFound(NotFound):
    """Resource {id} could not be found."""


class TargetResourceNotFound(NotFound):
    """Target resource {id} could not be found."""


class InvalidResourceConstraint(Invalid):
    """Port {target_id} is not in security group {resource_id}."""


class NDPProxyNotFound(NotFound):
    """Ndp proxy {id} could not be found."""


class RouterNDPProxyNotEnable(Conflict):
    """Router {id} does not have its enable_ndp_proxy set."""


class RouterNDPProxyInUse(Conflict):
    """Router {id} must keep its enable_ndp_proxy: NDP proxies need it."""


class RouterGatewayNotValid(Conflict):
    """Router {id} cannot answer for others: {reason}."""


class PortUnreachableRouter(Conflict):
    """Port {port_id} has no address on a subnet that router {id} connects."""


class InvalidAddress(Invalid):
    """Address {address} cannot be proxied: {reason}."""


class AddressScopeConflict(Conflict):
    """Address {address} cannot be proxied: its address scope is not that of the router's gateway."""


class TwoNDPProxyOnSameAddress(Conflict):
    """Address {address} of router {id} has an NDP proxy already."""


class RouterInterfaceInUseByNDPProxy(Conflict):
    """Router {id} must keep its interface on subnet {subnet_id}: NDP proxies need it."""
