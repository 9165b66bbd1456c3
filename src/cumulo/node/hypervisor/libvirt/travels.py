"""Guests that go to another host while they run (libvirt.org/migration).

The old host's libvirt talks to the new one's by itself (peer to peer), so a migration ends by itself when
this process is killed meanwhile. Files of the guest's own are copied by QEMU into files that the new host
made empty; all else that a guest's definition names on the old host is named anew for the new one. Where
hosts have certificates, memory and disks travel by TLS.
"""

import contextlib
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import libvirt

from cumulo.contracts.hypervisor import GuestMissing, GuestSpec, GuestState
from cumulo.contracts.migration import Landing, Luggage, Progress
from cumulo.core.drivers import Permanent
from cumulo.node import config_drive
from cumulo.node.commands import Limits, run
from cumulo.node.hypervisor.libvirt import followed, lasting
from cumulo.node.hypervisor.libvirt.connection import Domain
from cumulo.node.hypervisor.libvirt.definitions import parse
from cumulo.node.hypervisor.libvirt.domains import ALIVE
from cumulo.node.hypervisor.libvirt.guests import Guests, checked
from cumulo.node.hypervisor.libvirt.volumes import disk_element, named, secrets_of
from cumulo.node.metadata import tree
from cumulo.node.ports.wiring import Wiring

CONFIG_DRIVE = "config.iso"
PAUSE = 0.2  # seconds between two looks at a migration that another process began
FORMATS = frozenset({"raw", "qcow2"})
FLAGS = (
    libvirt.VIR_MIGRATE_LIVE
    | libvirt.VIR_MIGRATE_PEER2PEER
    | libvirt.VIR_MIGRATE_PERSIST_DEST
    | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
    | libvirt.VIR_MIGRATE_AUTO_CONVERGE
    | libvirt.VIR_MIGRATE_UNSAFE  # it knows of no exports; the disks of volumes are the same on both hosts
)
_NOT_NOW = frozenset({libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_DOMAIN})


