"""Migration of remembered guests between hosts of one process: the fake's half of `contracts.migration`."""

import asyncio
import weakref
from typing import TYPE_CHECKING, ClassVar

from cumulo.contracts.hypervisor import GuestMissing, GuestSpec, GuestState, PowerState
from cumulo.contracts.migration import Landing, Luggage, Progress
from cumulo.core.drivers import Permanent
from cumulo.node.hypervisor.interference import Interference

if TYPE_CHECKING:
    from cumulo.node.hypervisor.fake import FakeGuest


class RememberedTravels(Interference):
    """The verbs of `cumulo.contracts.migration`.

    `expected`: guests that are to come, as they will be. `coming`: those of them that are on their way.
    `homes`: all such hosts, by their `daemon`, as landings call them. `lasting`: what migrations wait for,
    so that a test can do something meanwhile. `emulated`: guests do nothing on their way, and arrive so.
    """

    homes: ClassVar[weakref.WeakValueDictionary[str, "RememberedTravels"]] = weakref.WeakValueDictionary()

    host: str
    guests_by_id: dict[str, "FakeGuest"]

    def __init__(self) -> None:
        super().__init__()
        self.expected: dict[str, GuestSpec] = {}
        self.coming: set[str] = set()
        self.lasting: asyncio.Event | None = None
        self.hastened: list[str] = []
        self.emulated = False
        self._aborted: set[str] = set()
        self.daemon = f"fake://{self.host}/{id(self)}"
        self.homes[self.daemon] = self

    if TYPE_CHECKING:  # what `FakeHypervisor` has

        def _guest(self, server_id: str) -> FakeGuest: ...
        def _state(self, server_id: str) -> GuestState: ...

    async def outline(self, server_id: str) -> list[Luggage]:
        """Say what a running guest would carry with it."""
        await self._enter("outline", server_id)
        guest = self._guest(server_id)
        if guest.power not in (PowerState.RUNNING, PowerState.PAUSED):
            raise GuestMissing(server_id)
        if guest.spec.root is None:
            return []
        size = guest.disk_gib << 30
        return [Luggage(device="vda", name="disk.qcow2", format="qcow2", size_bytes=size)]

    async def prepare(self, spec: GuestSpec, luggage: list[Luggage], *, fence: int = 0) -> Landing:
        """Remember that a guest is to come."""
        del luggage
        await self._enter("prepare", spec.server_id, fence)
        self.expected[spec.server_id] = spec
        return Landing(domain=spec.server_id, folder="", screen="", daemon=self.daemon, address="")

    async def migrate(
        self, server_id: str, landing: Landing, luggage: list[Luggage], *, fence: int = 0
    ) -> None:
        """Have the other host remember the guest in place of this one."""
        del luggage
        await self._enter("migrate", server_id, fence)
        if server_id not in self.guests_by_id:
            return
        there = self.homes[landing.daemon]
        there.coming.add(server_id)
        if self.emulated and self._guest(server_id).power is PowerState.RUNNING:
            self._guest(server_id).power = PowerState.PAUSED
        while self.lasting is not None and not self.lasting.is_set():
            if server_id in self._aborted:
                self._aborted.discard(server_id)
                there.coming.discard(server_id)
                raise Permanent("aborted", public="the migration was aborted")
            await asyncio.sleep(0)
        there.coming.discard(server_id)
        if server_id not in there.expected:
            raise Permanent("the other host expects no such guest")
        guest = self.guests_by_id.pop(server_id)
        guest.spec = there.expected.pop(server_id)
        there.guests_by_id[server_id] = guest

    async def progress(self, server_id: str) -> Progress:
        """Say that half of it is done."""
        await self._enter("progress", server_id)
        return Progress(memory_total=1024, memory_processed=512, memory_remaining=512)

    async def abort(self, server_id: str) -> None:
        """Have it stay."""
        await self._enter("abort", server_id)
        self._aborted.add(server_id)

    async def hasten(self, server_id: str) -> None:
        """Let it be there."""
        await self._enter("hasten", server_id)
        self.hastened.append(server_id)
        if self.lasting is not None:
            self.lasting.set()

    async def welcome(self, server_id: str, *, running: bool) -> GuestState:
        """Let it go on; say what it does."""
        await self._enter("welcome", server_id)
        guest = self._guest(server_id)
        if running and guest.power is PowerState.PAUSED:
            guest.power = PowerState.RUNNING
        return self._state(server_id)
