"""What DHCP tells one port besides what its subnet says."""

from collections.abc import Sequence
from typing import Any, Protocol

from cumulo.services.network.drivers.dhcp_options import BY_VERSION, ovn_name
from cumulo.services.network.errors import InvalidInput


class Asked(Protocol):
    """One entry of `extra_dhcp_opts` as a client sent it."""

    opt_name: str
    opt_value: str | None
    ip_version: int


def merged(before: Sequence[dict[str, Any]], asked: Sequence[Asked]) -> list[dict[str, Any]]:
    """Return a port's options after a request: new values replace old ones, null takes one away."""
    found = {(entry["opt_name"], entry["ip_version"]): entry for entry in before}
    for entry in asked:
        if entry.ip_version not in BY_VERSION:
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
