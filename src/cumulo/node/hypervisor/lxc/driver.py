"""The LXC driver: containers that are servers, unprivileged.

A container's root lies in libvirt's own folder, which libvirtd sees where every user may pass (`SEEN`): the
root of a container is nobody on the host, and could not reach into the cloud's folder. What a container
cannot do is refused in words (`CANNOT`): it has no firmware, screen, memory of its own or block devices. Its
disk is a folder, bounded by the flavor while it is unpacked, and by the host's disk afterwards.
"""

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from cumulo.contracts.hypervisor import (
    Diagnostics,
    GuestMissing,
    GuestSpec,
    GuestState,
    NicSpec,
)
from cumulo.core.drivers import Permanent, Unsupported
from cumulo.node import config_drive
from cumulo.node.commands import CommandFailed, Limits, launch, run
from cumulo.node.files import remove_tree
from cumulo.node.hypervisor.libvirt import console_log
from cumulo.node.hypervisor.libvirt.domains import ALIVE
from cumulo.node.hypervisor.libvirt.guests import Guests, checked
from cumulo.node.hypervisor.lxc.container import container_xml, first_id
from cumulo.node.hypervisor.lxc.containers import Containers
from cumulo.node.metadata import tree
from cumulo.node.ports.wiring import Wiring
from cumulo.node.settings import NodeSettings, Place

GIB = 1 << 30
SEEN = Path("/var/lib/libvirt/containers")  # what `Place.containers` is to libvirtd
ROOT, SEED, LOG = "rootfs", "config", "console.log"
NEW = ".rootfs"  # a root that is being unpacked
UNPACKING = 3600.0  # seconds
DRIVERS = Path("/usr/lib")
CGROUPS = Path("/sys/fs/cgroup")
CANNOT = {
    "attach_volume": "a container cannot have volumes",
    "detach_volume": "a container has no volumes",
    "resize_volume": "a container has no volumes",
    "exchange_volume": "a container has no volumes",
    "keep_volume": "a container has no volumes",
    "attach_nic": "a container gets network cards only while it is off",
    "suspend": "a container's memory cannot be written to disk",
    "crash": "a container has no kernel of its own that could crash",
    "set_password": "no agent answers in a container",
    "snapshot": "no image can be made of a container",
    "read_snapshot": "no image can be made of a container",
    "receive_disk": "a container's disk cannot come from another host",
    "console": "a container has neither a screen nor a serial port",
}


def is_possible() -> bool:
    """Say whether this machine has libvirt's LXC driver, and a kernel with namespaces of users."""
    drivers = (*DRIVERS.glob("*/libvirt/connection-driver/libvirt_driver_lxc.so"),)
    return bool(drivers) and Path("/proc/self/ns/user").exists()


