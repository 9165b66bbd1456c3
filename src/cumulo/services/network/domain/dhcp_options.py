"""What DHCP tells one port besides what its subnet says."""

from collections.abc import Sequence
from typing import Any, Protocol

from cumulo.services.network.errors import InvalidInput

# Names of OVN's options (ovn-nb(5), DHCP_Options); clients write them with hyphens, or as RFC 2132's numbers.
V4 = {
    "netmask": 1,
    "router": 3,
    "dns_server": 6,
    "log_server": 7,
    "lpr_server": 9,
    "hostname": 12,
    "domain_name": 15,
    "swap_server": 16,
    "policy_filter": 21,
    "default_ttl": 23,
    "mtu": 26,
    "broadcast_address": 28,
    "router_solicitation": 32,
    "arp_cache_timeout": 35,
    "tcp_ttl": 37,
    "tcp_keepalive_interval": 38,
    "nis_server": 41,
    "ntp_server": 42,
    "netbios_name_server": 44,
    "netbios_node_type": 46,
    "lease_time": 51,
    "server_id": 54,
    "tftp_server": 66,
    "bootfile_name": 67,
    "domain_search_list": 119,
    "classless_static_route": 121,
    "tftp_server_address": 150,
    "path_prefix": 210,
    "ms_classless_static_route": 249,
    "wpad": 252,
}
V6 = {"dns_server": 23, "domain_search": 24, "bootfile_name": 59}
_OTHER_WORDS = {"server_ip_address": "tftp_server_address", "domain_search": "domain_search_list"}
_BY_VERSION = {4: V4, 6: V6}


class Asked(Protocol):
    """One entry of `extra_dhcp_opts` as a client sent it."""

    opt_name: str
    opt_value: str | None
    ip_version: int


def ovn_name(name: str, version: int) -> str | None:
    """Return the option as OVN calls it; None when it has no such."""
    known = _BY_VERSION[version]
    if name.isdigit():
        return next((word for word, number in known.items() if number == int(name)), None)
    word = name.replace("-", "_")
    word = word if word in known else _OTHER_WORDS.get(word, word)
    return word if word in known else None


def merged(before: Sequence[dict[str, Any]], asked: Sequence[Asked]) -> list[dict[str, Any]]:
    """Return a port's options after a request: new values replace old ones, null takes one away."""
    found = {(entry["opt_name"], entry["ip_version"]): entry for entry in before}
    for entry in asked:
        if entry.ip_version not in _BY_VERSION:
            raise InvalidInput(reason=f"{entry.ip_version} is no IP version")
        if ovn_name(entry.opt_name, entry.ip_version) is None:
            raise InvalidInput(reason=f"'{entry.opt_name}' is no DHCP option that can be told to a port")
        key = (entry.opt_name, entry.ip_version)
        if entry.opt_value is None:
            found.pop(key, None)
        else:
            shown = {"opt_name": entry.opt_name, "opt_value": entry.opt_value, "ip_version": entry.ip_version}
            found[key] = shown
    return list(found.values())
