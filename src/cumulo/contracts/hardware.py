"""What a guest's machine is made of, besides its disks and cards: what flavors and images decide."""

import msgspec


class Cell(msgspec.Struct, frozen=True):
    """A NUMA node of the guest: which of its processors, and how much of its memory in MiB."""

    cpus: tuple[int, ...]
    memory_mib: int


class Tpm(msgspec.Struct, frozen=True):
    """A trusted platform module in software: version 1.2 or 2.0, model tpm-tis or tpm-crb."""

    version: str
    model: str = "tpm-tis"


class Hardware(msgspec.Struct, frozen=True, kw_only=True):
    """How the machine is made. A default says: as the driver has it.

    topology: sockets, cores and threads, whose product is the number of processors. pinned: the guest's
    processors that each have one of the host's dedicated ones to themselves. cpu_period and cpu_quota in
    microseconds. page_kib: the size of the pages that back its memory (0: ordinary). disk_limits: of each of
    its own disks, by libvirt's names of `iotune`. rng_bytes within rng_period_ms; 0: without limit.
    """

    topology: tuple[int, int, int] | None = None
    pinned: tuple[int, ...] = ()
    cpu_shares: int = 0
    cpu_period: int = 0
    cpu_quota: int = 0
    cells: tuple[Cell, ...] = ()
    page_kib: int = 0
    locked_memory: bool = False
    disk_limits: dict[str, int] = {}
    watchdog: str = ""  # pause, poweroff, reset, none
    rng: bool = True
    rng_bytes: int = 0
    rng_period_ms: int = 0
    tpm: Tpm | None = None
    secure_boot: bool = False
    video: str = "vga"
    video_mib: int = 0
    pointer: str = ""  # usb, virtio
    hides_hypervisor: bool = False
    performance_unit: bool | None = None
    boot_menu: bool = False
    serial_ports: int = 1
    packed_ring: bool = False
    windows: bool = False
    scsi_model: str = "virtio-scsi"
