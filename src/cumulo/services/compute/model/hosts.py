"""The hosts that guests run on, as they report themselves."""

from datetime import datetime, timedelta
from typing import ClassVar

from cumulo.core import clock, ids
from cumulo.core.db import Boolean, Integer, Json, Model, String, Text, Unique, When, column


class ComputeHost(Model, table="compute_hosts"):
    """One host: its hypervisor, its compute service, its provider in placement (the same id).

    `report` is the digest of what it last reported; `seen_at` when it last did.
    """

    binary: ClassVar[str] = "nova-compute"

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    service_id: str = column(String(36), default_factory=ids.dashed)
    host: str = column(String(255))
    zone: str = column(String(255))
    hypervisor_type: str = column(String(64))
    hypervisor_version: int = column(Integer, default=0)
    vcpus: int = column(Integer)
    memory_mib: int = column(Integer)
    disk_gib: int = column(Integer)
    cpu_info: str = column(Text, default="{}")
    host_ip: str = column(String(64), default="127.0.0.1")
    supported_instances: list[list[str]] = column(Json, default_factory=list)
    report: str = column(String(64), default="")
    disabled: bool = column(Boolean, default=False)
    disabled_reason: str | None = column(Text, default=None)
    forced_down: bool = column(Boolean, default=False)
    seen_at: datetime = column(When, default_factory=clock.now)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime | None = column(When, default=None)
    __extra__ = (Unique("host", name="uq_compute_hosts_host"),)

    def is_up(self, silence: float) -> bool:
        """Say whether the host reported within the last `silence` seconds and none forced it down."""
        return not self.forced_down and clock.now() - self.seen_at <= timedelta(seconds=silence)
