"""Exchanging what lies under a running guest's disk: for another volume, or for the same in another pool."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import ClassVar

import msgspec

from cumulo.contracts.block_storage import Volumes
from cumulo.contracts.hypervisor import GuestMissing, VolumeDisk
from cumulo.contracts.volumes import Exchange
from cumulo.core.drivers import DriverError, Permanent
from cumulo.core.errors import Unavailable
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.compute import disks, history
from cumulo.services.compute.model import BlockDeviceMapping, Server
from cumulo.services.compute.tasks.deletion import TRIES, Doomed, explain, reaching
from cumulo.services.compute.tasks.furnishing import attached

LONGEST = 4 * 3600.0  # seconds that copying a volume may take
EVENT = "compute_swap_volume"
_SOONEST, _LATEST = 0.1, 2.0  # seconds between two looks at a copy
_ATTEMPTS = 3  # how often a copy is begun before it counts as failed


async def until_done(ask: Callable[[], Awaitable[Exchange]]) -> None:
    """Take the steps of an exchange until the guest works at the new place. Permanent when it cannot."""
    pause, begun = _SOONEST, 0
    while (found := await ask()) is not Exchange.DONE:
        begun += found is Exchange.NONE
        if begun > _ATTEMPTS:
            public = "the volume could not be copied: can the new one be written, and is it of the same size?"
            raise Permanent("the copy ended with an error", public=public)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LATEST)


class SwapVolume(Saga):
    """Give a running server another volume in the place of one it has, with the content of that.

    volume_id, attachment_id: the new one's. Until the guest has changed over, the old volume is the server's.
    """

    server_id: str
    mapping_id: str
    action_id: str
    volume_id: str
    attachment_id: str
    old_volume_id: str
    old_attachment_id: str
    lock: ClassVar[str] = "server-volume:{mapping_id}"

    @effect(timeout=LONGEST, retries=TRIES)
    async def exchange(self, run: EffectRun) -> None:
        """Have the guest's host copy the old volume to the new one, and change over."""

        async def ask() -> Exchange:
            server, disk = await self._disk(run, self.volume_id, self.attachment_id)
            if server.deletion is not None:
                raise Doomed("the server was deleted meanwhile")
            async with reaching(run, server.host or "") as host:
                return await host.exchange_volume(server.id, self.old_volume_id, disk)

        await until_done(ask)

    @exchange.undo
    async def keep(self, run: EffectRun) -> None:
        """Have the guest work on where it did, with what it wrote since; close the way to the new volume."""

        async def ask() -> Exchange:
            server, new = await self._disk(run, self.volume_id, self.attachment_id)
            async with reaching(run, server.host or "") as host:
                if await host.keep_volume(server.id, self.old_volume_id, new):
                    return Exchange.DONE
                _, old = await self._disk(run, self.old_volume_id, self.old_attachment_id)
                return await host.exchange_volume(server.id, self.volume_id, old)

        with contextlib.suppress(Doomed, GuestMissing):
            await until_done(ask)
        async with run.reader() as db:
            await run.use(Volumes).disconnect(db, self.attachment_id)

    @step
    async def switch(self, run: StepRun) -> None:
        """Say that the server has the new volume."""
        await self._hold(run, self.volume_id, self.attachment_id)

    @switch.undo
    async def switch_back(self, run: StepRun) -> None:
        """Say that it has the old one."""
        with contextlib.suppress(Doomed):
            await self._hold(run, self.old_volume_id, self.old_attachment_id)

    @effect
    async def close(self, run: EffectRun) -> None:
        """Close the way to the old volume; what cannot be closed now, block storage closes later."""
        async with run.reader() as db:
            try:
                await run.use(Volumes).disconnect(db, self.old_attachment_id)
            except (Unavailable, DriverError) as error:
                run.say(f"the old volume's export is closed later: {error}")

    @step
    async def finish(self, run: StepRun) -> None:
        """Give the old volume back."""
        await run.use(Volumes).release(run, self.old_attachment_id)
        await history.note(run.db, self.action_id, EVENT, last=True)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave the server its volume, and say why in its history."""
        await run.use(Volumes).release(run, self.attachment_id)
        with contextlib.suppress(Doomed):
            await self._hold(run, self.old_volume_id, self.old_attachment_id)
        await history.note(run.db, self.action_id, EVENT, error=explain(error), last=True)

    async def _hold(self, run: StepRun, volume_id: str, attachment_id: str) -> None:
        """Write down which volume the server has. Doomed when it is gone with all that it had."""
        mapping = await run.db.one(
            BlockDeviceMapping, BlockDeviceMapping.c.id == self.mapping_id, for_update=True
        )
        server = await run.db.get(Server, self.server_id)
        if mapping is None or server is None:
            raise Doomed("the server was deleted meanwhile")
        mapping.volume_id, mapping.attachment_id = volume_id, attachment_id
        await run.db.save(mapping, "volume_id", "attachment_id")
        await attached(run, mapping, server.host or "")
        await disks.refresh(run.db, server.id)

    async def _disk(self, run: EffectRun, volume_id: str, attachment_id: str) -> tuple[Server, VolumeDisk]:
        """Return the server, and one of the two volumes as its disk. Doomed when the server is gone."""
        async with run.reader() as db:
            server = await db.get(Server, self.server_id)
            mapping = await db.get(BlockDeviceMapping, self.mapping_id)
        if server is None or mapping is None or server.deleted_at is not None:
            raise Doomed("the server was deleted meanwhile")
        if server.host is None:
            raise Permanent("the server is on no host", public="the server is on no host")
        held = msgspec.structs.replace(mapping, volume_id=volume_id, attachment_id=attachment_id)
        return server, await disks.disk_of(run, held, server.host)
