"""The libvirt driver: each verb makes the world as asked, from whatever state it finds it in.

A process that is killed at any line leaves only what the same verb, called again, completes: files
are renamed into place when whole, definitions are replaced by UUID, taps and ports are found by the
server's id that they carry. Guests belong to libvirtd, so they never notice our restarts.
"""

import asyncio
import contextlib
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import structlog

from cumulo.contracts.hypervisor import (
    ConsoleAddress,
    Diagnostics,
    DiskSpec,
    GuestMissing,
    GuestSpec,
    GuestState,
    HostReport,
    NicSpec,
    PowerState,
    VolumeDisk,
)
from cumulo.core.drivers import Permanent
from cumulo.node import config_drive
from cumulo.node.commands import run
from cumulo.node.hypervisor.libvirt import (
    acceleration,
    capabilities,
    console_log,
    disks,
    host,
    inside,
    local_disks,
    own_disks,
    pinning,
    starved,
)
from cumulo.node.hypervisor.libvirt.domain import GuestFiles, Machine, device_xml, domain_xml
from cumulo.node.hypervisor.libvirt.domains import ALIVE
from cumulo.node.hypervisor.libvirt.guests import checked
from cumulo.node.hypervisor.libvirt.states import STARTING
from cumulo.node.hypervisor.libvirt.travels import Travels
from cumulo.node.hypervisor.libvirt.volume_exchange import ExchangedVolumes
from cumulo.node.hypervisor.libvirt.volumes import disk_element, owner_of, secrets_of
from cumulo.node.metadata import tree
from cumulo.node.ports.wiring import Wiring
from cumulo.node.settings import Acceleration, NodeSettings, Place

log = structlog.get_logger(__name__)

CONFIG_DRIVE = "config.iso"
CONSOLE_LOG = "console.log"


