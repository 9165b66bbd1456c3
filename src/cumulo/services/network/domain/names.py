"""Names that ports, networks and floating IPs may have in DNS."""

import re

from cumulo.services.network.errors import InvalidInput

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.IGNORECASE)
_LONGEST = 255


def check_name(name: str, field: str = "dns_name") -> str:
    """Return a host's name: labels with dots between, or nothing. InvalidInput."""
    if name and not (len(name) <= _LONGEST and all(map(_LABEL.fullmatch, name.rstrip(".").split(".")))):
        raise InvalidInput(reason=f"{field} '{name}' is no name in DNS")
    return name


def check_domain(domain: str) -> str:
    """Return a domain, which ends with a dot, or nothing. InvalidInput."""
    if domain and not domain.endswith("."):
        raise InvalidInput(reason=f"dns_domain '{domain}' does not end with a dot")
    return check_name(domain, "dns_domain")
