"""Networks, subnets and ports as rows."""

import hashlib
import ipaddress

from cumulo.ovsdb import Row
from cumulo.services.network.drivers.ovn import places, qos
from cumulo.services.network.drivers.ovn.rows import Place, Slot, Wanted
from cumulo.services.network.drivers.specs import NetworkSpec, PortSpec, SubnetSpec, Use

METADATA_ADDRESS = "169.254.169.254"
_LEASE_SECONDS = "43200"
_TEXTS = frozenset(
    ("hostname", "domain_name", "tftp_server", "bootfile_name", "path_prefix", "wpad", "domain_search_list")
) | {"domain_search"}


def network(spec: NetworkSpec) -> list[Wanted]:
    """Return a logical switch; with a localnet port when it reaches a physical network."""
    name = f"cumulo-{spec.id}"
    labels = {"cumulo:name": spec.name}
    passes = {"vlan-passthru": "true"} if spec.transparent or spec.qinq else {}
    columns = {"name": name, "other_config": passes}
    wanted = [Wanted(place=places.switch(spec.id), columns=columns, labels=labels)]
    if spec.physical_network is not None:
        wanted.append(_localnet(spec, "", spec.physical_network, spec.vlan))
    return wanted + [_localnet(spec, f"-{id_}", physical, vlan) for id_, physical, vlan in spec.further]


def _localnet(spec: NetworkSpec, mark: str, physical: str, vlan: int | None) -> Wanted:
    """Return the port by which a network reaches a physical one, on hosts that do."""
    options = {"network_name": physical}
    if spec.qinq and vlan is not None:
        options["ethtype"] = "802.11ad"  # as OVN spells IEEE 802.1ad
    columns = {
        "name": f"provnet-{spec.id}{mark}",
        "type": "localnet",
        "addresses": frozenset({"unknown"}),
        "options": options,
        "tag": vlan,
    }
    place = Place("Logical_Switch_Port", f"{places.switch(spec.id).key}#localnet{mark}")
    return Wanted(place=place, columns=columns, parent=places.switch_ports(spec.id))


def subnet(spec: SubnetSpec) -> list[Wanted]:
    """Return the DHCP answers of a subnet; nothing when it has no DHCP."""
    if not spec.dhcp:
        return []
    options = _dhcpv4(spec) if spec.version == 4 else _dhcpv6(spec)  # noqa: PLR2004  IP's version numbers are their own names
    columns = {"cidr": spec.cidr, "options": options}
    labels = {"cumulo:network": spec.network_id}
    return [Wanted(place=places.dhcp(spec.id), columns=columns, labels=labels)]


def _dhcpv4(spec: SubnetSpec) -> dict[str, str]:
    """OVN's DHCPv4 options (ovn-nb(5)). A client that takes static routes ignores `router`."""
    net = ipaddress.ip_network(spec.cidr)
    server = spec.gateway or spec.metadata_address or str(net.network_address + 1)
    options = {
        "server_id": server,
        "server_mac": _server_mac(spec.id),
        "lease_time": _LEASE_SECONDS,
        "mtu": str(spec.mtu),
    }
    routes = list(spec.routes)
    if spec.metadata_address is not None:
        routes.insert(0, (f"{METADATA_ADDRESS}/32", spec.metadata_address))
    if spec.gateway is not None:
        options["router"] = spec.gateway
        routes.append(("0.0.0.0/0", spec.gateway))
    if routes:
        pairs = ", ".join(f"{destination},{hop}" for destination, hop in routes)
        options["classless_static_route"] = f"{{{pairs}}}"
    if spec.dns:
        options["dns_server"] = f"{{{', '.join(spec.dns)}}}"
    if spec.domain:
        options["domain_name"] = f'"{spec.domain}"'
    return options


def _dhcpv6(spec: SubnetSpec) -> dict[str, str]:
    options = {"server_id": _server_mac(spec.id)}
    if spec.dns:
        options["dns_server"] = f"{{{', '.join(spec.dns)}}}"
    if spec.domain:
        options["domain_search"] = f'"{spec.domain}"'
    if spec.ra_mode != "dhcpv6-stateful":
        options["dhcpv6_stateless"] = "true"
    return options


def _server_mac(subnet_id: str) -> str:
    """Return the same made-up MAC every time, so that repair changes nothing."""
    digest = hashlib.sha256(subnet_id.encode()).hexdigest()
    return "fa:16:3e:" + ":".join(digest[i : i + 2] for i in (0, 2, 4))


