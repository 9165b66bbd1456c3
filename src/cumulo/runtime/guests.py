"""The guests of a cloud as libvirt sees them: for stopping them when the server cannot be asked."""

import contextlib
import time

import libvirt

from cumulo.runtime.engines.libvirt import containers_running, containers_uri, uri
from cumulo.runtime.state import StateFolder


def stop_all(state: StateFolder, *, grace: float) -> None:
    """Have every guest shut itself down; end those that are not off within `grace` seconds."""
    uris = [uri(state), *([containers_uri(state)] if containers_running(state) else [])]
    for each in uris:
        _stop_all_of(each, grace)


def _stop_all_of(where: str, grace: float) -> None:
    connection = libvirt.open(where)
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
