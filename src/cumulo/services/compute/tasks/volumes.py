"""Giving volumes to servers that exist, and taking them away."""

from typing import ClassVar

from cumulo.contracts.block_storage import Volumes
from cumulo.core.drivers import Permanent
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.compute import disks, history
from cumulo.services.compute.model import BlockDeviceMapping, Server, VmState
from cumulo.services.compute.tasks.deletion import LONGEST, TRIES, Doomed, explain, reaching
from cumulo.services.compute.tasks.furnishing import attached


class AttachVolume(Saga):
    """Give a server a volume that was reserved for it."""

    server_id: str
    mapping_id: str
    action_id: str
    lock: ClassVar[str] = "server-volume:{mapping_id}"

    @effect(timeout=2 * LONGEST, retries=TRIES)
    async def attach(self, run: EffectRun) -> None:
        """Open the way to the volume and have the guest's host plug it in. On the shelf it is only noted."""
        server, mapping = await _both(run, self.server_id, self.mapping_id)
        if server.vm_state is VmState.SHELVED_OFFLOADED:
            return
        if server.host is None:
            raise Permanent("the server is on no host")
        disk = await disks.disk_of(run, mapping, server.host)
        async with reaching(run, server.host) as host:
            await host.attach_volume(server.id, disk)

    @attach.undo
    async def detach(self, run: EffectRun) -> None:
        """Take the volume from the guest again, as far as it got there."""
        await take(run, self.server_id, self.mapping_id)

    @step
    async def publish(self, run: StepRun) -> None:
        """Say that the server has the volume."""
        mapping = await run.db.one(
            BlockDeviceMapping, BlockDeviceMapping.c.id == self.mapping_id, for_update=True
        )
        server = await run.db.get(Server, self.server_id)
        if mapping is None or server is None:
            raise Doomed("the server was deleted meanwhile")
        await attached(run, mapping, server.host or "")
        await history.note(run.db, self.action_id, "compute_attach_volume", host=server.host, last=True)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Give the volume back, and say why in the server's history."""
        mapping = await run.db.get(BlockDeviceMapping, self.mapping_id)
        if mapping is not None:
            await disks.give_back_one(run, mapping)
            await disks.refresh(run.db, self.server_id)
        text = explain(error)
        await history.note(run.db, self.action_id, "compute_attach_volume", error=text, last=True)


class DetachVolume(Saga):
    """Take a volume from a server."""

    server_id: str
    mapping_id: str
    action_id: str
    lock: ClassVar[str] = "server-volume:{mapping_id}"

    @effect(timeout=2 * LONGEST, retries=TRIES)
    async def detach(self, run: EffectRun) -> None:
        """Have the guest let go, then close the way to the volume."""
        await take(run, self.server_id, self.mapping_id)

    @step
    async def finish(self, run: StepRun) -> None:
        """Give the volume back."""
        mapping = await run.db.get(BlockDeviceMapping, self.mapping_id)
        if mapping is not None:
            await disks.give_back_one(run, mapping)
            await disks.refresh(run.db, self.server_id)
        await history.note(run.db, self.action_id, "compute_detach_volume", last=True)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave the volume with the guest, and say why in the server's history."""
        mapping = await run.db.get(BlockDeviceMapping, self.mapping_id)
        server = await run.db.get(Server, self.server_id)
        if mapping is not None and server is not None:
            await attached(run, mapping, server.host or "")
        text = explain(error)
        await history.note(run.db, self.action_id, "compute_detach_volume", error=text, last=True)


async def take(run: EffectRun, server_id: str, mapping_id: str) -> None:
    """Take a volume from a guest, if it has it, and end its export."""
    async with run.reader() as db:
        server = await db.get(Server, server_id)
        mapping = await db.get(BlockDeviceMapping, mapping_id)
    if mapping is None or mapping.volume_id is None:
        return
    if server is not None and server.host is not None and server.deleted_at is None:
        async with reaching(run, server.host) as host:
            await host.detach_volume(server.id, mapping.volume_id)
    if mapping.attachment_id is not None:
        async with run.reader() as db:
            await run.use(Volumes).disconnect(db, mapping.attachment_id)


async def _both(run: EffectRun, server_id: str, mapping_id: str) -> tuple[Server, BlockDeviceMapping]:
    """Return a server and one of its volumes. Doomed when either is gone or going."""
    async with run.reader() as db:
        server = await db.get(Server, server_id)
        mapping = await db.get(BlockDeviceMapping, mapping_id)
    if server is None or mapping is None or server.deleted_at is not None or server.deletion is not None:
        raise Doomed("the server was deleted meanwhile")
    return server, mapping
