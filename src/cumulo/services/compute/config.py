"""Compute's settings, section `[compute]`."""

from typing import ClassVar

from cumulo.core.config import Section


class ComputeSettings(Section, frozen=True):
    """What an operator may choose of compute.

    Ratios: how often a host's vCPUs, memory and disk are given out. reserved_memory_mib: kept for the host.
    host_silence: seconds without a report after which a host counts as down. console_lifetime: seconds a
    console's URL stays valid. shutdown_timeout: seconds a guest has to shut itself down. deleted_kept_days:
    how long deleted servers can be asked for. console_url: where noVNC is served, `{base}` being the
    cloud's own address. offload_shelved: whether shelved servers leave their hosts at once.
    resize_confirm_window: seconds after which a resize is confirmed by itself; 0: never.
    """

    section: ClassVar[str] = "compute"
    default_zone: str = "nova"
    cpu_allocation_ratio: float = 16.0
    memory_allocation_ratio: float = 1.0
    disk_allocation_ratio: float = 1.0
    reserved_memory_mib: int = 0
    host_silence: float = 60.0
    console_lifetime: float = 600.0
    shutdown_timeout: float = 60.0
    console_url: str = "{base}/console/vnc_lite.html"
    deleted_kept_days: float = 30.0
    server_tags: int = 50
    offload_shelved: bool = True
    resize_confirm_window: float = 0.0
