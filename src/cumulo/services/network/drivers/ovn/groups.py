"""Security groups as port groups with ACLs.

A rule allows with `allow-related`, so answers pass (not so in a stateless group); everything else is dropped
by one group that holds every port with port security. OVN keeps an address set `<name>_ip4` and `_ip6` for
each port group by itself, which is what a rule with a remote group refers to.
"""

from typing import Any

import msgspec

from cumulo.services.network.drivers.ovn import places
from cumulo.services.network.drivers.ovn.rows import Place, Slot, Wanted
from cumulo.services.network.drivers.specs import (
    AddressGroupSpec,
    LogSpec,
    RuleSpec,
    SecurityGroupSpec,
)

_NEVER, _LOGGED, _ALLOW, _LOGGED_DROP, _DROP = 1004, 1003, 1002, 1001, 1000
_LINES = 100

# Words that OVN's expressions have; any other protocol is asked for by its number (IANA's list).
_WORDS = {"tcp": "tcp", "udp": "udp", "sctp": "sctp", "6": "tcp", "17": "udp", "132": "sctp"}
_ICMP_V4 = {"icmp", "1"}
_ICMP_V6 = {"icmp", "icmpv6", "ipv6-icmp", "1", "58"}
_NUMBERS = {
    "ah": 51,
    "dccp": 33,
    "egp": 8,
    "esp": 50,
    "gre": 47,
    "igmp": 2,
    "ipip": 4,
    "ipv6-encap": 41,
    "ipv6-frag": 44,
    "ipv6-nonxt": 59,
    "ipv6-opts": 60,
    "ipv6-route": 43,
    "ospf": 89,
    "pgm": 113,
    "rsvp": 46,
    "udplite": 136,
    "vrrp": 112,
}


def security_group(spec: SecurityGroupSpec) -> list[Wanted]:
    """Return a port group, and an ACL for each rule."""
    place = places.group(spec.id)
    name = places.group_name(spec.id)
    labels = {"cumulo:name": spec.name}
    wanted = [Wanted(place=place, columns={"name": name}, labels=labels)]
    action = "allow-related" if spec.stateful else "allow-stateless"
    whole = next((log for log in spec.logs if log.port is None and log.passed), None)
    for rule in spec.rules:
        allowed = _acl(place, rule.id, ingress=rule.ingress, match=match(rule, f"@{name}"), action=action)
        wanted.append(_logged(allowed, whole))
    for log in spec.logs:
        wanted += _of_log(place, spec, log)
    return wanted


def _of_log(place: Place, spec: SecurityGroupSpec, log: LogSpec) -> list[Wanted]:
    """Return what writes down what a group drops, and what passes for a log's one port.

    Drops lie between what allows and what drops without a word, so that another group may still allow.
    """
    action = "allow-related" if spec.stateful else "allow-stateless"
    of = f"@{places.group_name(spec.id)}" if log.port is None else f'"{log.port}"'
    wanted = []
    if log.port is not None and log.passed:
        wanted += [
            _acl(place, f"log-{log.id}-{rule.id}", ingress=rule.ingress, match=match(rule, of),
                 action=action, priority=_LOGGED)
            for rule in spec.rules
        ]  # fmt: skip
    if log.dropped:
        wanted += [
            _acl(place, f"log-{log.id}-{key}", ingress=key == "in", match=f"{side} == {of} && ip",
                 action="drop", priority=_LOGGED_DROP)
            for key, side in (("in", "outport"), ("out", "inport"))
        ]  # fmt: skip
    return [_logged(each, log) for each in wanted]


def _logged(acl: Wanted, log: LogSpec | None) -> Wanted:
    """Return a rule whose packets a host writes down, under a log's id; None: it does not."""
    told: dict[str, Any] = {"log": log is not None, "name": None, "severity": None, "meter": None}
    if log is not None:
        told |= {"name": f"cumulo-{log.id}", "severity": "info", "meter": places.LOG_METER_NAME}
    return msgspec.structs.replace(acl, columns={**acl.columns, **told})