class LibvirtHypervisor(ExchangedVolumes, Travels):
    """A `Hypervisor` on the libvirtd at `place.libvirt_uri`; `wiring` connects guests' cards."""

    def __init__(self, name: str, place: Place, wiring: Wiring, settings: NodeSettings | None = None) -> None:
        super().__init__(name, place, settings or NodeSettings())
        self._wiring = wiring
        self._bases = disks.Bases(place.bases)
        self._dedicated = host.dedicated(self._settings.dedicated_cpus)
        self._cards: frozenset[str] = frozenset()
        self._pinning = asyncio.Lock()

    async def start(self) -> None:
        """Learn how this host executes guests. libvirt itself is connected to by the first verb."""
        for folder in (self._place.servers, self._place.bases, self._place.sockets):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        kvm = self._settings.acceleration is Acceleration.KVM
        if self._settings.acceleration is Acceleration.AUTO:
            kvm = (await acceleration.kvm(self._place.state / "node" / "kvm.json")).usable
        self._machine = Machine(
            kvm=kvm,
            translation_cache_mib=self._settings.translation_cache_mib,
            cache_mode="none" if disks.can_bypass_cache(self._place.servers) else "writeback",
            processors=host.processors(self._settings.dedicated_cpus),
        )
        self._connection.start()

    async def report(self) -> HostReport:
        """Say what the host has and is; let guests go on that wait for room on its disk.

        In threads of its own: however much is done with guests, the host is not silent.
        """
        if not self._cards:
            self._cards = await capabilities.cards()
        prefix, folder = self._place.domain_prefix, self._place.servers
        await self._connection.run_apart(lambda connection: starved.feed(connection, prefix, folder))
        return await self._connection.run_apart(
            lambda connection: host.report(
                connection,
                host=self._host,
                kvm=self._machine.kvm,
                folder=self._place.servers,
                host_ip=self._place.address or self._settings.host_ip,
                dedicated=self._dedicated,
                cards=self._cards,
            )
        )

    async def ensure(self, spec: GuestSpec, *, fence: int = 0) -> GuestState:
        """Make the guest as `spec` says (disks, taps, definition) and have it running."""
        async with self._alone_with(spec.server_id, fence):
            return await self._run(spec)

    async def remove(self, server_id: str, *, fence: int = 0) -> None:
        """End the guest and remove its definition, disks, taps and logs."""
        async with self._alone_with(server_id, fence):
            await self._domains.stop(server_id)
            await self._domains.forget(server_id)
            await self._domains.forget_secrets(owner_of(server_id))
            await self._wiring.unwire(server_id)
            self._place.vnc_socket(server_id).unlink(missing_ok=True)
            (self._place.tpm_logs / f"{self._domains.name(server_id)}-swtpm.log").unlink(missing_ok=True)
            if self._place.qemu_logs is not None:
                log_name = f"{self._domains.name(server_id)}.log"
                for file in self._place.qemu_logs.glob(f"{log_name}*"):
                    file.unlink(missing_ok=True)
            await asyncio.to_thread(_remove_tree, self._place.server(server_id))

    async def power_on(self, spec: GuestSpec, *, fence: int = 0) -> GuestState:
        """Have a stopped guest running, by its newest spec."""
        return await self.ensure(spec, fence=fence)

    async def power_off(
        self,
        server_id: str,
        *,
        timeout: float = 0,  # noqa: ASYNC109  the contract's: how long the guest may take
        fence: int = 0,
    ) -> GuestState:
        """Stop the guest: by ACPI within `timeout` seconds, then (or at once with 0) by force."""
        async with self._alone_with(server_id, fence):
            if timeout > 0:
                await self._domains.shut_down(server_id, timeout)
            await self._domains.stop(server_id)
            return await self._domains.state(server_id)

    async def reboot(self, spec: GuestSpec, *, hard: bool, fence: int = 0) -> GuestState:
        """Reboot: softly from inside (falling back to hard), or hard by making the machine anew."""
        server_id, patience = spec.server_id, self._settings.soft_reboot_timeout
        async with self._alone_with(server_id, fence):
            running = (await self._domains.state(server_id)).power is PowerState.RUNNING
            if not hard and running and await self._domains.restart(server_id, patience):
                return await self._domains.state(server_id)
            await self._domains.stop(server_id)
            return await self._run(spec)

    async def attach_volume(self, server_id: str, disk: VolumeDisk, *, fence: int = 0) -> None:
        """Give a guest one more disk. One that is off gets it by the spec of its next start."""
        async with self._alone_with(server_id, fence):
            for secret in secrets_of(server_id, disk):
                await self._domains.keep_secret(secret)
            element = disk_element(server_id, disk, self._machine.cache_mode)
            self._left(server_id).forget(disk)
            await self._domains.attach(server_id, disk.volume_id, ET.tostring(element, encoding="unicode"))

    async def detach_volume(self, server_id: str, volume_id: str, *, fence: int = 0) -> None:
        """Take a disk from a guest, who must agree; Permanent when it does not. None is no error."""
        async with self._alone_with(server_id, fence):
            if not await self._domains.detach(server_id, volume_id, self._settings.unplug_timeout):
                raise Permanent(
                    f"the guest did not let go of volume {volume_id}",
                    public="the guest did not let go of the volume: is it mounted, or the guest not up yet?",
                )
            await self._domains.forget_secrets(owner_of(server_id, volume_id))

    async def resize_volume(self, server_id: str, disk: VolumeDisk, size_bytes: int) -> None:
        """Tell a running guest that a volume of its grew; a guest that is off sees it when it starts."""
        await self._domains.resize(checked(server_id), disk.volume_id, size_bytes)

    async def attach_nic(self, server_id: str, nic: NicSpec, *, fence: int = 0) -> None:
        """Give a guest one more network card. One that is off gets it by the spec of its next start."""
        async with self._alone_with(server_id, fence):
            await self._wiring.add(server_id, nic)
            await self._domains.attach_card(server_id, nic.mac, device_xml(nic))

    async def detach_nic(self, server_id: str, nic: NicSpec, *, fence: int = 0) -> None:
        """Take a network card from a guest, who must agree; Permanent when it does not. None is no error."""
        async with self._alone_with(server_id, fence):
            if not await self._domains.detach_card(server_id, nic.mac, self._settings.unplug_timeout):
                raise Permanent(
                    f"the guest did not let go of port {nic.port_id}",
                    public="the guest did not let go of the network card: is it up yet?",
                )
            await self._wiring.discard(server_id, nic)

    async def suspend(self, server_id: str, *, fence: int = 0) -> GuestState:
        """Write the guest's memory to disk and end it; `power_on` lets it go on. Hard reboots forget it."""
        async with self._alone_with(server_id, fence):
            await self._domains.save(server_id)
            return await self._domains.state(server_id)

    async def rebuild(self, spec: GuestSpec, *, fence: int = 0) -> GuestState:
        """Throw the guest's own disks away, make them anew by `spec`, and have it running."""
        async with self._alone_with(spec.server_id, fence):
            await self._domains.stop(spec.server_id)
            await asyncio.to_thread(own_disks.discard, self._place.server(spec.server_id))
            return await self._run(spec)

    async def crash(self, server_id: str) -> None:
        """Have the guest's kernel panic (a non-maskable interrupt), as it is set up to dump its memory."""
        await self._domains.ask(server_id, lambda domain: domain.injectNMI())

    async def set_password(self, server_id: str, user: str, password: str) -> None:
        """Set a user's password by the agent in the guest. Unsupported when none answers."""
        await self._domains.ask(
            server_id, lambda domain: inside.set_password(domain, user, password), apart=True
        )

    async def diagnose(self, server_id: str) -> Diagnostics:
        """Say what a running guest's machine counts. Raises GuestMissing when it does not run."""
        if (await self._domains.state(server_id)).power not in ALIVE:
            raise GuestMissing(server_id)
        found: Diagnostics = await self._domains.ask(server_id, inside.diagnose)
        return found

    async def uptime(self) -> str:
        """Say since when the host runs, as the command of that name writes it."""
        return (await run("uptime", seconds=10)).rstrip("\n")

    async def cache_image(self, disk: DiskSpec) -> None:
        """Have the base of an image ready before the first server needs it."""
        await self._bases.ensure(disk)

    async def console_log(self, server_id: str, *, lines: int | None = None) -> str:
        """Return the end of what the guest wrote to its serial port (all: None)."""
        folder = self._place.server(checked(server_id))
        if not folder.exists():
            raise GuestMissing(server_id)
        return await asyncio.to_thread(console_log.tail, folder / CONSOLE_LOG, lines)

    async def console(self, server_id: str, *, serial: bool = False) -> ConsoleAddress:
        """Say where the guest's VNC server listens, or where its serial port ends. Raises GuestMissing."""
        if serial:
            return ConsoleAddress(terminal=await self._domains.terminal(server_id))
        if (await self._domains.state(server_id)).power is PowerState.MISSING:
            raise GuestMissing(server_id)
        return ConsoleAddress(socket_path=str(self._place.vnc_socket(server_id)))

    async def tidy(self, *, older_than: float) -> list[str]:
        """Remove bases that nobody used since `older_than` (epoch seconds) and orphaned ports."""
        guests = {state.server_id for state in await self._domains.all()}

        def is_known(server_id: str) -> bool:
            return server_id in guests or self._place.server(server_id).exists()

        await asyncio.to_thread(self._fences.forget_unless, is_known, older_than)
        removed = await self._wiring.unwire_strangers(is_known)
        return removed + await self._bases.forget_unused(self._place.servers, older_than)

    async def _run(self, spec: GuestSpec) -> GuestState:
        """Complete whatever is missing for the guest to run."""
        server_id = spec.server_id
        folder = self._place.server(server_id)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        await self._wiring.wire(server_id, spec.nics)
        state = await self._domains.state(server_id)
        if state.power in ALIVE and state.reason != STARTING:
            return state
        if state.power not in ALIVE:
            self._left(server_id).check(spec.volumes)
            files = await self._files(spec)
            for disk in spec.volumes:
                for secret in secrets_of(server_id, disk):
                    await self._domains.keep_secret(secret)
            await self._define(spec, files)
        await self._domains.start(server_id)
        return await self._domains.state(server_id)

    async def _define(self, spec: GuestSpec, files: GuestFiles) -> None:
        """Have the guest defined, with dedicated processors that no other guest has."""
        name, number = self._domains.name(spec.server_id), len(spec.hardware.pinned)
        async with self._pinning:
            pins = await self._connection.run(lambda c: pinning.choose(c, name, number, self._dedicated))
            await self._domains.define(domain_xml(name, spec, files, self._machine, pins))

    async def _files(self, spec: GuestSpec) -> GuestFiles:
        folder = self._place.server(spec.server_id)
        base = disk = None
        if spec.root is not None:
            base = await self._bases.under(folder, spec.root)
            disk = await disks.ensure_overlay(folder, spec.root, base)
            await own_disks.grow(disk, spec.root.size_gib)
        rescue = await self._rescue(spec, folder / disks.RESCUE)
        drive = folder / CONFIG_DRIVE
        if spec.config_drive is not None:
            await config_drive.write(drive, tree.config_drive(spec.config_drive))
        return GuestFiles(
            local=await local_disks.ensure(folder, spec.local_disks),
            disk=disk,
            base=base,
            config_drive=drive if spec.config_drive is not None else None,
            rescue=rescue,
            console_log=folder / CONSOLE_LOG,
            vnc_socket=self._place.vnc_socket(spec.server_id),
        )

    async def _rescue(self, spec: GuestSpec, folder: Path) -> tuple[Path, Path | None] | None:
        """Have the disk that the guest is to be rescued by, and the base it lies on; else have none."""
        if spec.rescue is None:
            await asyncio.to_thread(_remove_tree, folder)
            return None
        await asyncio.to_thread(folder.mkdir, exist_ok=True, mode=0o700)
        base = await self._bases.under(folder, spec.rescue.disk)
        return await disks.ensure_overlay(folder, spec.rescue.disk, base), base


def _remove_tree(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
