"""What a running guest's machine counts, and what the agent in a guest can be asked for."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import libvirt
import structlog

from cumulo.contracts.hypervisor import Diagnostics
from cumulo.core.drivers import Unsupported
from cumulo.node.hypervisor.libvirt.definitions import parse

log = structlog.get_logger(__name__)

KIB = 1024
PATIENCE = 30  # seconds that an agent may take to answer: without a limit, libvirt waits for it for ever
_SILENT = frozenset(
    {
        libvirt.VIR_ERR_AGENT_UNRESPONSIVE,
        libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED,
        libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
        libvirt.VIR_ERR_NO_SUPPORT,
        libvirt.VIR_ERR_OPERATION_INVALID,  # it does not run
    }
)


def diagnose(domain: Any) -> Diagnostics:
    """Return the counters of an active domain. Blocks; for the thread pool."""
    described = parse(domain.XMLDesc())
    memory = domain.memoryStats()
    maximum = domain.maxMemory() // KIB
    unused = memory.get("unused")
    return Diagnostics(
        cpu_times=tuple(int(each[2]) for each in domain.vcpus()[0]),
        memory_maximum=maximum,
        memory_used=None if unused is None else max(maximum - unused // KIB, 0),
        nics=tuple(_card(domain, found) for found in described.iterfind("devices/interface")),
        disks=tuple(_disk(domain, found) for found in described.iterfind("devices/disk[@device='disk']")),
    )


def set_password(domain: Any, user: str, password: str) -> None:
    """Have the agent set a user's password. Unsupported when none answers. Blocks; for a thread apart."""
    try:
        domain.agentSetResponseTimeout(PATIENCE)
        domain.setUserPassword(user, password, 0)
    except libvirt.libvirtError as error:
        if error.get_error_code() in _SILENT:
            raise Unsupported("no agent answers in the guest") from None
        raise


@contextmanager
def quiet(domain: Any) -> Iterator[None]:
    """Have the agent write out a guest's file systems and hold them for a moment, if there is one.

    They are let go in any case, also when a killed process had held them. Blocks, for as long as the guest
    likes up to some `PATIENCE`s; for a thread apart.
    """
    if not _has_agent(domain):
        yield
        return
    try:
        domain.agentSetResponseTimeout(PATIENCE)
        domain.fsFreeze()
    except libvirt.libvirtError as error:
        log.info("guest.not_quiet", domain=domain.name(), reason=error.get_error_message())
    try:
        yield
    finally:
        try:
            domain.fsThaw()
        except libvirt.libvirtError as error:
            log.info("guest.not_let_go", domain=domain.name(), reason=error.get_error_message())


def _has_agent(domain: Any) -> bool:
    """Say whether an agent is connected in the guest, as libvirt sees it."""
    described = parse(domain.XMLDesc())
    channels = described.iterfind("devices/channel/target[@name='org.qemu.guest_agent.0']")
    return any(channel.get("state") == "connected" for channel in channels)


def _card(domain: Any, interface: ET.Element) -> dict[str, int | str]:
    target, mac = interface.find("target"), interface.find("mac")
    names = [f"{way}_{what}" for way in ("rx", "tx") for what in ("octets", "packets", "errors", "drop")]
    device = target.get("dev", "") if target is not None else ""
    counted = dict(zip(names, domain.interfaceStats(device), strict=True))
    return {"mac_address": mac.get("address", "") if mac is not None else "", **counted}


def _disk(domain: Any, disk: ET.Element) -> dict[str, int]:
    target = disk.find("target")
    names = ("read_requests", "read_bytes", "write_requests", "write_bytes", "errors_count")
    device = target.get("dev", "") if target is not None else ""
    return dict(zip(names, domain.blockStats(device), strict=True))