class Travels(Guests):
    """The verbs of `cumulo.contracts.migration`."""

    _wiring: Wiring

    async def outline(self, server_id: str) -> list[Luggage]:
        """Say what a running guest would carry with it. GuestMissing when it does not run here."""
        folder = self._place.server(checked(server_id))
        found: list[Luggage] = await self._domains.ask(server_id, lambda domain: _luggage(domain, folder))
        return found

    async def prepare(self, spec: GuestSpec, luggage: list[Luggage], *, fence: int = 0) -> Landing:
        """Have disks, network cards and secrets ready for a guest that is to come."""
        async with self._alone_with(spec.server_id, fence):
            if (await self._domains.state(spec.server_id)).power in ALIVE:
                return self._landing(spec)
            folder = self._place.server(spec.server_id)
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for piece in luggage:
                await _make_room(folder, piece)
            if spec.config_drive is not None:
                await config_drive.write(folder / CONFIG_DRIVE, tree.config_drive(spec.config_drive))
            for disk in spec.volumes:
                for secret in secrets_of(spec.server_id, disk):
                    await self._domains.keep_secret(secret)
            await self._wiring.wire(spec.server_id, spec.nics)
            return self._landing(spec)

    def _landing(self, spec: GuestSpec) -> Landing:
        volumes = {
            disk.volume_id: ET.tostring(disk_element(spec.server_id, disk, "none"), encoding="unicode")
            for disk in spec.volumes
        }
        return Landing(
            domain=self._domains.name(spec.server_id),
            folder=str(self._place.server(spec.server_id)),
            screen=str(self._place.vnc_socket(spec.server_id)),
            daemon=self._settings.migration_uri or self._place.peer_uri,
            address=self._place.address or self._settings.host_ip,
            certified=self._host if self._place.certified else "",
            volumes=volumes,
        )

    async def migrate(
        self, server_id: str, landing: Landing, luggage: list[Luggage], *, fence: int = 0
    ) -> None:
        """Send a guest to its new host; one that has left is no error, one on its way is waited for."""
        folder, screen = self._place.server(checked(server_id)), self._place.vnc_socket(server_id)
        name = self._domains.name(server_id)

        def send(connection: Any) -> None:
            try:
                domain = connection.lookupByName(name)
            except libvirt.libvirtError as error:
                if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                    return
                raise
            _wait_for_job(domain)
            if _is_active(domain):
                definition = moved(
                    domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE), str(folder), str(screen), name, landing
                )
                is_followed = followed.is_followed(parse(definition), connection.getVersion())
                with contextlib.nullcontext() if is_followed else _still(domain):
                    _send(domain, definition, landing, [piece.device for piece in luggage])

        async with self._alone_with(server_id, fence):
            await self._connection.run_apart(send)

    async def progress(self, server_id: str) -> Progress:
        """Say how far a guest's migration is; nothing of one that is not on its way."""
        found: Progress = await self._asked(server_id, _progress, Progress())
        return found

    async def abort(self, server_id: str) -> None:
        """Have a guest that is on its way stay; one that is not is no error."""
        await self._asked(server_id, lambda domain: domain.abortJob(), None)

    async def hasten(self, server_id: str) -> None:
        """Let a guest that is on its way do nothing until it is there, so that it gets there soon."""

        def pause(domain: Domain) -> None:
            if domain.jobInfo()[0] != libvirt.VIR_DOMAIN_JOB_NONE:
                domain.suspend()  # libvirt lets it go on at the other end

        await self._asked(server_id, pause, None)

    async def welcome(self, server_id: str, *, running: bool) -> GuestState:
        """See to a guest that has come, or that stays after all; say what it does."""

        def see_to(domain: Domain) -> None:
            if domain.isActive():
                if running:
                    _go_on(domain)
                lasting.make_lasting(domain)

        await self._domains.ask(checked(server_id), see_to)
        return await self._domains.state(server_id)

    async def _asked(self, server_id: str, function: Callable[[Domain], Any], otherwise: Any) -> Any:
        """Ask a domain; what makes no sense for one that is gone or idle gives `otherwise`."""

        def ask(domain: Domain) -> Any:
            try:
                return function(domain)
            except libvirt.libvirtError as error:
                if error.get_error_code() in _NOT_NOW:
                    return otherwise
                raise

        try:
            return await self._domains.ask(checked(server_id), ask)
        except GuestMissing:
            return otherwise


def moved(definition: str, folder: str, screen: str, name: str, landing: Landing) -> str:
    """Return a guest's definition with all that it names on the old host named as on the new one."""
    domain = parse(definition)
    for disk, volume_id in named(domain):
        wanted = landing.volumes.get(volume_id)
        if wanted is not None:
            _connect_anew(disk, parse(wanted))
        elif disk.find("readonly") is None:
            _stand_alone(disk)
    for element in domain.iter():
        for key, value in element.attrib.items():
            element.set(key, _renamed(value, folder, screen, name, landing))
        if element.text and element.tag in ("nvram", "path"):
            element.text = _renamed(element.text, folder, screen, name, landing)
    return ET.tostring(domain, encoding="unicode")


def _renamed(value: str, folder: str, screen: str, name: str, landing: Landing) -> str:
    if value == screen:
        return landing.screen
    if value.startswith(f"{folder}/"):
        return landing.folder + value.removeprefix(folder)
    if value.startswith("/"):
        return value.replace(f"/{name}", f"/{landing.domain}")  # such as its NVRAM
    return value


def _connect_anew(disk: ET.Element, wanted: ET.Element) -> None:
    """Have a volume's disk reached as the new host reaches it."""
    source, new = disk.find("source"), wanted.find("source")
    if source is None or new is None:
        return
    position = list(disk).index(source)
    disk.remove(source)
    disk.insert(position, new)
    disk.set("type", wanted.get("type", "network"))


