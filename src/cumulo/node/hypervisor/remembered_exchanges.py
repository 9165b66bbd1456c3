"""Exchanging volumes of remembered guests."""

from typing import TYPE_CHECKING

import msgspec

from cumulo.contracts.hypervisor import PowerState, VolumeDisk
from cumulo.contracts.volumes import Exchange
from cumulo.core.drivers import Permanent
from cumulo.node.hypervisor.interference import Interference

if TYPE_CHECKING:
    from cumulo.node.hypervisor.fake import FakeGuest


class RememberedExchanges(Interference):
    """The verbs that exchange volumes. `mirrors`: (server id, new volume's id) → how far it is."""

    guests_by_id: dict[str, "FakeGuest"]

    def __init__(self) -> None:
        super().__init__()
        self.mirrors: dict[tuple[str, str], Exchange] = {}

    if TYPE_CHECKING:  # what `FakeHypervisor` has

        def _guest(self, server_id: str) -> "FakeGuest": ...

    async def exchange_volume(
        self, server_id: str, volume_id: str, disk: VolumeDisk, *, hold: bool = False, fence: int = 0
    ) -> Exchange:
        """Remember the new disk in the old one's place, at the third call."""
        await self._enter("exchange_volume", server_id, fence)
        guest = self._guest(server_id)
        if disk in guest.spec.volumes:
            return Exchange.DONE
        if volume_id not in {known.volume_id for known in guest.spec.volumes}:
            raise Permanent("the guest does not have the volume")
        if guest.power not in (PowerState.RUNNING, PowerState.PAUSED):
            raise Permanent("the guest is off", public="the server is not running: its disk cannot be copied")
        found = self.mirrors.setdefault((server_id, disk.volume_id), Exchange.NONE)
        self.mirrors[server_id, disk.volume_id] = Exchange.READY
        if found is Exchange.READY and not hold:
            del self.mirrors[server_id, disk.volume_id]
            kept = [disk if known.volume_id == volume_id else known for known in guest.spec.volumes]
            guest.spec = msgspec.structs.replace(guest.spec, volumes=tuple(kept))
            return Exchange.DONE
        return found

    async def keep_volume(self, server_id: str, volume_id: str, disk: VolumeDisk, *, fence: int = 0) -> bool:
        """Forget that a disk was being copied."""
        del volume_id
        await self._enter("keep_volume", server_id, fence)
        self.mirrors.pop((server_id, disk.volume_id), None)
        guest = self.guests_by_id.get(server_id)
        return guest is None or disk not in guest.spec.volumes
