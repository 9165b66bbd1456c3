"""The DHCP options that a data plane can tell one port, by the names that OVN has for them."""

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
BY_VERSION = {4: V4, 6: V6}


def ovn_name(name: str, version: int) -> str | None:
    """Return the option as OVN calls it; None when it has no such."""
    known = BY_VERSION[version]
    if name.isdecimal():
        return next((word for word, number in known.items() if number == int(name)), None)
    word = name.replace("-", "_")
    word = word if word in known else _OTHER_WORDS.get(word, word)
    return word if word in known else None
