"""What can go wrong with networks, subnets, ports, and what stands by itself."""

from cumulo.core.errors import Conflict, Invalid, NotFound


class NetworkNotFound(NotFound):
    """Network {id} could not be found."""


class SubnetNotFound(NotFound):
    """Subnet {id} could not be found."""


class SubnetPoolNotFound(NotFound):
    """Subnet pool {id} could not be found."""


class SubnetPoolInUse(Conflict):
    """Subnet pool {id} is in use: subnets have prefixes of it."""


class SubnetAllocationError(Conflict):
    """Subnet pool {id} cannot give {wanted}: {reason}."""


class SubnetPoolQuotaExceeded(Conflict):
    """Subnet pool {id} gives a project at most {limit}; it would have {wanted}."""


class NetworkAddressScopeAffinityError(Invalid):
    """Subnets of one IP version on network {id} must be in the same address scope."""


class RbacPolicyNotFound(NotFound):
    """RBAC policy {id} could not be found."""


class RbacObjectNotFound(NotFound):
    """There is no {kind} {id} of yours to be shared."""


class RbacPolicyExists(Conflict):
    """There is such an RBAC policy for {id} and target {target} already."""


class RbacPolicyInUse(Conflict):
    """RBAC policy on object {id} cannot be removed because other objects depend on it: of {projects}."""


class DefaultExternalNetwork(Conflict):
    """Network {id} is the default way out of automatic networks; everyone's policy on it must stay."""


class PortNotFound(NotFound):
    """Port {id} could not be found."""


class ExtensionNotFound(NotFound):
    """Extension with alias {id} does not exist."""


class AvailabilityZoneNotFound(NotFound):
    """Availability zone {id} could not be found."""


class TagNotFound(NotFound):
    """Tag {id} could not be found."""


class BadRequest(Invalid):
    """Bad {resource} request: {reason}."""


class InvalidInput(Invalid):
    """Invalid input for operation: {reason}."""


class NetworkInUse(Conflict):
    """Network {id} cannot be deleted. There are one or more ports still in use on the network."""


class InvalidSharedSetting(Conflict):
    """Network {id} cannot be unshared: other projects have ports or subnets on it."""


class ExternalNetworkInUse(Conflict):
    """Network {id} must stay external: routers have their gateways on it."""


class SubnetInUse(Conflict):
    """Subnet {id} is in use: ports have addresses of it."""


class GatewayIpInUse(Conflict):
    """The gateway address {address} is in use by port {port_id}."""


class OverlappingAllocationPools(Conflict):
    """Allocation pools {pool_1} and {pool_2} of subnet {cidr} overlap."""


class OutOfBoundsAllocationPool(Invalid):
    """The allocation pool {pool} is not within the subnet's {cidr}."""


class InvalidAllocationPool(Invalid):
    """The allocation pool {pool} is not valid."""


class GatewayConflictWithAllocationPools(Conflict):
    """The gateway address {address} lies in the allocation pool {pool}."""


class IpAddressAlreadyAllocated(Conflict):
    """The IP address {address} is taken in subnet {subnet_id}."""


class IpAddressGenerationFailure(Conflict):
    """Network {network_id} has no more IP addresses to give."""


class InvalidIpForNetwork(Invalid):
    """{address} is not an IP address of any subnet of the network."""


class InvalidIpForSubnet(Invalid):
    """{address} is not an IP address that a port may have in the subnet."""


class MacAddressInUse(Conflict):
    """The MAC address {mac} is in use on network {network_id}."""


class ServicePortInUse(Conflict):
    """Port {id} cannot be deleted by itself: {reason}."""


class PortInUse(Conflict):
    """Port {id} of network {network_id} is in use by device {device_id}."""


class PortSecurityAndIPRequiredForSecurityGroups(Invalid):
    """A port needs port security to be in security groups."""


class PortSecurityPortHasSecurityGroup(Conflict):
    """Port security cannot be switched off while the port is in security groups."""


class AddressPairAndPortSecurityRequired(Conflict):
    """A port needs port security to have allowed address pairs."""


class AddressScopeNotFound(NotFound):
    """Address scope {id} could not be found."""


class AddressScopeUpdateError(Invalid):
    """Unable to update address scope {id}: {reason}."""


class NetworkMTUSubnetConflict(Conflict):
    """The MTU {mtu} of network {id} is too low for IPv{version}, which needs {least}."""


class IllegalSubnetPoolUpdate(Invalid):
    """Subnet pool {id} cannot be changed so: {reason}."""


class AddressScopeInUse(Conflict):
    """Unable to complete operation on address scope {id}. There are subnet pools in it."""


class AddressScopePrefixConflict(Conflict):
    """In address scope {id}, subnet pool {pool} already has a part of {prefix}."""


class IllegalSubnetPoolPrefixes(Conflict):
    """Subnet pool {id} cannot do without prefix {prefix}: {reason}."""


class AgentNotFound(NotFound):
    """Agent {id} could not be found."""


class AgentAlive(Conflict):
    """Agent {id} is alive: its host would only bring it back. Stop it first."""


class NetworkAmbiguous(Conflict):
    """There are several networks to choose from; name one by its id."""


class NetworkWithoutSubnet(Invalid):
    """Network {id} requires a subnet in order to boot instances on."""


class ExternalNetworkNotForServers(Invalid):
    """It is not allowed to create an interface on external network {id}."""


class FixedIpTaken(Invalid):
    """Fixed IP address {address} is already in use on network {network_id}."""


class UsedByOtherProject(Conflict):
    """{kind} {id} is used by another project: {used} of project {project_id}."""
