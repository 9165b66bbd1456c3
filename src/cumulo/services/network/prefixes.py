"""Ranges of addresses in rules: shown as given, meant without the bits behind the mask."""

import ipaddress


def normalized(prefix: str | None) -> str | None:
    """Return the range that a prefix means: 10.0.0.0/24 for 10.0.0.7/24."""
    return None if prefix is None else str(ipaddress.ip_network(prefix, strict=False))
