"""Security groups and their rules."""

import ipaddress
from collections.abc import Sequence
from typing import Any

from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.network.domain import sharing
from cumulo.services.network.domain.changes import change, touch
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors import (
    InvalidInput,
    SecurityGroupAmbiguous,
    SecurityGroupCannotRemoveDefault,
    SecurityGroupCannotUpdateDefault,
    SecurityGroupDefaultAlreadyExists,
    SecurityGroupEthertypeConflictWithProtocol,
    SecurityGroupInUse,
    SecurityGroupInvalidIcmpValue,
    SecurityGroupInvalidPortRange,
    SecurityGroupInvalidPortValue,
    SecurityGroupInvalidProtocolForPort,
    SecurityGroupMissingIcmpType,
    SecurityGroupNotFound,
    SecurityGroupProtocolRequiredWithPorts,
    SecurityGroupRemoteGroupAndRemoteIpPrefix,
    SecurityGroupRuleExists,
    SecurityGroupRuleInvalidProtocol,
    SecurityGroupRuleParameterConflict,
)
from cumulo.services.network.model import PortSecurityGroup, SecurityGroup, SecurityGroupRule

DEFAULT = "default"
_VERSIONS = {"IPv4": 4, "IPv6": 6}
_WITH_PORTS = {"tcp", "udp", "udplite", "sctp", "dccp", "6", "17", "33", "132", "136"}
_ICMP = {"icmp", "1"}
_ICMP_V6 = {"ipv6-icmp", "icmpv6", "58"}
_ONLY_V6 = _ICMP_V6 | {"ipv6-encap", "ipv6-frag", "ipv6-nonxt", "ipv6-opts", "ipv6-route"}
_NAMES = _WITH_PORTS | _ICMP | _ONLY_V6
_NAMES |= {"ah", "egp", "esp", "gre", "igmp", "ipip", "ospf", "pgm", "rsvp", "vrrp"}
_BYTE, _PORTS = 255, 65535


async def find(db: Reader, group_id: str, *, project_id: str | None, is_admin: bool = False) -> SecurityGroup:
    """Return a security group of the project; else SecurityGroupNotFound."""
    return await sharing.find(
        db, SecurityGroup, group_id, SecurityGroupNotFound, project_id=project_id, is_admin=is_admin
    )


async def resolve(db: Reader, names: Sequence[str], *, project_id: str) -> list[str]:
    """Return the ids of a project's groups, each given by id or name."""
    rows = await db.all(
        SecurityGroup,
        sharing.usable(SecurityGroup, project_id),
        SecurityGroup.c.id.in_(list(names)) | SecurityGroup.c.name.in_(list(names)),
    )
    found = []
    for name in names:
        by_id = [row.id for row in rows if row.id == name]
        named = [row for row in rows if row.name == name]
        own = [row.id for row in named if row.project_id == project_id]
        matching = by_id or own or [row.id for row in named]
        if len(matching) > 1:
            raise SecurityGroupAmbiguous(name=name)
        if not matching:
            raise SecurityGroupNotFound(id=name)
        found += matching
    return list(dict.fromkeys(found))


async def ensure_default(work: Work, project_id: str) -> str:
    """Return the id of the project's default group, made now if this is its first use."""
    default = (SecurityGroup.c.project_id == project_id, SecurityGroup.c.is_default)
    group = await work.db.one(SecurityGroup, *default)
    if group is None:
        await work.db.lock(f"network.default_group:{project_id}")
        group = await work.db.one(SecurityGroup, *default)
    if group is None:
        made = {"name": DEFAULT, "description": "Default security group", "is_default": True}
        group = await create(work, project_id, made)
    return group.id


async def create(work: Work, project_id: str, values: dict[str, Any]) -> SecurityGroup:
    """Create a group that lets everything out; the default one also lets its own members in."""
    if values.get("name") == DEFAULT and not values.get("is_default"):
        await ensure_default(work, project_id)
        raise SecurityGroupDefaultAlreadyExists
    group = SecurityGroup(project_id=project_id, **values)
    await work.db.insert(group)
    rules = []
    for ethertype in _VERSIONS:
        rules.append(_rule(group, "egress", ethertype))
        if group.is_default:
            rules.append(_rule(group, "ingress", ethertype, remote_group_id=group.id))
    await work.db.insert_all(rules)
    await touch(work, Kind.SECURITY_GROUP, group.id)
    return group


def _rule(group: SecurityGroup, direction: str, ethertype: str, **values: Any) -> SecurityGroupRule:
    return SecurityGroupRule(
        project_id=group.project_id,
        security_group_id=group.id,
        direction=direction,
        ethertype=ethertype,
        **values,
    )