def log_meter() -> list[Wanted]:
    """Return the meter of logs: so many lines a second of each rule on each host."""
    band = Place("Meter_Band", f"{places.LOG_METER.key}#band")
    most = {"action": "drop", "rate": _LINES, "burst_size": _LINES}
    columns = {"name": places.LOG_METER_NAME, "unit": "pktps", "fair": True, "bands": frozenset({band})}
    return [Wanted(place=band, columns=most), Wanted(place=places.LOG_METER, columns=columns)]


def address_group(spec: AddressGroupSpec) -> list[Wanted]:
    """Return the address sets of an address group, one for each version."""
    wanted = []
    for version in (4, 6):
        name = places.address_set_name(spec.id, version)
        cidrs = frozenset(cidr for cidr in spec.cidrs if (":" in cidr) == (version == 6))  # noqa: PLR2004  IP's version numbers are their own names
        place = Place("Address_Set", f"{places.owner(spec.kind, spec.id)}#ip{version}")
        wanted.append(Wanted(place=place, columns={"name": name, "addresses": cidrs}))
    return wanted


def drop() -> list[Wanted]:
    """Return the group that drops all but what a guest needs to ask for its address.

    Nothing allows a guest to answer such questions of others.
    """
    place, name = places.DROP, places.DROP_NAME
    serves = {
        "dhcp-server": f"inport == @{name} && ip4 && udp.src == 67 && udp.dst == 68",
        "dhcpv6-server": f"inport == @{name} && ip6 && udp.src == 547 && udp.dst == 546",
    }
    asks = {
        "dhcp": f"inport == @{name} && ip4 && udp.src == 68 && udp.dst == 67",
        "dhcpv6": f"inport == @{name} && ip6 && udp.src == 546 && udp.dst == 547",
    }
    wanted = [Wanted(place=place, columns={"name": name})]
    wanted += [_acl(place, key, ingress=False, match=text) for key, text in asks.items()]
    wanted += [
        _acl(place, key, ingress=False, match=text, action="drop", priority=_NEVER)
        for key, text in serves.items()
    ]
    for key, ingress, port in (("in", True, "outport"), ("out", False, "inport")):
        text = f"{port} == @{name} && ip"
        wanted.append(_acl(place, key, ingress=ingress, match=text, action="drop", priority=_DROP))
    return wanted


def _acl(
    place: Place,
    key: str,
    *,
    ingress: bool,
    match: str,
    action: str = "allow-related",
    priority: int = _ALLOW,
) -> Wanted:
    columns: dict[str, Any] = {
        "action": action,
        "direction": "to-lport" if ingress else "from-lport",
        "match": match,
        "priority": priority,
    }
    return Wanted(place=Place("ACL", f"{place.key}#{key}"), columns=columns, parent=Slot(place, "acls"))


def match(rule: RuleSpec, name: str) -> str:
    """Return a rule as an expression of ovn-sb(5) for a port, or for those of a group (`@name`)."""
    ip = f"ip{rule.version}"
    side = "src" if rule.ingress else "dst"
    parts = [f"{'outport' if rule.ingress else 'inport'} == {name}", ip]
    if rule.remote_cidr is not None:
        parts.append(f"{ip}.{side} == {rule.remote_cidr}")
    if rule.remote_group is not None:
        parts.append(f"{ip}.{side} == ${places.group_name(rule.remote_group)}_{ip}")
    if rule.remote_addresses is not None:
        parts.append(f"{ip}.{side} == ${places.address_set_name(rule.remote_addresses, rule.version)}")
    return " && ".join(parts + _protocol(rule))


def _protocol(rule: RuleSpec) -> list[str]:
    if rule.protocol is None:
        return []
    protocol = rule.protocol.lower()
    icmp = _ICMP_V4 if rule.version == 4 else _ICMP_V6  # noqa: PLR2004  IP's version numbers are their own names
    if protocol in icmp:
        word = f"icmp{rule.version}"
        numbers = (("type", rule.first), ("code", rule.last))
        return [word, *(f"{word}.{key} == {value}" for key, value in numbers if value is not None)]
    word = _WORDS.get(protocol, "")
    if not word:
        return [f"ip.proto == {_NUMBERS.get(protocol, protocol)}"]
    if rule.first is not None and rule.first == rule.last:
        return [word, f"{word}.dst == {rule.first}"]
    bounds = ((">=", rule.first), ("<=", rule.last))
    return [word, *(f"{word}.dst {sign} {value}" for sign, value in bounds if value is not None)]
