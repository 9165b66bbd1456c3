"""A hypervisor that remembers guests instead of running them: for tests and scale runs.

It passes the same contract suite as the libvirt driver. It can be told to fail or to wait:

    fake.fail("ensure", Temporary("busy"), times=2)
    with fake.holding("ensure"): ...
"""

import msgspec

from cumulo.contracts.hypervisor import (
    ConsoleAddress,
    Diagnostics,
    DiskSpec,
    GuestMissing,
    GuestSpec,
    GuestState,
    HostReport,
    LifecycleEvent,
    NicSpec,
    PowerState,
    VolumeDisk,
)
from cumulo.core.drivers import Gone, Unsupported
from cumulo.node.hypervisor.driver import Listener
from cumulo.node.hypervisor.remembered_exchanges import RememberedExchanges
from cumulo.node.hypervisor.remembered_travels import RememberedTravels
from cumulo.node.volumes import qcow2

TRAITS = (  # nothing stands in the way of a guest that is only remembered
    *("COMPUTE_NODE", "COMPUTE_FIRMWARE_BIOS", "COMPUTE_FIRMWARE_UEFI", "COMPUTE_SECURITY_UEFI_SECURE_BOOT"),
    *("COMPUTE_SECURITY_TPM_1_2", "COMPUTE_SECURITY_TPM_2_0"),
    *(f"COMPUTE_STORAGE_BUS_{bus}" for bus in ("VIRTIO", "SCSI", "SATA", "IDE", "USB")),
    *(f"COMPUTE_NET_VIF_MODEL_{card}" for card in ("VIRTIO", "E1000", "E1000E", "RTL8139", "PCNET")),
    *(f"COMPUTE_GRAPHICS_MODEL_{model}" for model in ("VGA", "VIRTIO", "CIRRUS", "BOCHS", "NONE")),
)


class FakeGuest(msgspec.Struct, kw_only=True):
    """What is remembered of a guest: its newest spec, its state and how often it was started.

    suspended: its memory is kept. disks: how often its own disk was made. disk_gib: how large that is.
    """

    spec: GuestSpec
    power: PowerState
    boots: int = 0
    log: str = ""
    suspended: bool = False
    disks: int = 1
    disk_gib: int = 0


