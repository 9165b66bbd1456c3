"""This cloud's libvirt domains, by server id. Each verb succeeds when its aim is reached already."""

import asyncio
import contextlib
import functools
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from typing import Any

import libvirt

from cumulo.contracts.hypervisor import GuestMissing, GuestState, PowerState
from cumulo.core.drivers import Temporary
from cumulo.node.hypervisor.libvirt import lasting
from cumulo.node.hypervisor.libvirt.connection import Connection, Domain
from cumulo.node.hypervisor.libvirt.definitions import parse
from cumulo.node.hypervisor.libvirt.states import STARTING, power_of, state_of
from cumulo.node.hypervisor.libvirt.volumes import Secret, disk_of

ALIVE = frozenset({PowerState.RUNNING, PowerState.PAUSED, PowerState.SUSPENDED})
STARTS_WITHIN = 60.0  # seconds
PAUSE = 0.1  # seconds between two looks at a guest that is starting
POLL = 1.0  # seconds; an event that was lost delays a wait by this much at most
PRESS_AGAIN = 5.0  # seconds; a guest that is still booting ignores its power button
GONE = frozenset({libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_NO_SECRET})
UNPLUG_PAUSE = 0.1  # seconds between two looks whether a guest has let go of a device
UNPLUG_AGAIN = 5.0  # seconds after which it is asked for again
UNPLUGGING = frozenset(  # what libvirt says while an earlier request is under way, or was just fulfilled
    {libvirt.VIR_ERR_OPERATION_FAILED, libvirt.VIR_ERR_DEVICE_MISSING, libvirt.VIR_ERR_OPERATION_INVALID}
)
UNDEFINE = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
    | libvirt.VIR_DOMAIN_UNDEFINE_TPM
)
BUTTON = libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN
REBOOT_BUTTON = libvirt.VIR_DOMAIN_REBOOT_ACPI_POWER_BTN
Finder = Callable[[str], ET.Element | None]  # finds a device in a domain's XML


