"""The guests of a cloud as libvirt sees them: for stopping them when the server cannot be asked."""

import contextlib
import time

import libvirt

from cumulo.runtime.engines.libvirt import uri
from cumulo.runtime.state import StateFolder


def stop_all(state: StateFolder, *, grace: float) -> None:
    """Shut every guest down by ACPI; end those that are not off within `grace` seconds."""
    connection = libvirt.open(uri(state))
    try:
        running = connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
        if grace:
            for domain in running:
                with contextlib.suppress(libvirt.libvirtError):
                    domain.shutdown()
        give_up = time.monotonic() + grace
        while running and time.monotonic() < give_up:
            running = [domain for domain in running if _active(domain)]
            time.sleep(0.2)
        for domain in running:
            with contextlib.suppress(libvirt.libvirtError):
                domain.destroy()
    finally:
        connection.close()


def _active(domain: libvirt.virDomain) -> bool:
    try:
        return bool(domain.isActive())
    except libvirt.libvirtError:
        return False
