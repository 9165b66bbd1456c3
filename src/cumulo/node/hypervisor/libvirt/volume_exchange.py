"""The verbs that exchange what lies under a guest's disk, and what a guest has left behind.

Between the moment in which a guest changes over and the one in which those who asked have written that down,
an older spec would start it with what it left: content from before. So what a guest is about to leave is
noted first, in a file of its folder, and no spec that names it starts the guest; it is asked for again.
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import libvirt
import msgspec
import structlog

from cumulo.contracts.hypervisor import GuestMissing, VolumeDisk
from cumulo.contracts.volumes import Exchange
from cumulo.core.drivers import Temporary
from cumulo.node.files import write_atomically
from cumulo.node.hypervisor.libvirt import volume_mirror
from cumulo.node.hypervisor.libvirt.connection import Domain
from cumulo.node.hypervisor.libvirt.domain import Machine
from cumulo.node.hypervisor.libvirt.own_disks import OwnDisks
from cumulo.node.hypervisor.libvirt.volumes import disk_element, owner_of, place_of, secrets_of
from cumulo.node.settings import NodeSettings, Place

log = structlog.get_logger(__name__)

LEFT = "left.json"
_SOON = 1.0  # seconds until who asked has written down where the disk is


class Left:
    """The places (`place_of`) that a guest has left, in a file of its folder."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def note(self, place: str) -> None:
        """Note one before the guest leaves it."""
        self._write(self._read() | {place})

    def strike(self, place: str) -> None:
        """Forget one: the guest is there after all, or again."""
        known = self._read()
        if place in known:
            self._write(known - {place})

    def forget(self, disk: VolumeDisk) -> None:
        """Forget the place of a disk that the guest is given."""
        if self._file.exists():
            self.strike(_place(disk))

    def check(self, disks: Sequence[VolumeDisk]) -> None:
        """Refuse to start a guest with a disk that it left; one without any starts a new account."""
        if not self._file.exists():
            return
        known = self._read()
        for disk in disks:
            if _place(disk) in known:
                public = "a volume of the server has just moved"
                reason = f"the guest left that place of volume {disk.volume_id}"
                raise Temporary(reason, retry_in=_SOON, public=public)
        self._file.unlink()

    def _read(self) -> set[str]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=set[str])
        except FileNotFoundError:
            return set()

    def _write(self, places: set[str]) -> None:
        if places:
            write_atomically(self._file, msgspec.json.encode(sorted(places)))
        else:
            self._file.unlink(missing_ok=True)


class ExchangedVolumes(OwnDisks):
    """The verbs by which a guest's disk moves to another place while the guest runs."""

    def __init__(self, name: str, place: Place, settings: NodeSettings) -> None:
        super().__init__(name, place, settings)
        self._machine = Machine()

    def _left(self, server_id: str) -> Left:
        return Left(self._place.server(server_id) / LEFT)

    async def exchange_volume(
        self, server_id: str, volume_id: str, disk: VolumeDisk, *, hold: bool = False, fence: int = 0
    ) -> Exchange:
        """Take the next step of a disk's way to where `disk` says; return what was found, or DONE."""
        async with self._alone_with(server_id, fence):
            for secret in secrets_of(server_id, disk):
                await self._domains.keep_secret(secret)
            found: Exchange = await self._domains.ask(
                server_id, lambda domain: self._step(domain, server_id, volume_id, disk, hold)
            )
            if found is Exchange.DONE and disk.volume_id != volume_id:
                await self._domains.forget_secrets(owner_of(server_id, volume_id))
            return found

    async def keep_volume(self, server_id: str, volume_id: str, disk: VolumeDisk, *, fence: int = 0) -> bool:
        """Give up an exchange; say whether the guest works where it did."""
        goal = _place(disk)

        def stay(domain: Domain) -> bool:
            found = volume_mirror.find(domain, volume_id, disk.volume_id, goal)
            if found is None:
                return True
            if place_of(found) == goal:
                return False
            volume_mirror.give_up(domain, found)
            self._left(server_id).strike(place_of(found))
            return True

        async with self._alone_with(server_id, fence):
            try:
                kept: bool = await self._domains.ask(server_id, stay)
            except GuestMissing:
                return True
            if kept and disk.volume_id != volume_id:
                await self._domains.forget_secrets(owner_of(server_id, disk.volume_id))
            return kept

    def _step(self, domain: Domain, server_id: str, volume_id: str, new: VolumeDisk, hold: bool) -> Exchange:
        left, goal = self._left(server_id), _place(new)
        found, disk = volume_mirror.look(domain, volume_id, new.volume_id, goal)
        if found is Exchange.NONE:
            left.strike(place_of(disk))
            left.strike(goal)
            target = disk_element(server_id, new, self._machine.cache_mode)
            volume_mirror.begin(domain, disk, ET.tostring(target, encoding="unicode"))
        elif found is Exchange.READY and not hold:
            left.note(place_of(disk))
            volume_mirror.switch(domain, disk)
            found, disk = volume_mirror.look(domain, volume_id, new.volume_id, goal)
        if found is Exchange.DONE:
            try:
                volume_mirror.settle(domain, disk, new.volume_id)
            except libvirt.libvirtError as error:  # the guest has changed over: that is what counts
                log.warning("volume.unsettled", server=server_id, volume=new.volume_id, reason=str(error))
        return found


def _place(disk: VolumeDisk) -> str:
    return place_of(disk_element("", disk, ""))