class Domains:
    """The domains whose names are `prefix` and a server's id."""

    def __init__(self, connection: Connection, prefix: str) -> None:
        self._connection = connection
        self._prefix = prefix
        self._watchers: dict[str, set[asyncio.Queue[str]]] = {}

    def name(self, server_id: str) -> str:
        """Return the name of a server's domain."""
        return self._prefix + server_id

    def server_of(self, name: str) -> str | None:
        """Return the server of a domain; None when the domain is not this cloud's."""
        return name.removeprefix(self._prefix) if name.startswith(self._prefix) else None

    def notice(self, kind: str, server_id: str) -> None:
        """Tell those who wait for a domain that something happened to it."""
        for queue in self._watchers.get(server_id, ()):
            queue.put_nowait(kind)

    async def state(self, server_id: str) -> GuestState:
        """Return what the domain is doing, `MISSING` when there is none."""
        state: GuestState = await self._on(server_id, lambda domain: state_of(server_id, domain))
        return state

    async def all(self) -> list[GuestState]:
        """Return it of every domain of this cloud."""

        def ask(connection: Any) -> list[GuestState]:
            states = []
            for domain in connection.listAllDomains():
                server_id = self.server_of(domain.name())
                if server_id is not None:
                    with _gone_is_fine():
                        states.append(state_of(server_id, domain))
            return states

        return await self._connection.run_apart(ask)

    async def define(self, definition: str) -> None:
        """Make a definition, or replace the one with its UUID."""
        await self._connection.run(lambda connection: connection.defineXML(definition))

    async def start(self, server_id: str) -> None:
        """Have a defined domain active; one that libvirt is starting already is waited for.

        One whose memory was saved takes as long as that is large.
        """

        def begin(domain: Domain) -> None:
            _wait_while_starting(domain)
            try:
                if not domain.isActive():
                    domain.create()
            except libvirt.libvirtError:
                if not domain.isActive():
                    raise
            lasting.make_lasting(domain)

        saved = await self._on(server_id, lambda domain: domain is not None and domain.hasManagedSaveImage())
        await self._on(server_id, _needed(server_id, begin), apart=bool(saved))

    async def stop(self, server_id: str) -> None:
        """Have the domain inactive, at once."""

        def end(domain: Domain | None) -> None:
            if domain is None:
                return
            try:
                if domain.hasManagedSaveImage():
                    domain.managedSaveRemove()
                if domain.isActive():
                    domain.destroy()
            except libvirt.libvirtError:
                if domain.isActive():
                    raise

        await self._on(server_id, end)

    async def forget(self, server_id: str) -> None:
        """Have no definition; the domain must be inactive."""

        def undefine(domain: Domain | None) -> None:
            if domain is not None:
                with _gone_is_fine():
                    domain.undefineFlags(UNDEFINE)

        await self._on(server_id, undefine)

    async def keep_secret(self, secret: Secret) -> None:
        """Have libvirtd know a secret's value, until it ends."""

        def keep(connection: Any) -> None:
            connection.secretDefineXML(secret.definition()).setValue(secret.value)

        await self._connection.run(keep)

    async def forget_secrets(self, owner: str) -> None:
        """Have libvirtd know the secrets no more whose owner begins so."""

        def forget(connection: Any) -> None:
            for secret in connection.listAllSecrets():
                with _gone_is_fine():
                    told = parse(secret.XMLDesc()).findtext("description", "")
                    if told.startswith(owner):
                        secret.undefine()

        await self._connection.run(forget)

    async def attach(self, server_id: str, serial: str, device: str) -> None:
        """Give an active domain a disk (as XML) unless it has it; one that is off needs nothing."""

        def give(domain: Domain) -> None:
            if domain.isActive() and disk_of(domain.XMLDesc(), serial) is None:
                domain.attachDeviceFlags(device, libvirt.VIR_DOMAIN_AFFECT_LIVE)
            if domain.isActive():
                lasting.make_lasting(domain)

        await self._on(server_id, _needed(server_id, give))

    async def save(self, server_id: str) -> None:
        """Write an active domain's memory to disk and end it; its next start goes on from there."""

        def keep(domain: Domain) -> None:
            if domain.isActive():
                domain.managedSave()

        await self._on(server_id, _needed(server_id, keep), apart=True)

    async def ask(self, server_id: str, function: Callable[[Domain], Any], *, apart: bool = False) -> Any:
        """Return what a function says of a domain. GuestMissing when there is none.

        apart: it may last long, and others do not wait for it.
        """

        def call(domain: Domain | None) -> Any:
            if domain is None:
                raise GuestMissing(server_id)
            return function(domain)

        return await self._on(server_id, call, apart=apart)

    async def attach_card(self, server_id: str, mac: str, device: str) -> None:
        """Give an active domain a network card (as XML) unless it has it; one that is off needs nothing."""

        def give(domain: Domain) -> None:
            if domain.isActive() and card_of(domain.XMLDesc(), mac) is None:
                domain.attachDeviceFlags(device, libvirt.VIR_DOMAIN_AFFECT_LIVE)

        await self._on(server_id, _needed(server_id, give))

    async def detach_card(self, server_id: str, mac: str, seconds: float) -> bool:
        """Ask an active domain for a network card again and again; say whether it is gone in time."""
        return await self._detach(server_id, lambda definition: card_of(definition, mac), seconds)

    async def terminal(self, server_id: str) -> str:
        """Return the device that the first serial port of a running domain ends in. GuestMissing."""

        def look(domain: Domain | None) -> str | None:
            if domain is None or not domain.isActive():
                return None
            port = parse(domain.XMLDesc()).find("devices/serial[@type='pty']/source")
            return port.get("path") if port is not None else None

        device: str | None = await self._on(server_id, look)
        if device is None:
            raise GuestMissing(server_id)
        return device

    async def resize(self, server_id: str, serial: str, size_bytes: int) -> None:
        """Tell an active domain that a disk of it has another size."""

        def tell(domain: Domain | None) -> None:
            if domain is None or not domain.isActive():
                return
            disk = disk_of(domain.XMLDesc(), serial)
            target = disk.find("target") if disk is not None else None
            if disk is None or target is None:
                return
            lasting.reconnect(domain, disk)
            domain.blockResize(target.get("dev"), size_bytes, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)

        await self._on(server_id, tell)

    async def detach(self, server_id: str, serial: str, seconds: float) -> bool:
        """Ask an active domain for a disk again and again; say whether it is gone within `seconds`."""
        return await self._detach(server_id, lambda definition: disk_of(definition, serial), seconds)

    async def _detach(self, server_id: str, find: Finder, seconds: float) -> bool:
        deadline, device = time.monotonic() + seconds, None
        while True:
            device = await self._on(server_id, lambda domain: _requested(domain, find)) or device
            again = min(deadline, time.monotonic() + UNPLUG_AGAIN)
            while not await self._on(server_id, functools.partial(_is_gone, find=find, device=device)):
                if time.monotonic() > deadline:
                    return False
                if time.monotonic() > again:
                    break
                await asyncio.sleep(UNPLUG_PAUSE)
            else:
                return True

    async def pause(self, server_id: str) -> None:
        """Freeze an active domain."""

        def freeze(domain: Domain) -> None:
            if power_of(domain)[0] is PowerState.RUNNING:
                domain.suspend()

        await self._on(server_id, _needed(server_id, freeze))

    async def unpause(self, server_id: str) -> None:
        """Let a frozen domain go on."""

        def thaw(domain: Domain) -> None:
            if power_of(domain)[0] is PowerState.PAUSED:
                domain.resume()

        await self._on(server_id, _needed(server_id, thaw))

    async def shut_down(self, server_id: str, seconds: float) -> bool:
        """Press the power button, again and again; say whether the guest was off within `seconds`."""
        with self._watch(server_id) as events, contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    await self._press(server_id, lambda domain: domain.shutdownFlags(BUTTON))
                    for _ in range(int(PRESS_AGAIN / POLL)):
                        if (await self.state(server_id)).power not in ALIVE:
                            return True
                        await _next(events)
        return False

    async def restart(self, server_id: str, seconds: float) -> bool:
        """Ask the guest to reboot; say whether it did within `seconds`."""
        with self._watch(server_id) as events, contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    await self._press(server_id, lambda domain: domain.reboot(REBOOT_BUTTON))
                    for _ in range(int(PRESS_AGAIN / POLL)):
                        if await _next(events) == "reboot":
                            return True
                        if (await self.state(server_id)).power not in ALIVE:
                            return False
        return False

    async def _press(self, server_id: str, button: Callable[[Domain], object]) -> None:
        """Press a button; a guest that went off in that moment needs it no more."""

        def press(domain: Domain | None) -> None:
            if domain is not None:
                try:
                    button(domain)
                except libvirt.libvirtError as error:
                    if error.get_error_code() != libvirt.VIR_ERR_OPERATION_INVALID:
                        raise

        await self._on(server_id, press)

    async def _on(self, server_id: str, function: Callable[[Any], Any], *, apart: bool = False) -> Any:
        name = self.name(server_id)

        def call(connection: Any) -> Any:
            with _gone_is_fine():
                return function(connection.lookupByName(name))
            return function(None)

        return await (self._connection.run_apart(call) if apart else self._connection.run(call))

    @contextlib.contextmanager
    def _watch(self, server_id: str) -> Iterator[asyncio.Queue[str]]:
        queue: asyncio.Queue[str] = asyncio.Queue()
        self._watchers.setdefault(server_id, set()).add(queue)
        try:
            yield queue
        finally:
            self._watchers[server_id].discard(queue)
            if not self._watchers[server_id]:
                del self._watchers[server_id]


