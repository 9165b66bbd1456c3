"""What tests of traffic make of networks, as users do: by the official client."""

from typing import Any

from cumulo.testing.official import OpenStack


def opened(user: OpenStack, group: str = "open") -> OpenStack:
    """Give a project a security group in which everything is allowed."""
    user("security group create", group)
    for version in ("IPv4", "IPv6"):
        user("security group rule create", group, "--ethertype", version, "--protocol", "any")
    return user


def network(user: OpenStack, name: str, cidr: str, *, router: str = "") -> None:
    """Make a network with an IPv4 subnet; behind a router to the external network when that has a name."""
    user("network create", name)
    user("subnet create", name, "--network", name, "--subnet-range", cidr)
    if router:
        user("router create", router, "--external-gateway", "public")
        user("router add subnet", router, name)


def port(user: OpenStack, name: str, at: str, *options: str, group: str = "open") -> dict[str, Any]:
    """Make a port; return it as the client shows it."""
    return dict(user.json("port create", name, "--network", at, "--security-group", group, *options))


def floating(user: OpenStack, port_name: str) -> str:
    """Give a port a floating IP; return that."""
    made = user.json("floating ip create", "public", "--port", port_name)
    return str(made["floating_ip_address"])


def six(user: OpenStack, name: str, cidr: str, mode: str) -> None:
    """Add an IPv6 subnet to a network, and a router to that."""
    modes = ("--ipv6-ra-mode", mode, "--ipv6-address-mode", mode, "--dns-nameserver", "fd00:53::1")
    user("subnet create", f"{name}6", "--network", name, "--ip-version", "6", "--subnet-range", cidr, *modes)
    user("router create", f"{name}6")
    user("router add subnet", f"{name}6", f"{name}6")
