"""What a rule of a security group may say."""

import ipaddress
from typing import Any

from cumulo.services.network.errors import (
    InvalidInput,
    SecurityGroupEthertypeConflictWithProtocol,
    SecurityGroupInvalidIcmpValue,
    SecurityGroupInvalidPortRange,
    SecurityGroupInvalidPortValue,
    SecurityGroupInvalidProtocolForPort,
    SecurityGroupMissingIcmpType,
    SecurityGroupMultipleRemoteEntites,
    SecurityGroupProtocolRequiredWithPorts,
    SecurityGroupRuleInvalidProtocol,
    SecurityGroupRuleParameterConflict,
)
from cumulo.services.network.model import DefaultRule, SecurityGroupRule
from cumulo.services.network.prefixes import normalized, unscoped

Rule = SecurityGroupRule | DefaultRule
VERSIONS = {"IPv4": 4, "IPv6": 6}
_WITH_PORTS = {"tcp", "udp", "udplite", "sctp", "dccp", "6", "17", "33", "132", "136"}
_ICMP = {"icmp", "1"}
_ICMP_V6 = {"ipv6-icmp", "icmpv6", "58"}
_ONLY_V6 = _ICMP_V6 | {"ipv6-encap", "ipv6-frag", "ipv6-nonxt", "ipv6-opts", "ipv6-route"}
_ONLY_V6 |= {"41", "43", "44", "59", "60"}  # the same by their numbers
_NAMES = _WITH_PORTS | _ICMP | _ONLY_V6
_NAMES |= {"ah", "egp", "esp", "gre", "igmp", "ipip", "ospf", "pgm", "rsvp", "vrrp"}
_BYTE, _PORTS = 255, 65535


def meaning(rule: Rule) -> tuple[Any, ...]:
    """Return what makes two rules of one group, direction and ethertype the same."""
    everywhere = ("0.0.0.0/0", "::/0")
    prefix = normalized(rule.remote_ip_prefix)
    return (
        rule.protocol,
        rule.port_range_min,
        rule.port_range_max,
        None if prefix in everywhere else prefix,
        rule.remote_group_id,
        rule.remote_address_group_id,
    )


def check(rule: Rule) -> None:
    """Complete a rule, and refuse what means nothing."""
    if rule.ethertype not in VERSIONS:
        raise InvalidInput(reason=f"'{rule.ethertype}' is not in ['IPv4', 'IPv6']")
    if rule.direction not in ("ingress", "egress"):
        raise InvalidInput(reason=f"'{rule.direction}' is not in ['ingress', 'egress']")
    remotes = (rule.remote_ip_prefix, rule.remote_group_id, rule.remote_address_group_id)
    if len([remote for remote in remotes if remote is not None]) > 1:
        raise SecurityGroupMultipleRemoteEntites
    if rule.remote_ip_prefix is not None:
        rule.remote_ip_prefix = _checked_prefix(rule)
    if rule.protocol is not None:
        rule.protocol = _checked_protocol(rule, rule.protocol.lower())
    _check_range(rule)


def _checked_prefix(rule: Rule) -> str:
    """Return the prefix as it was given, with its length: `normalized_cidr` is the range that it means."""
    try:
        prefix = ipaddress.ip_interface(unscoped(rule.remote_ip_prefix or ""))
    except ValueError:
        raise InvalidInput(reason=f"'{rule.remote_ip_prefix}' is not a valid CIDR") from None
    if prefix.version != VERSIONS[rule.ethertype]:
        raise SecurityGroupRuleParameterConflict(ethertype=rule.ethertype, cidr=rule.remote_ip_prefix)
    return str(prefix)


def _checked_protocol(rule: Rule, protocol: str) -> str | None:
    if protocol in ("any", "-1"):
        return None
    if protocol.isdecimal() and len(protocol) <= len(str(_BYTE)) and int(protocol) <= _BYTE:
        protocol = str(int(protocol))  # OVN reads no leading zeros
    elif protocol not in _NAMES:
        raise SecurityGroupRuleInvalidProtocol(protocol=protocol)
    if rule.ethertype == "IPv6" and protocol in _ICMP:
        return "ipv6-icmp"
    if rule.ethertype == "IPv4" and protocol in _ONLY_V6:
        raise SecurityGroupEthertypeConflictWithProtocol(ethertype="IPv4", protocol=protocol)
    return "ipv6-icmp" if protocol == "icmpv6" else protocol


def _check_range(rule: Rule) -> None:
    low, high = rule.port_range_min, rule.port_range_max
    if low is None and high is None:
        return
    if rule.protocol is None:
        raise SecurityGroupProtocolRequiredWithPorts
    if rule.protocol in _ICMP | _ICMP_V6:
        _check_icmp(low, high)
        return
    if rule.protocol not in _WITH_PORTS:
        raise SecurityGroupInvalidProtocolForPort(protocol=rule.protocol)
    if low is None or high is None or low > high:
        raise SecurityGroupInvalidPortRange
    for port in (low, high):
        if not 0 <= port <= _PORTS or (port == 0 and rule.protocol in ("tcp", "udp", "6", "17")):
            raise SecurityGroupInvalidPortValue(port=port)


def _check_icmp(kind: int | None, code: int | None) -> None:
    if kind is None:
        raise SecurityGroupMissingIcmpType(value=code)
    for field, attribute, value in (
        ("type", "port_range_min", kind),
        ("code", "port_range_max", code),
    ):
        if value is not None and not 0 <= value <= _BYTE:
            raise SecurityGroupInvalidIcmpValue(field=field, attribute=attribute, value=value)
