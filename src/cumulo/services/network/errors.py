"""What can go wrong in the network service. Class names are the `type` that neutron's clients look at."""

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


class PortNotFound(NotFound):
    """Port {id} could not be found."""


class RouterNotFound(NotFound):
    """Router {id} could not be found."""


class FloatingIPNotFound(NotFound):
    """Floating IP {id} could not be found."""


class SecurityGroupNotFound(NotFound):
    """Security group {id} does not exist."""


class SecurityGroupRuleNotFound(NotFound):
    """Security group rule {id} does not exist."""


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


class InvalidRoutes(Invalid):
    """The routes {routes} are not valid: {reason}."""


class ExternalGatewayForFloatingIPNotFound(NotFound):
    """No router leads from subnet {subnet_id} to external network {network_id} for port {port_id}."""


class FloatingIPPortAlreadyAssociated(Conflict):
    """Address {fixed_ip} of port {port_id} already has a floating IP, so {address} cannot be associated."""


class SecurityGroupInUse(Conflict):
    """Security group {id} is in use."""


class SecurityGroupCannotRemoveDefault(Conflict):
    """The default security group cannot be removed."""


class SecurityGroupCannotUpdateDefault(Conflict):
    """The default security group cannot be renamed."""


class SecurityGroupDefaultAlreadyExists(Conflict):
    """The name 'default' is taken by the project's default security group."""


class SecurityGroupRuleExists(Conflict):
    """The security group has this rule already; its id is {rule_id}."""


class SecurityGroupInvalidPortRange(Invalid):
    """For TCP/UDP protocols, port_range_min must be <= port_range_max."""


class SecurityGroupInvalidPortValue(Invalid):
    """Invalid value for port {port}: it is no port number."""


class SecurityGroupInvalidIcmpValue(Invalid):
    """Invalid value for ICMP {field} ({attribute}): {value} is not within 0 to 255."""


class SecurityGroupMissingIcmpType(Invalid):
    """The rule has ICMP code (port-range-max) {value}, but its ICMP type (port-range-min) is missing."""


class SecurityGroupProtocolRequiredWithPorts(Invalid):
    """A port range needs a protocol."""


class SecurityGroupRuleInvalidProtocol(Invalid):
    """{protocol} is neither a known protocol's name nor a number from 0 to 255."""


class SecurityGroupInvalidProtocolForPort(Invalid):
    """Ports cannot be given for protocol {protocol}; it has none."""


class SecurityGroupRuleParameterConflict(Invalid):
    """Conflicting value ethertype {ethertype} for CIDR {cidr}."""


class SecurityGroupEthertypeConflictWithProtocol(Invalid):
    """The protocol {protocol} does not belong to the ethertype {ethertype}."""


class SecurityGroupMultipleRemoteEntites(Invalid):
    """A rule has one of remote_ip_prefix, remote_group_id and remote_address_group_id at most."""


class DefaultSecurityGroupRuleNotFound(NotFound):
    """Default security group rule {id} could not be found."""


class AddressGroupNotFound(NotFound):
    """Address group {id} could not be found."""


class AddressGroupInUse(Conflict):
    """Address group {id} is in use on one or more security group rules."""


class AddressesNotFound(NotFound):
    """Addresses {addresses} not found in the address group {id}."""


class AddressesAlreadyExist(Invalid):
    """Addresses {addresses} already exist in the address group {id}."""


class PortForwardingNotFound(NotFound):
    """Port forwarding {id} could not be found."""


class FloatingIpAssociated(Conflict):
    """Floating IP {id} leads to port {port_id} as a whole, so single ports of it lead nowhere else."""


class FipInUseByPortForwarding(Conflict):
    """Floating IP {id} is in use by port forwardings, so it leads to no port as a whole."""


class PortForwardingExists(Conflict):
    """Floating IP {id} already forwards {protocol} ports of {ports} by port forwarding {other}."""


class QosPolicyNotFound(NotFound):
    """QoS policy {id} could not be found."""


class QosRuleNotFound(NotFound):
    """QoS rule {rule_id} for policy {policy_id} could not be found."""


class QosRuleTypeNotFound(NotFound):
    """QoS rule type {id} could not be found."""


class QosPolicyInUse(Conflict):
    """QoS policy {id} is used by {kind} {user}."""


class QoSPolicyDefaultAlreadyExists(Conflict):
    """A default QoS policy exists for project {project_id}: {id}."""


class QoSRulesConflict(Conflict):
    """The rule conflicts with {rule_type} rule {rule_id} of QoS policy {policy_id}: {reason}."""


class TrunkNotFound(NotFound):
    """Trunk {id} could not be found."""


class SubPortNotFound(NotFound):
    """Trunk {trunk_id} has no subport {port_id}."""


class PortInUseAsTrunkParent(Conflict):
    """Port {port_id} is in use as the parent of trunk {trunk_id}."""


class PortInUseAsSubPort(Conflict):
    """Port {port_id} is in use as a subport of trunk {trunk_id}."""


class ParentPortInUse(Conflict):
    """Port {port_id} is in use and cannot become a {part} of a trunk."""


class DuplicateSubPort(Conflict):
    """Trunk {trunk_id} already has a subport with {segmentation_type} tag {segmentation_id}."""


class TrunkDisabled(Conflict):
    """Trunk {trunk_id} is administratively down."""


class TrunkInUse(Conflict):
    """Trunk {id} is in use: a server has its port."""


class AddressScopeNotFound(NotFound):
    """Address scope {id} could not be found."""


class AddressScopeInUse(Conflict):
    """Unable to complete operation on address scope {id}. There are subnet pools in it."""


class AddressScopePrefixConflict(Conflict):
    """In address scope {id}, subnet pool {pool} already has a part of {prefix}."""


class IllegalSubnetPoolPrefixes(Conflict):
    """Subnet pool {id} cannot do without prefix {prefix}: {reason}."""


class AutoAllocationFailure(Conflict):
    """Deployment error: {reason}."""


class AutoAllocatedTopologyNotFound(NotFound):
    """Project {id} has no automatic network."""


class AgentNotFound(NotFound):
    """Agent {id} could not be found."""


class AgentAlive(Conflict):
    """Agent {id} is alive: its host would only bring it back. Stop it first."""


class NetworkAmbiguous(Conflict):
    """There are several networks to choose from; name one by its id."""


class SecurityGroupAmbiguous(Conflict):
    """Several security groups are called '{name}'; name one by its id."""


class NetworkWithoutSubnet(Invalid):
    """Network {id} requires a subnet in order to boot instances on."""


class ExternalNetworkNotForServers(Invalid):
    """It is not allowed to create an interface on external network {id}."""


class FixedIpTaken(Invalid):
    """Fixed IP address {address} is already in use on network {network_id}."""


class UsedByOtherProject(Conflict):
    """{kind} {id} is used by another project: {used} of project {project_id}."""
