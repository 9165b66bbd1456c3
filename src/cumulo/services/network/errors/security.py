"""What can go wrong with security groups, their rules, and address groups."""

from cumulo.core.errors import Conflict, Invalid, NotFound


class SecurityGroupNotFound(NotFound):
    """Security group {id} does not exist."""


class SecurityGroupRuleNotFound(NotFound):
    """Security group rule {id} does not exist."""


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


class DefaultSecurityGroupRuleExists(Conflict):
    """Such a default security group rule exists; its id is {rule_id}."""


class SecurityGroupsStatefulnessConflict(Conflict):
    """A port is in stateful security groups or in stateless ones, not in both."""


class AddressGroupNotFound(NotFound):
    """Address group {id} could not be found."""


class AddressGroupInUse(Conflict):
    """Address group {id} is in use on one or more security group rules."""


class AddressesNotFound(NotFound):
    """Addresses {addresses} not found in the address group {id}."""


class AddressesAlreadyExist(Invalid):
    """Addresses {addresses} already exist in the address group {id}."""


class SecurityGroupAmbiguous(Conflict):
    """Several security groups are called '{name}'; name one by its id."""