def _wait_while_starting(domain: Domain) -> None:
    """Wait for a start that a process before us asked for. Blocks; for the thread pool."""
    deadline = time.monotonic() + STARTS_WITHIN
    while power_of(domain)[1] == STARTING:
        if time.monotonic() > deadline:
            raise Temporary("libvirt has not finished an earlier start of this guest")
        time.sleep(PAUSE)


def card_of(definition: str, mac: str) -> ET.Element | None:
    """Return the network card of this address in a domain's XML."""
    return parse(definition).find(f"devices/interface/mac[@address='{mac}']/..")


def _requested(domain: Domain | None, find: Finder) -> ET.Element | None:
    """Ask for a device, and return it; None when it is gone. Does not wait for what the guest says to it."""
    if domain is None or not domain.isActive():
        return None
    device = find(domain.XMLDesc())
    alias = None if device is None else device.find("alias")
    if alias is not None:
        try:
            domain.detachDeviceAlias(alias.get("name"), libvirt.VIR_DOMAIN_AFFECT_LIVE)
        except libvirt.libvirtError as error:
            if error.get_error_code() not in UNPLUGGING:
                raise
    return device


def _is_gone(domain: Domain | None, *, find: Finder, device: ET.Element | None) -> bool:
    """Say whether a device that was asked for is gone, with all that was kept for it."""
    if device is None or domain is None or not domain.isActive():
        return True
    if find(domain.XMLDesc()) is not None:
        return False
    lasting.forget(domain, device)
    return True


def _needed(server_id: str, function: Callable[[Domain], None]) -> Callable[[Domain | None], None]:
    """Have GuestMissing raised when there is no domain."""

    def call(domain: Domain | None) -> None:
        if domain is None:
            raise GuestMissing(server_id)
        function(domain)

    return call


@contextlib.contextmanager
def _gone_is_fine() -> Iterator[None]:
    try:
        yield
    except libvirt.libvirtError as error:
        if error.get_error_code() not in GONE:
            raise


async def _next(events: asyncio.Queue[str]) -> str:
    """Return the next event, or nothing when none came for a while."""
    try:
        async with asyncio.timeout(POLL):
            return await events.get()
    except TimeoutError:
        return ""
