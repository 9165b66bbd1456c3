"""Guests that QEMU stopped at a write because their disk's file system was full.

A guest that went on without that write would lose data, so QEMU waits for somebody to let it go on, and then
tries the same write again.
"""

import shutil
from pathlib import Path
from typing import Any

import libvirt
import structlog

log = structlog.get_logger()

ROOM = 64 << 20  # bytes that must be free before it is worth trying


def feed(connection: Any, prefix: str, folder: Path) -> None:
    """Let such guests go on, whose domains' names begin with `prefix`, once `folder` has room again."""
    if shutil.disk_usage(folder).free < ROOM:
        return
    for domain in connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_PAUSED):
        if domain.name().startswith(prefix):
            try:
                if _is_starved(domain):
                    domain.resume()
                    log.info("guest.goes_on", server=domain.name().removeprefix(prefix), reason="room again")
            except libvirt.libvirtError as error:  # it has gone, or is being changed: the next round looks
                log.debug("guest.not_fed", domain=domain.name(), reason=str(error))


def _is_starved(domain: Any) -> bool:
    failed = domain.state()[1] == libvirt.VIR_DOMAIN_PAUSED_IOERROR
    return failed and libvirt.VIR_DOMAIN_DISK_ERROR_NO_SPACE in domain.diskErrors().values()