async def update(work: Work, group: SecurityGroup, values: dict[str, Any]) -> SecurityGroup:
    """Rename or describe a group."""
    if group.is_default and values.get("name", DEFAULT) != DEFAULT:
        raise SecurityGroupCannotUpdateDefault
    if not group.is_default and values.get("name") == DEFAULT:
        raise SecurityGroupDefaultAlreadyExists
    await change(work.db, group, values)
    await touch(work, Kind.SECURITY_GROUP, group.id)
    return group


async def delete(work: Work, group: SecurityGroup, *, is_admin: bool) -> None:
    """Delete a group that no port is in; rules of others that refer to it go too."""
    if group.is_default and not is_admin:
        raise SecurityGroupCannotRemoveDefault
    where = PortSecurityGroup.c.security_group_id == group.id
    if await work.db.exists(PortSecurityGroup, where):
        raise SecurityGroupInUse(id=group.id)
    referring = await work.db.all(SecurityGroupRule, SecurityGroupRule.c.remote_group_id == group.id)
    await sharing.forget(work, group.id)
    await work.db.delete(SecurityGroup, SecurityGroup.c.id == group.id)
    await touch(work, Kind.SECURITY_GROUP, *{rule.security_group_id for rule in referring})
    await touch(work, Kind.SECURITY_GROUP, group.id)


async def create_rule(
    work: Work, group: SecurityGroup, project_id: str, values: dict[str, Any]
) -> SecurityGroupRule:
    """Add a rule to a group."""
    rule = SecurityGroupRule(project_id=project_id, security_group_id=group.id, **values)
    _check_rule(rule)
    same = SecurityGroupRule.c
    others = await work.db.all(
        SecurityGroupRule,
        same.security_group_id == group.id,
        same.direction == rule.direction,
        same.ethertype == rule.ethertype,
    )
    for other in others:
        if _meaning(other) == _meaning(rule):
            raise SecurityGroupRuleExists(rule_id=other.id)
    await work.db.insert(rule)
    await change(work.db, group, {}, always=True)
    await touch(work, Kind.SECURITY_GROUP, group.id)
    return rule


async def delete_rule(work: Work, rule: SecurityGroupRule) -> None:
    """Take a rule away; connections that only it allowed end."""
    await work.db.delete(SecurityGroupRule, SecurityGroupRule.c.id == rule.id)
    group = await work.db.get(SecurityGroup, rule.security_group_id)
    if group is not None:
        await change(work.db, group, {}, always=True)
    await touch(work, Kind.SECURITY_GROUP, rule.security_group_id)


def _meaning(rule: SecurityGroupRule) -> tuple[Any, ...]:
    """Return what makes two rules of one group, direction and ethertype the same."""
    everywhere = ("0.0.0.0/0", "::/0")
    prefix = None if rule.remote_ip_prefix in everywhere else rule.remote_ip_prefix
    return (rule.protocol, rule.port_range_min, rule.port_range_max, prefix, rule.remote_group_id)


def _check_rule(rule: SecurityGroupRule) -> None:
    """Complete a rule, and refuse what means nothing."""
    if rule.ethertype not in _VERSIONS:
        raise InvalidInput(reason=f"'{rule.ethertype}' is not in ['IPv4', 'IPv6']")
    if rule.direction not in ("ingress", "egress"):
        raise InvalidInput(reason=f"'{rule.direction}' is not in ['ingress', 'egress']")
    if rule.remote_ip_prefix is not None:
        if rule.remote_group_id is not None:
            raise SecurityGroupRemoteGroupAndRemoteIpPrefix
        rule.remote_ip_prefix = _checked_prefix(rule)
    if rule.protocol is not None:
        rule.protocol = _checked_protocol(rule, rule.protocol.lower())
    _check_range(rule)


def _checked_prefix(rule: SecurityGroupRule) -> str:
    try:
        prefix = ipaddress.ip_network(rule.remote_ip_prefix or "", strict=False)
    except ValueError:
        raise InvalidInput(reason=f"'{rule.remote_ip_prefix}' is not a valid CIDR") from None
    if prefix.version != _VERSIONS[rule.ethertype]:
        raise SecurityGroupRuleParameterConflict(ethertype=rule.ethertype, cidr=rule.remote_ip_prefix)
    return str(prefix)


def _checked_protocol(rule: SecurityGroupRule, protocol: str) -> str | None:
    if protocol in ("any", "-1"):
        return None
    if protocol not in _NAMES and not (protocol.isdigit() and int(protocol) <= _BYTE):
        raise SecurityGroupRuleInvalidProtocol(protocol=protocol)
    if rule.ethertype == "IPv6" and protocol in _ICMP:
        return "ipv6-icmp"
    if rule.ethertype == "IPv4" and protocol in _ONLY_V6:
        raise SecurityGroupEthertypeConflictWithProtocol(ethertype="IPv4", protocol=protocol)
    return "ipv6-icmp" if protocol == "icmpv6" else protocol


def _check_range(rule: SecurityGroupRule) -> None:
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