class FakeHypervisor(RememberedTravels, RememberedExchanges):
    """A `Hypervisor` in memory. `guests_by_id` is open to tests; sizes as in the contract."""

    def __init__(
        self,
        host: str = "fake",
        *,
        vcpus: int = 16,
        memory_mib: int = 65536,
        disk_gib: int = 1000,
    ) -> None:
        self.host = host
        super().__init__()
        self.guests_by_id: dict[str, FakeGuest] = {}
        self.snapshots: dict[tuple[str, str], bytes] = {}  # (server id, name) → content
        self.kept: dict[str, int] = {}  # server id → size in GiB of the disk that was set aside
        self.received: dict[str, bytes] = {}  # server id → what came of its disk from another host
        self.received_local: dict[str, dict[str, bytes]] = {}  # server id → local disk → what came of it
        self.passwords: dict[str, tuple[str, str]] = {}  # server id → user, password; for those with an agent
        self.agents = False
        self.cached: set[str] = set()  # ids of images whose base was asked for
        self.crashed: list[str] = []
        self._capacity = (vcpus, memory_mib, disk_gib)
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        """Have `listener` called when a guest changes."""
        self._listeners.append(listener)

    async def happen(self, server_id: str, power: PowerState, reason: str = "") -> None:
        """Let a guest change by itself, as if it had shut down or crashed."""
        self._guest(server_id).power = power
        event = LifecycleEvent(host=self.host, server_id=server_id, power=power, reason=reason)
        for listener in self._listeners:
            await listener(event)

    async def start(self) -> None:
        """Begin to serve: guests find the way here."""
        self.homes[self.daemon] = self

    async def stop(self) -> None:
        """Stop serving; nothing to give back."""

    async def tidy(self, *, older_than: float) -> list[str]:
        """Nothing is kept that nobody uses."""
        del older_than
        return []

    async def report(self) -> HostReport:
        """Say what the host has and is."""
        await self._enter("report")
        vcpus, memory, disk = self._capacity
        return HostReport(
            host=self.host,
            hypervisor_type="fake",
            hypervisor_version=1000,
            vcpus=vcpus,
            memory_mib=memory,
            disk_gib=disk,
            cpu_info='{"arch":"x86_64","model":"fake"}',
            traits=TRAITS,
            supported_instances=(("x86_64", "fake", "hvm"),),
        )

    async def ensure(self, spec: GuestSpec, *, fence: int = 0) -> GuestState:
        """Remember the guest, running."""
        await self._enter("ensure", spec.server_id, fence)
        return self._run(spec)

    async def remove(self, server_id: str, *, fence: int = 0) -> None:
        """Forget the guest, and what was kept of it."""
        await self._enter("remove", server_id, fence)
        self.guests_by_id.pop(server_id, None)
        self.expected.pop(server_id, None)
        for kept in (self.snapshots, self.mirrors):
            for key in [key for key in kept if key[0] == server_id]:
                del kept[key]
        self.kept.pop(server_id, None)
        self.received.pop(server_id, None)
        self.received_local.pop(server_id, None)
        self.expected.pop(server_id, None)
        self.coming.discard(server_id)

    async def describe(self, server_id: str) -> GuestState:
        """Say what the guest is doing; `MISSING` when it is not remembered."""
        await self._enter("describe", server_id)
        return self._state(server_id)

    async def guests(self) -> list[GuestState]:
        """Say it of every guest."""
        await self._enter("guests")
        return [self._state(server_id) for server_id in self.guests_by_id]

    async def power_on(self, spec: GuestSpec, *, fence: int = 0) -> GuestState:
        """Have a stopped guest running."""
        await self._enter("power_on", spec.server_id, fence)
        return self._run(spec)

    async def power_off(
        self,
        server_id: str,
        *,
        timeout: float = 0,  # noqa: ASYNC109, ARG002  the contract's; nothing to wait for here
        fence: int = 0,
    ) -> GuestState:
        """Stop the guest at once: a remembered guest needs no time to shut down."""
        await self._enter("power_off", server_id, fence)
        self._end(server_id)
        return self._state(server_id)

    async def reboot(
        self,
        spec: GuestSpec,
        *,
        hard: bool,  # noqa: ARG002  the contract's; both are the same here
        fence: int = 0,
    ) -> GuestState:
        """Count one more boot."""
        await self._enter("reboot", spec.server_id, fence)
        self._end(spec.server_id)
        return self._run(spec)

    async def pause(self, server_id: str) -> GuestState:
        """Freeze a running guest."""
        await self._enter("pause", server_id)
        if self._guest(server_id).power is PowerState.RUNNING:
            self._guest(server_id).power = PowerState.PAUSED
        return self._state(server_id)

    async def unpause(self, server_id: str) -> GuestState:
        """Let a frozen guest go on."""
        await self._enter("unpause", server_id)
        if self._guest(server_id).power is PowerState.PAUSED:
            self._guest(server_id).power = PowerState.RUNNING
        return self._state(server_id)

    async def attach_volume(self, server_id: str, disk: VolumeDisk, *, fence: int = 0) -> None:
        """Remember one more disk."""
        await self._enter("attach_volume", server_id, fence)
        guest = self._guest(server_id)
        others = tuple(other for other in guest.spec.volumes if other.volume_id != disk.volume_id)
        guest.spec = msgspec.structs.replace(guest.spec, volumes=(*others, disk))

    async def detach_volume(self, server_id: str, volume_id: str, *, fence: int = 0) -> None:
        """Forget a disk."""
        await self._enter("detach_volume", server_id, fence)
        guest = self.guests_by_id.get(server_id)
        if guest is not None:
            kept = tuple(disk for disk in guest.spec.volumes if disk.volume_id != volume_id)
            guest.spec = msgspec.structs.replace(guest.spec, volumes=kept)

    async def attach_nic(self, server_id: str, nic: NicSpec, *, fence: int = 0) -> None:
        """Remember one more card."""
        await self._enter("attach_nic", server_id, fence)
        guest = self._guest(server_id)
        others = tuple(other for other in guest.spec.nics if other.port_id != nic.port_id)
        guest.spec = msgspec.structs.replace(guest.spec, nics=(*others, nic))

    async def detach_nic(self, server_id: str, nic: NicSpec, *, fence: int = 0) -> None:
        """Forget a card."""
        await self._enter("detach_nic", server_id, fence)
        guest = self.guests_by_id.get(server_id)
        if guest is not None:
            kept = tuple(other for other in guest.spec.nics if other.port_id != nic.port_id)
            guest.spec = msgspec.structs.replace(guest.spec, nics=kept)

    async def suspend(self, server_id: str, *, fence: int = 0) -> GuestState:
        """Remember that the guest is to go on and not to boot."""
        await self._enter("suspend", server_id, fence)
        guest = self._guest(server_id)
        if guest.power in (PowerState.RUNNING, PowerState.PAUSED):
            guest.power, guest.suspended = PowerState.SHUTDOWN, True
        return self._state(server_id)

    async def rebuild(self, spec: GuestSpec, *, fence: int = 0) -> GuestState:
        """Count one more disk and one more boot."""
        await self._enter("rebuild", spec.server_id, fence)
        self._end(spec.server_id)
        state = self._run(spec)
        guest = self.guests_by_id[spec.server_id]
        guest.disks += 1
        guest.disk_gib = spec.root.size_gib if spec.root else 0
        return state

    async def keep_disk(self, server_id: str, *, fence: int = 0) -> None:
        """Remember how large the disk is."""
        await self._enter("keep_disk", server_id, fence)
        self._end(server_id)
        self.kept.setdefault(server_id, self._guest(server_id).disk_gib)

    async def restore_disk(self, server_id: str, *, fence: int = 0) -> None:
        """Have the disk as large as it was."""
        await self._enter("restore_disk", server_id, fence)
        self._end(server_id)
        if server_id in self.kept:
            self._guest(server_id).disk_gib = self.kept.pop(server_id)

    async def release_disk(self, server_id: str, *, fence: int = 0) -> None:
        """Forget how large it was."""
        await self._enter("release_disk", server_id, fence)
        self.kept.pop(server_id, None)

    async def receive_disk(
        self, server_id: str, offset: int, data: bytes, *, last: bool, disk: str = "", fence: int = 0
    ) -> None:
        """Remember what came."""
        del last
        await self._enter("receive_disk", server_id, fence)
        came = self.received if not disk else self.received_local.setdefault(server_id, {})
        key = disk or server_id
        came[key] = came.get(key, b"")[:offset] + data

    async def crash(self, server_id: str) -> None:
        """Remember that the guest was to crash."""
        await self._enter("crash", server_id)
        self._guest(server_id)
        self.crashed.append(server_id)

    async def set_password(self, server_id: str, user: str, password: str) -> None:
        """Remember it where `agents` says that guests have one."""
        await self._enter("set_password", server_id)
        if not self.agents:
            raise Unsupported("no agent answers in the guest")
        self.passwords[server_id] = (user, password)

    async def diagnose(self, server_id: str) -> Diagnostics:
        """Return counters that never move."""
        await self._enter("diagnose", server_id)
        guest = self._guest(server_id)
        if guest.power is not PowerState.RUNNING:
            raise GuestMissing(server_id)
        nics: list[dict[str, int | str]] = [{"mac_address": nic.mac} for nic in guest.spec.nics]
        return Diagnostics(
            cpu_times=(0,) * guest.spec.vcpus, memory_maximum=guest.spec.memory_mib, nics=tuple(nics)
        )

    async def uptime(self) -> str:
        """Say that nothing runs here for long."""
        await self._enter("uptime")
        return " 00:00:00 up 1 day,  0 users,  load average: 0.00, 0.00, 0.00"

    async def cache_image(self, disk: DiskSpec) -> None:
        """Remember the image's id."""
        await self._enter("cache_image")
        self.cached.add(disk.image_id or "")

    async def resize_volume(self, server_id: str, disk: VolumeDisk, size_bytes: int) -> None:
        """Nothing to do: what is remembered of a disk has no size."""
        del disk, size_bytes
        await self._enter("resize_volume", server_id)

    async def snapshot(self, server_id: str, name: str, *, disk: str = "", fence: int = 0) -> int:
        """Remember what the guest's disk would hold: its newest spec's name, in the form of an image."""
        await self._enter("snapshot", server_id, fence)
        content = f"{disk or 'disk'} of {self._guest(server_id).spec.name}".encode()
        if not disk:
            content = qcow2.empty(qcow2.CLUSTER, content=content)
        self.snapshots[server_id, name] = content
        return len(content)

    async def read_snapshot(self, server_id: str, name: str, offset: int, length: int) -> bytes:
        """Return a piece of it."""
        await self._enter("read_snapshot", server_id)
        if (server_id, name) not in self.snapshots:
            raise Gone(f"there is no snapshot {name}")
        return self.snapshots[server_id, name][offset : offset + length]

    async def drop_snapshot(self, server_id: str, name: str) -> None:
        """Forget it."""
        await self._enter("drop_snapshot", server_id)
        self.snapshots.pop((server_id, name), None)

    async def console_log(self, server_id: str, *, lines: int | None = None) -> str:
        """Return the end of what `log` of the guest holds."""
        await self._enter("console_log", server_id)
        text = self._guest(server_id).log
        if lines is None:
            return text
        return "".join(text.splitlines(keepends=True)[-lines:]) if lines else ""

    async def console(self, server_id: str, *, serial: bool = False) -> ConsoleAddress:
        """Name a socket at which nobody listens, or a terminal that is not there."""
        await self._enter("console", server_id)
        self._guest(server_id)
        place = f"/nonexistent/{server_id}"
        return (
            ConsoleAddress(terminal=f"{place}.tty") if serial else ConsoleAddress(socket_path=f"{place}.vnc")
        )

    def _guest(self, server_id: str) -> FakeGuest:
        try:
            return self.guests_by_id[server_id]
        except KeyError:
            raise GuestMissing(server_id) from None

    def _end(self, server_id: str) -> None:
        guest = self.guests_by_id.get(server_id)
        if guest is not None:
            guest.power, guest.suspended = PowerState.SHUTDOWN, False

    def _run(self, spec: GuestSpec) -> GuestState:
        guest = self.guests_by_id.get(spec.server_id)
        if guest is None:
            guest = FakeGuest(spec=spec, power=PowerState.SHUTDOWN)
            self.guests_by_id[spec.server_id] = guest
        guest.spec = spec
        guest.disk_gib = max(guest.disk_gib, spec.root.size_gib if spec.root else 0)
        if guest.suspended:
            guest.power, guest.suspended = PowerState.RUNNING, False
        if guest.power not in (PowerState.RUNNING, PowerState.PAUSED):
            guest.power = PowerState.RUNNING
            guest.boots += 1
            guest.log += f"fake boot {guest.boots}\n{spec.name} login: \n"
        return self._state(spec.server_id)

    def _state(self, server_id: str) -> GuestState:
        guest = self.guests_by_id.get(server_id)
        if guest is None and server_id in self.coming:
            return GuestState(server_id=server_id, power=PowerState.PAUSED, travelling=True)
        return GuestState(server_id=server_id, power=guest.power if guest else PowerState.MISSING)