def port_dhcp(spec: PortSpec, version: int, subnet: Row) -> Wanted:
    """Return the DHCP answers of a port that differ from those of its subnet, whose row is given."""
    own = spec.dhcp_options_v4 if version == 4 else spec.dhcp_options_v6  # noqa: PLR2004  IP's version numbers are their own names
    options = {name: _written(name, value) for name, value in own}
    columns = {"cidr": subnet["cidr"], "options": {**subnet["options"], **options}}
    return Wanted(place=places.port_dhcp(spec.id, version), columns=columns)


def _written(name: str, value: str) -> str:
    """Quote text as OVN wants it; addresses and numbers stand as they are, lists in braces."""
    if name in _TEXTS and not (name == "tftp_server" and _is_address(value)):
        return f'"{value.replace(chr(34), "")}"'
    return f"{{{value}}}" if "," in value and not value.startswith("{") else value


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def port(spec: PortSpec) -> list[Wanted]:
    """Return a logical switch port, in the groups that filter it."""
    own = " ".join([spec.mac, *(address for _, address in spec.addresses)])
    addresses = {own}
    security: set[str] = set()
    sets: set[Slot] = set()
    if spec.use == Use.GUEST:
        sets = {Slot(places.group(id_), "ports") for id_ in spec.security_groups}
        if spec.port_security:
            security = {_speaks(spec), *(f"{mac} {address}" for mac, address in spec.pairs)}
            sets.add(Slot(places.DROP, "ports"))
        else:
            addresses.add("unknown")
    columns = {
        "name": spec.id,
        "type": "localport" if spec.use == Use.METADATA else "",
        "enabled": spec.enabled,
        "addresses": frozenset(addresses),
        "port_security": frozenset(security),
        "parent_name": spec.parent,
        "tag": spec.tag,
        "options": _port_options(spec),
        "dhcpv4_options": _dhcp_of(spec, 4),
        "dhcpv6_options": _dhcp_of(spec, 6),
    }
    return [
        Wanted(
            place=Place("Logical_Switch_Port", f"port:{spec.id}"),
            columns=columns,
            parent=places.switch_ports(spec.network_id),
            sets=frozenset(sets),
        ),
        *_names(spec),
        *qos.of_port(spec),
    ]


def _speaks(spec: PortSpec) -> str:
    """Return what may be sent: by the card's addresses, and by its link-local one where it speaks IPv6.

    OVN 23.03 allows the latter by itself, but denies answers to whoever asks where it is.
    """
    held = [address for _, address in spec.addresses]
    if any(":" in address for address in held):
        held.append(_link_local(spec.mac))
    return " ".join([spec.mac, *held])


def _link_local(mac: str) -> str:
    """Return the address that a card makes of its MAC (RFC 4291, appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    card = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + card))


def _port_options(spec: PortSpec) -> dict[str, str]:
    """Return where a port may be, and what is promised to it (ovn-nb(5)).

    Of two hosts that have a guest during its migration, the second opens its port once the guest there says
    by RARP where it is, and the first closes its own.
    """
    options = {} if spec.minimum_kbps is None else {"qos_min_rate": str(spec.minimum_kbps * 1000)}
    if spec.use == Use.GUEST and spec.host and spec.parent is None:
        options["requested-chassis"] = ",".join(filter(None, (spec.host, spec.expected_at)))
        if spec.expected_at:
            options["activation-strategy"] = "rarp"
    return options


def _names(spec: PortSpec) -> list[Wanted]:
    """Return what the network's guests are told of the port's name: OVN answers for itself."""
    if not spec.names:
        return []
    place = Place("DNS", f"{places.owner(spec.kind, spec.id)}#dns")
    hung = frozenset({Slot(places.switch(spec.network_id), "dns_records")})
    return [Wanted(place=place, columns={"records": dict(spec.names)}, sets=hung)]


def _dhcp_of(spec: PortSpec, version: int) -> Place | None:
    """Return the row whose answers the port gets: its own, its subnet's, or none."""
    subnet_id = spec.dhcp_subnet_v4 if version == 4 else spec.dhcp_subnet_v6  # noqa: PLR2004  IP's version numbers are their own names
    own = spec.dhcp_options_v4 if version == 4 else spec.dhcp_options_v6  # noqa: PLR2004  IP's version numbers are their own names
    if subnet_id is None:
        return None
    return places.port_dhcp(spec.id, version) if own else places.dhcp(subnet_id)
