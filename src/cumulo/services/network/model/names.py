"""Names in DNS, from the rows that have them."""

import ipaddress
from collections.abc import Iterable


def made_of(address: str) -> str:
    """Return the host's part of a name that nobody gave: it is made of the address."""
    return f"host-{address.replace('.', '-').replace(':', '-')}"


def end(dns_name: str, domain: str) -> str:
    """Return what follows the host's part: the domain, unless the name is whole, and a dot."""
    if dns_name.endswith("."):
        return ""
    stem = domain.rstrip(".")
    return f".{stem}." if stem else "."


def records(dns_name: str, domain: str, addresses: Iterable[str]) -> dict[str, str]:
    """Return what a name leads to, with and without its domain, and the ways back."""
    held = list(addresses)
    if not dns_name or not held:
        return {}
    whole = f"{dns_name}{end(dns_name, domain)}".rstrip(".").lower()
    found = dict.fromkeys({dns_name.rstrip(".").lower(), whole}, " ".join(held))
    return found | {ipaddress.ip_address(address).reverse_pointer: whole for address in held}