class LxcHypervisor(Guests):
    """A `Hypervisor` of containers, on the same libvirtd as the machines of `place`."""

    def __init__(self, name: str, place: Place, wiring: Wiring, settings: NodeSettings | None = None) -> None:
        uri = re.sub(r"^[a-z]+:///", "lxc:///", place.libvirt_uri)
        here = msgspec.structs.replace(place, libvirt_uri=uri)
        super().__init__(name, here, settings or NodeSettings())
        self._domains = Containers(self._connection, place.domain_prefix)
        self._wiring = wiring

    def __getattr__(self, verb: str) -> Callable[..., Awaitable[NoReturn]]:
        """Return a verb that refuses, for what no container can do."""
        if verb not in CANNOT:
            raise AttributeError(verb)

        async def refuse(server_id: str, *_arguments: Any, **_named: Any) -> NoReturn:
            if not self.knows(server_id):
                raise GuestMissing(server_id)
            raise Unsupported(CANNOT[verb], public=CANNOT[verb])

        return refuse

    async def start(self) -> None:
        """Get ready; libvirt is connected to by the first verb."""
        self._place.servers.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._place.containers.mkdir(parents=True, exist_ok=True)
        self._place.containers.chmod(0o711)
        await asyncio.to_thread(_open_cgroups)
        self._connection.start()

    def knows(self, server_id: str) -> bool:
        """Say whether a server is a container here."""
        return (self._place.containers / checked(server_id)).exists()

    async def ensure(self, spec: GuestSpec, *, fence: int = 0) -> GuestState:
        """Make the container as `spec` says and have it running."""
        async with self._alone_with(spec.server_id, fence):
            return await self._run(spec)

    async def power_on(self, spec: GuestSpec, *, fence: int = 0) -> GuestState:
        """Have a stopped container running, by its newest spec."""
        return await self.ensure(spec, fence=fence)

    async def remove(self, server_id: str, *, fence: int = 0) -> None:
        """End the container and remove its definition, root, ports and logs."""
        async with self._alone_with(server_id, fence):
            await self._domains.stop(server_id)
            await self._domains.forget(server_id)
            await self._wiring.unwire(server_id)
            if self._place.qemu_logs is not None:
                logs = self._place.qemu_logs.with_name("lxc")
                (logs / f"{self._domains.name(server_id)}.log").unlink(missing_ok=True)
            await remove_tree(self._place.server(server_id))
            await remove_tree(self._place.containers / server_id)
            run_folder = self._place.state / "libvirt" / "run" / "lxc"
            await asyncio.to_thread(_sweep, run_folder, self._domains.name(server_id))

    async def power_off(
        self,
        server_id: str,
        *,
        timeout: float = 0,  # noqa: ASYNC109  the contract's: how long the container may take
        fence: int = 0,
    ) -> GuestState:
        """End the container: by SIGTERM within `timeout` seconds, then (or at once with 0) by force."""
        async with self._alone_with(server_id, fence):
            if timeout > 0:
                await self._domains.shut_down(server_id, timeout)
            await self._domains.stop(server_id)
            await self._wiring.unwire(server_id)
            return await self._domains.state(server_id)

    async def reboot(self, spec: GuestSpec, *, hard: bool, fence: int = 0) -> GuestState:
        """End the container, softly by SIGTERM first, and start it by its newest spec."""
        if spec.rescue is not None:
            raise Unsupported("a container cannot be rescued", public="a container cannot be rescued")
        async with self._alone_with(spec.server_id, fence):
            if not hard:
                await self._domains.shut_down(spec.server_id, self._settings.soft_reboot_timeout)
            await self._domains.stop(spec.server_id)
            return await self._run(spec)

    async def rebuild(self, spec: GuestSpec, *, fence: int = 0) -> GuestState:
        """Throw the container's root away, unpack it anew, and have it running."""
        async with self._alone_with(spec.server_id, fence):
            await self._domains.stop(spec.server_id)
            await remove_tree(self._place.containers / spec.server_id / ROOT)
            return await self._run(spec)

    async def keep_disk(self, server_id: str, *, fence: int = 0) -> None:
        """End the container: another flavor leaves its root as it is."""
        await self.power_off(server_id, fence=fence)

    async def restore_disk(self, server_id: str, *, fence: int = 0) -> None:
        """End the container: another flavor left its root as it was."""
        await self.power_off(server_id, fence=fence)

    async def release_disk(self, server_id: str, *, fence: int = 0) -> None:
        """Nothing was set aside."""

    async def drop_snapshot(self, server_id: str, name: str) -> None:
        """There is none."""

    async def detach_nic(self, server_id: str, nic: NicSpec, *, fence: int = 0) -> None:
        """Take a card from a container that is off."""
        async with self._alone_with(server_id, fence):
            if (await self._domains.state(server_id)).power in ALIVE:
                reason = "a container lets go of network cards only while it is off"
                raise Unsupported(reason, public=reason)
            await self._wiring.discard(server_id, nic)

    async def diagnose(self, server_id: str) -> Diagnostics:
        """Say what the container uses. Raises GuestMissing when it does not run."""
        if (await self._domains.state(server_id)).power not in ALIVE:
            raise GuestMissing(server_id)
        _, maximum, used, _, cpu_time = await self._domains.ask(server_id, lambda domain: domain.info())
        return Diagnostics(cpu_times=(cpu_time,), memory_maximum=maximum // 1024, memory_used=used // 1024)

    async def console_log(self, server_id: str, *, lines: int | None = None) -> str:
        """Return the end of what the container wrote to its console (all: None)."""
        folder = self._place.server(checked(server_id))
        if not folder.exists():
            raise GuestMissing(server_id)
        return await asyncio.to_thread(console_log.tail, folder / LOG, lines)

    async def _run(self, spec: GuestSpec) -> GuestState:
        """Complete whatever is missing for the container to run."""
        server_id, folder = spec.server_id, self._place.server(spec.server_id)
        if (await self._domains.state(server_id)).power not in ALIVE:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            await self._unpacked(spec, self._place.containers / server_id)
            has_seed = await self._seed(spec, self._place.containers / server_id / SEED)
            await self._wiring.unwire(server_id)
            name, seen = self._domains.name(server_id), SEEN / server_id
            seed = seen / SEED if has_seed else None
            await self._domains.define(container_xml(name, spec, seen / ROOT, seed))
            await self._domains.start(server_id)
        tty = await self._domains.ask(server_id, _tty)
        log_file = str(folder / LOG)
        await _go_on(sys.executable, "-m", "cumulo.node.hypervisor.lxc.console", tty, log_file)
        namespace = await self._domains.ask(server_id, network_of)
        try:
            for number, nic in enumerate(spec.nics):
                await _prepare(nic, f"eth{number}", namespace)
                await self._wiring.plug(server_id, nic)
        finally:
            os.close(namespace)
        return await self._domains.state(server_id)

    async def _unpacked(self, spec: GuestSpec, folder: Path) -> None:
        """Have the container's root, whole."""
        if spec.volumes or spec.local_disks or spec.root is None or not spec.root.image_id:
            reason = "a container has the root of its image, and no other disk"
            raise Unsupported(reason, public=reason)
        root, new = folder / ROOT, folder / NEW
        await asyncio.to_thread(_open_way, folder)
        if await asyncio.to_thread(root.exists):
            return
        await remove_tree(new)
        await asyncio.to_thread(new.mkdir)
        limit = (spec.root.size_gib or 1) * GIB
        words = (str(spec.root.image_path), str(new), str(limit), str(first_id(spec.server_id)))
        command = (sys.executable, "-m", "cumulo.node.hypervisor.lxc.unpack", *words)
        try:
            await run(*command, seconds=UNPACKING, limits=Limits(memory=2 << 30))
        except CommandFailed as error:
            public = "the image is no archive of a root file system that can be unpacked"
            raise Permanent(str(error), public=public) from error
        await asyncio.to_thread(new.replace, root)

    async def _seed(self, spec: GuestSpec, folder: Path) -> bool:
        """Have the config drive's files in a folder that the container may read; say whether it has any."""
        await remove_tree(folder)
        if spec.config_drive is None:
            return False
        await asyncio.to_thread(config_drive.lay_out, folder, tree.config_drive(spec.config_drive))
        return True


async def _go_on(*command: str) -> None:
    """Start a program that lives on by itself, in a session of its own."""
    await launch("setsid", "--fork", *command)


async def _prepare(nic: NicSpec, inside: str, namespace: int) -> None:
    """Set a card's MTU, and have it leave nothing of its frames' checksums for later (see `domain`)."""
    there = ("nsenter", f"--net=/proc/self/fd/{namespace}", "--")
    set_up = ("mtu", str(nic.mtu), "up")
    offloads = ("tx", "off", "tso", "off", "gso", "off")
    for where, device in (((), nic.tap), (there, inside)):
        await run(*where, "ip", "link", "set", "dev", device, *set_up, seconds=20, keep=[namespace])
        await run(*where, "ethtool", "-K", device, *offloads, seconds=20, keep=[namespace])


def _open_way(folder: Path) -> None:
    """Have a container's folder: its own root passes through there, and can list nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)


def _tty(domain: Any) -> str:
    """Return the host's end of a container's console."""
    found = re.search(r"<console [^>]*tty='([^']+)'", domain.XMLDesc())
    if found is None:
        raise Permanent("the container has no console")
    return found[1]


def network_of(domain: Any) -> int:
    """Return a descriptor of a container's network namespace. Permanent when the container has ended.

    It is its first process's, the one child of what controls it. That process ends when it likes, and its
    number may be another's then: never ours, whose cards are the host's.
    """
    controller = domain.ID()
    try:
        [first, *_] = Path(f"/proc/{controller}/task/{controller}/children").read_text().split()
        namespace = os.open(f"/proc/{first}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, ValueError):
        raise Permanent("the container ended at once", public="the container ended at once") from None
    if os.path.samestat(os.fstat(namespace), Path("/proc/self/ns/net").stat()):
        os.close(namespace)
        raise Permanent("the container ended at once", public="the container ended at once")
    return namespace


def _open_cgroups() -> None:
    """Let containers pass through the groups that libvirt makes for them, whatever mask made the first."""
    for group in (CGROUPS / "machine", *CGROUPS.glob("*/machine")):
        with contextlib.suppress(OSError):
            group.chmod(0o755)


def _sweep(folder: Path, name: str) -> None:
    """Remove what libvirt leaves of a container's sockets and mount points."""
    for left in folder.glob(f"{name}.*"):
        with contextlib.suppress(OSError):
            if left.is_dir():
                left.rmdir()
            else:
                left.unlink()
