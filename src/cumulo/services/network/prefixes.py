"""Ranges of addresses in rules: shown as given, meant without the bits behind the mask."""

import ipaddress


def unscoped(text: str) -> str:
    """Return what is to be read as an address or a prefix. ValueError when it names a zone.

    A zone (`fe80::1%eth0`, RFC 4007) is one host's word, and may be any: for Python it belongs to the
    address, for OVN and for comparing addresses it is nonsense.
    """
    if "%" in text:
        raise ValueError(f"{text!r} names a zone")
    return text


def normalized(prefix: str | None) -> str | None:
    """Return the range that a prefix means: 10.0.0.0/24 for 10.0.0.7/24."""
    return None if prefix is None else str(ipaddress.ip_network(prefix, strict=False))
