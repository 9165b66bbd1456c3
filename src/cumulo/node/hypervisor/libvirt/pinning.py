"""Which of a host's dedicated processors belong to which guest: the definitions themselves say it."""

from typing import Any

import libvirt

from cumulo.core.drivers import Permanent
from cumulo.node.hypervisor.libvirt.definitions import parse
from cumulo.node.hypervisor.libvirt.domains import GONE


def choose(connection: Any, name: str, number: int, dedicated: frozenset[int]) -> tuple[int, ...]:
    """Return so many of the dedicated processors that no other guest has, for the domain `name`.

    It keeps those that it has. Permanent when there are too few. Whoever asks defines the domain before
    anybody else may ask. Blocks; for the thread pool.
    """
    if not number:
        return ()
    free = set(dedicated)
    own: tuple[int, ...] = ()
    for domain in connection.listAllDomains():
        taken = _pinned(domain)
        if domain.name() == name:
            own = taken
        else:
            free -= set(taken)
    if len(own) == number and set(own) <= free:
        return own
    if len(free) < number:
        reason = f"the host has {len(free)} dedicated processors left, and {number} are needed"
        raise Permanent(reason, public=reason)
    return tuple(sorted(free)[:number])


def _pinned(domain: Any) -> tuple[int, ...]:
    """Return the host's processors that a domain's definition takes for itself."""
    try:
        definition = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    except libvirt.libvirtError as error:
        if error.get_error_code() in GONE:
            return ()
        raise
    pins = parse(definition).iterfind("cputune/vcpupin")
    return tuple(int(pin.get("cpuset", "0")) for pin in pins if pin.get("cpuset", "").isdigit())