def _stand_alone(disk: ET.Element) -> None:
    """Have a copied disk lie on nothing: the copy is whole."""
    for store in disk.findall("backingStore"):
        disk.remove(store)
    ET.SubElement(disk, "backingStore")


def _luggage(domain: Domain, folder: Path) -> list[Luggage]:
    if not domain.isActive():
        raise GuestMissing(domain.name())
    found = []
    for disk in parse(domain.XMLDesc()).iterfind("devices/disk"):
        file = Path((source.get("file") or "") if (source := disk.find("source")) is not None else "")
        target, driver = disk.find("target"), disk.find("driver")
        if file.parent != folder or disk.find("readonly") is not None or target is None or driver is None:
            continue
        device = target.get("dev", "")
        size = int(domain.blockInfo(device)[0])
        found.append(
            Luggage(device=device, name=file.name, format=driver.get("type", "raw"), size_bytes=size)
        )
    return found


async def _make_room(folder: Path, piece: Luggage) -> None:
    """Have an empty file for a disk that is to come, whatever an earlier try left."""
    if Path(piece.name).name != piece.name or piece.format not in FORMATS:
        raise Permanent(f"{piece.name!r} ({piece.format}) is no disk that can come")
    file = folder / piece.name
    file.unlink(missing_ok=True)
    words = ("create", "-q", "-f", piece.format, str(file), str(piece.size_bytes))
    await run("qemu-img", *words, limits=Limits())


@contextlib.contextmanager
def _still(domain: Domain) -> Iterator[None]:
    """Have a guest do nothing while it is sent; one that stays after all goes on."""
    if domain.state()[0] != libvirt.VIR_DOMAIN_RUNNING:
        yield
        return
    domain.suspend()
    try:
        yield
    except (libvirt.libvirtError, Permanent):
        if _is_active(domain):
            _go_on(domain)
        raise


def _go_on(domain: Domain) -> None:
    """Let a guest go on that was made to do nothing; one that stopped for another reason is left alone."""
    if domain.state() == [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER]:
        domain.resume()


def _send(domain: Domain, definition: str, landing: Landing, devices: list[str]) -> None:
    parameters: dict[str, Any] = {
        libvirt.VIR_MIGRATE_PARAM_URI: f"tcp://{landing.address}",
        libvirt.VIR_MIGRATE_PARAM_LISTEN_ADDRESS: landing.address,
        libvirt.VIR_MIGRATE_PARAM_DEST_NAME: landing.domain,
        libvirt.VIR_MIGRATE_PARAM_DEST_XML: definition,
        libvirt.VIR_MIGRATE_PARAM_PERSIST_XML: definition,
    }
    flags = FLAGS
    if landing.certified:
        flags |= libvirt.VIR_MIGRATE_TLS
        parameters[libvirt.VIR_MIGRATE_PARAM_TLS_DESTINATION] = landing.certified
    if devices:
        flags |= libvirt.VIR_MIGRATE_NON_SHARED_DISK
        parameters[libvirt.VIR_MIGRATE_PARAM_MIGRATE_DISKS] = devices
    try:
        domain.migrateToURI3(landing.daemon, parameters, flags)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_OPERATION_ABORTED:
            raise Permanent(str(error), public="the migration was aborted") from error
        raise


def _wait_for_job(domain: Domain) -> None:
    """Wait for the end of a migration that a process before us began. Blocks; for a thread."""
    while _is_active(domain) and domain.jobInfo()[0] != libvirt.VIR_DOMAIN_JOB_NONE:
        time.sleep(PAUSE)  # in a thread, see above; libvirt tells of no job's end


def _is_active(domain: Domain) -> bool:
    try:
        return bool(domain.isActive())
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return False
        raise


def _progress(domain: Domain) -> Progress:
    stats = domain.jobStats()
    return Progress(**{name: int(stats.get(name, 0)) for name in Progress.__struct_fields__})
