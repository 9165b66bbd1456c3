"""What compute asks of the hypervisor on a host. Drivers live in `cumulo.node.hypervisor`.

Every verb is idempotent: `ensure` of what exists, `remove` of what is gone, both succeed. All of these are
msgspec structs, so that they cross the bus to another host unchanged. Sizes: memory MiB, disks GiB or bytes
as named.
"""

from enum import StrEnum
from typing import Protocol

import msgspec

from cumulo.contracts.compute import GuestMetadata
from cumulo.contracts.hardware import Hardware
from cumulo.contracts.volumes import BlockAccess, Exchange


class PowerState(StrEnum):
    """What a guest's machine is doing."""

    RUNNING = "running"
    PAUSED = "paused"
    SHUTDOWN = "shutdown"
    CRASHED = "crashed"
    SUSPENDED = "suspended"
    MISSING = "missing"


class DiskSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The root disk: a qcow2 overlay on a cached base made from an image; or an empty disk."""

    image_id: str | None = None
    image_path: str | None = None  # where the image's bytes are on this machine
    image_format: str = "qcow2"
    image_digest: str = ""  # names the cached base, so a changed image never shares one
    size_gib: int = 0  # 0: as large as the image
    bus: str = "virtio"


class VolumeDisk(msgspec.Struct, frozen=True, kw_only=True):
    """A volume as a guest's disk. `device` is its name there (`vdb`), a wish that guests may not follow.

    `limits` are the front-end limits of the volume's QoS, by libvirt's names for them, which are Cinder's too
    (libvirt.org/formatdomain, `iotune`): bytes or operations a second.
    """

    volume_id: str
    access: BlockAccess
    device: str
    bus: str = "virtio"
    limits: dict[str, int] = {}


class NicSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One network card. The port's id is its name in Open vSwitch's `iface-id`."""

    port_id: str
    mac: str
    mtu: int
    model: str = "virtio"

    @property
    def tap(self) -> str:
        """The name of its tap device on the host (15 characters at most)."""
        return f"tap{self.port_id[:11]}"


class RescueSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A system to boot in place of the guest's own, whose disks are there beside it.

    `stable`: the guest's disks keep their names, and the rescue disk comes after them as `device` (disk or
    cdrom) on its bus; else it takes the place of the first, as it was before there were stable ones.
    """

    disk: DiskSpec
    stable: bool = False
    device: str = "disk"


class LocalDisk(msgspec.Struct, frozen=True, kw_only=True):
    """A disk on the host that no image fills: `ephemeral0`, `swap`. Made anew it holds a file system.

    format: ext4, vfat, ..., swap; "": none. `device` is its name in the guest, as a volume's.
    """

    name: str
    size_mib: int
    format: str
    device: str
    bus: str = "virtio"


class GuestSpec(msgspec.Struct, frozen=True, kw_only=True):
    """All that a host must know to run a server's guest."""

    server_id: str
    name: str
    project_id: str
    vcpus: int
    memory_mib: int
    root: DiskSpec | None = None  # None: the first of `volumes` is what it boots from
    volumes: tuple[VolumeDisk, ...] = ()
    nics: tuple[NicSpec, ...] = ()
    config_drive: GuestMetadata | None = None  # what is told on it: the whole metadata tree
    machine: str | None = None
    firmware: str = "bios"
    told: dict[str, str] = {}  # who looks at the host sees: the names of the server and of its flavor
    rescue: RescueSpec | None = None
    agent: bool = False  # a way to the agent that its image says it has
    hardware: Hardware = Hardware()
    local_disks: tuple[LocalDisk, ...] = ()
    container: bool = False  # no machine: its root is an archive of a file system


class Diagnostics(msgspec.Struct, frozen=True, kw_only=True):
    """What a running guest's machine counts. Times in nanoseconds, memory in MiB, else bytes and events."""

    uptime: int = 0  # seconds
    cpu_times: tuple[int, ...] = ()
    memory_maximum: int = 0
    memory_used: int | None = None
    nics: tuple[dict[str, int | str], ...] = ()
    disks: tuple[dict[str, int], ...] = ()


class GuestState(msgspec.Struct, frozen=True, kw_only=True):
    """What a host says of a guest.

    `travelling`: it stands still for its migration; on the host that it goes to, not all of it is there yet.
    """

    server_id: str
    power: PowerState
    reason: str = ""
    travelling: bool = False


class HostReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a host has and is. Published on the bus as `host.report`, at start and every few seconds."""

    host: str
    hypervisor_type: str  # QEMU, KVM, fake
    hypervisor_version: int
    vcpus: int
    memory_mib: int
    disk_gib: int
    cpu_info: str = "{}"
    traits: tuple[str, ...] = ()
    host_ip: str = "127.0.0.1"
    supported_instances: tuple[tuple[str, str, str], ...] = ()
    dedicated: int = 0  # processors beside `vcpus` that guests get to themselves
    huge_pages: tuple[tuple[int, int], ...] = ()  # their size in KiB, and how many there are


class LifecycleEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A guest changed by itself. Published on the bus as `host.lifecycle`."""

    host: str
    server_id: str
    power: PowerState
    reason: str = ""


class ConsoleAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a guest's console is on its host.

    Its VNC server's Unix socket, or the terminal device that its serial port ends in.
    """

    socket_path: str = ""
    terminal: str = ""


class GuestMissing(Exception):
    """The host has no such guest."""


class Hypervisor(Protocol):
    """A host's hypervisor."""

    async def report(self) -> HostReport:
        """Say what the host has and is."""

    async def ensure(self, spec: GuestSpec, *, fence: int = 0) -> GuestState:
        """Make the guest as `spec` says (disks, taps, definition) and have it running."""

    async def remove(self, server_id: str, *, fence: int = 0) -> None:
        """End the guest and remove its definition, disks, taps and logs."""

    async def describe(self, server_id: str) -> GuestState:
        """Say what the guest is doing; `MISSING` when the host does not know it."""

    async def guests(self) -> list[GuestState]:
        """Say it of every guest of this cloud on the host."""

    async def power_on(self, spec: GuestSpec, *, fence: int = 0) -> GuestState:
        """Have a stopped guest running."""

    async def power_off(
        self,
        server_id: str,
        *,
        timeout: float = 0,  # noqa: ASYNC109  how long the guest may take, on another host
        fence: int = 0,
    ) -> GuestState:
        """Stop the guest: by ACPI within `timeout` seconds, then (or at once with 0) by force."""

    async def reboot(self, spec: GuestSpec, *, hard: bool, fence: int = 0) -> GuestState:
        """Reboot: softly from inside (falling back to hard), or hard by making the machine anew."""

    async def pause(self, server_id: str) -> GuestState:
        """Freeze the guest in memory."""

    async def unpause(self, server_id: str) -> GuestState:
        """Let a frozen guest go on."""

    async def attach_volume(self, server_id: str, disk: VolumeDisk, *, fence: int = 0) -> None:
        """Give a guest one more disk. One that is off gets it by the spec of its next start."""

    async def detach_volume(self, server_id: str, volume_id: str, *, fence: int = 0) -> None:
        """Take a disk from a guest, who must agree; Permanent when it does not. None is no error."""

    async def attach_nic(self, server_id: str, nic: NicSpec, *, fence: int = 0) -> None:
        """Give a guest one more network card. One that is off gets it by the spec of its next start."""

    async def detach_nic(self, server_id: str, nic: NicSpec, *, fence: int = 0) -> None:
        """Take a network card from a guest, who must agree; Permanent when it does not. None is no error."""

    async def suspend(self, server_id: str, *, fence: int = 0) -> GuestState:
        """Write the guest's memory to disk and end it; `power_on` lets it go on. Hard reboots forget it."""

    async def rebuild(self, spec: GuestSpec, *, fence: int = 0) -> GuestState:
        """Throw the guest's own disks away, make them anew by `spec`, and have it running."""

    async def keep_disk(self, server_id: str, *, fence: int = 0) -> None:
        """Stop the guest and put a copy of its own disk aside, unless one is there already."""

    async def restore_disk(self, server_id: str, *, fence: int = 0) -> None:
        """Stop the guest and put what was set aside back in the disk's place; none is no error."""

    async def release_disk(self, server_id: str, *, fence: int = 0) -> None:
        """Remove what was set aside; none is no error."""

    async def receive_disk(
        self, server_id: str, offset: int, data: bytes, *, last: bool, disk: str = "", fence: int = 0
    ) -> None:
        """Take a piece of a disk that comes from another host; it is the guest's once the last is there.

        `disk`: the local disk of this name; "": the root.
        """

    async def crash(self, server_id: str) -> None:
        """Have the guest's kernel panic (a non-maskable interrupt), as it is set up to dump its memory."""

    async def set_password(self, server_id: str, user: str, password: str) -> None:
        """Set a user's password by the agent in the guest. Unsupported when none answers."""

    async def diagnose(self, server_id: str) -> Diagnostics:
        """Say what a running guest's machine counts. Raises GuestMissing when it does not run."""

    async def uptime(self) -> str:
        """Say since when the host runs, as the command of that name writes it."""

    async def cache_image(self, disk: DiskSpec) -> None:
        """Have the base of an image ready before the first server needs it."""

    async def resize_volume(self, server_id: str, disk: VolumeDisk, size_bytes: int) -> None:
        """Tell a running guest that a volume of its grew; a guest that is off sees it when it starts."""

    async def exchange_volume(
        self, server_id: str, volume_id: str, disk: VolumeDisk, *, hold: bool = False, fence: int = 0
    ) -> Exchange:
        """Have the guest's disk of a volume lie where `disk` says, with the content that it has.

        `disk` is another volume, or the same in another pool; of the same size. Takes the next step and
        says what was found: to be called until DONE, or with `hold` until READY. NONE again says that a copy
        failed. A guest that is off is Permanent, unless it changed over before. It never starts again with
        the old place.
        """

    async def keep_volume(self, server_id: str, volume_id: str, disk: VolumeDisk, *, fence: int = 0) -> bool:
        """Give up an exchange: the guest works on where it did. None is no error.

        False: it is done, and the guest works at the new place; only another exchange leads back.
        """

    async def snapshot(self, server_id: str, name: str, *, disk: str = "", fence: int = 0) -> int:
        """Keep a disk's content as it is now as a whole qcow2 file; return its length in bytes.

        `disk`: the local disk of this name, of a guest that is off; "": the root. `name` is a word of the
        caller's, such as an image's id. A second call makes it anew.
        """

    async def read_snapshot(self, server_id: str, name: str, offset: int, length: int) -> bytes:
        """Return a piece of a snapshot's file. Gone when there is none."""

    async def drop_snapshot(self, server_id: str, name: str) -> None:
        """Remove a snapshot's file; none is no error."""

    async def console_log(self, server_id: str, *, lines: int | None = None) -> str:
        """Return the end of what the guest wrote to its serial port (all: None)."""

    async def console(self, server_id: str, *, serial: bool = False) -> ConsoleAddress:
        """Say where the guest's VNC server listens, or where its serial port ends. Raises GuestMissing."""
