"""Names in DNS, from the rows that have them."""

import ipaddress
from collections.abc import Iterable


def label(dns_name: str, address: str) -> str:
    """Return the host's part of a port's name: the one given, else one made of the address."""
    return dns_name or f"host-{address.replace('.', '-').replace(':', '-')}"


def full(dns_name: str, domain: str, address: str) -> str:
    """Return the name with its domain, and a dot at the end."""
    name = label(dns_name, address)
    if name.endswith("."):
        return name
    return f"{name}.{domain.rstrip('.')}." if domain.rstrip(".") else f"{name}."


def records(dns_name: str, domain: str, addresses: Iterable[str]) -> dict[str, str]:
    """Return what a name leads to, with and without its domain, and the ways back."""
    held = list(addresses)
    if not dns_name or not held:
        return {}
    whole = full(dns_name, domain, held[0]).rstrip(".").lower()
    found = dict.fromkeys({dns_name.rstrip(".").lower(), whole}, " ".join(held))
    return found | {ipaddress.ip_address(address).reverse_pointer: whole for address in held}
