"""Moving a volume to another pool while a server writes to it: its guest copies it and changes over.

Block storage only makes the new place and opens both ways; what moves and when is the guest's host's to do
(`cumulo.contracts.hypervisor`, exchange_volume). Both pools know the volume by the same id, and the export
by that of the attachment.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from cumulo.contracts.compute import Servers
from cumulo.contracts.volumes import BlockAccess, Exchange
from cumulo.core.db import Reader
from cumulo.core.drivers import Gone, Permanent, Temporary
from cumulo.core.errors import Unavailable
from cumulo.core.tasks import EffectRun
from cumulo.services.block_storage.model import COMPUTE, AttachStatus, Volume, VolumeAttachment
from cumulo.services.block_storage.pools import PATIENCE, opened, reaching, spec_of

READ_ONLY = "ro"
SOONEST, LATEST = 0.1, 2.0  # seconds between two looks at a copy
ATTEMPTS = 3  # how often a copy is begun before it counts as failed


async def attachments_of(db: Reader, volume_id: str) -> list[VolumeAttachment]:
    """Return who has a volume."""
    return await db.all(VolumeAttachment, VolumeAttachment.c.volume_id == volume_id)


def can_carry(attachments: list[VolumeAttachment]) -> bool:
    """Say whether a volume with these attachments can be moved: nobody has it, or one server of compute's."""
    if not attachments:
        return True
    (first, *others) = attachments
    settled = first.status is AttachStatus.ATTACHED and first.mode != READ_ONLY
    return not others and first.origin == COMPUTE and settled and first.server_id is not None


async def prepare(run: EffectRun, volume: Volume, goal: str, type_id: str | None, attachment_id: str) -> None:
    """Make a volume in the pool `goal` too, and have all that its server writes be there as well."""
    async with run.reader() as db:
        spec = await spec_of(db, run.use, volume, type_id)
    async with reaching(run, goal) as pool:
        await pool.create(spec)
    server_id = await server_of(run, attachment_id)
    if server_id is None:
        raise Permanent("the server was deleted meanwhile")
    access = await _opened(run, volume, goal, attachment_id)
    await _until(Exchange.READY, run, server_id, volume.id, access)


async def change_over(run: EffectRun, volume: Volume, goal: str, attachment_id: str) -> None:
    """Have the server work in the pool `goal` alone. One that is gone since leaves all it wrote there."""
    server_id = await server_of(run, attachment_id)
    if server_id is not None:
        access = await _opened(run, volume, goal, attachment_id)
        await _until(Exchange.DONE, run, server_id, volume.id, access)


async def bring_back(run: EffectRun, volume_id: str, goal: str, attachment_id: str) -> None:
    """Have the server work on the volume where it was, and remove what was made of it in the pool `goal`."""
    async with run.reader() as db:
        volume = await db.get(Volume, volume_id)
    server_id = await server_of(run, attachment_id)
    with contextlib.suppress(Gone):  # it was never made there
        if volume is not None and server_id is not None:
            access = await _opened(run, volume, goal, attachment_id)
            async with _asking(run) as servers, run.reader() as db:
                kept = await servers.keep_volume(db, server_id, volume_id, access)
            if not kept:
                before = await _opened(run, volume, volume.host or "", attachment_id)
                await _until(Exchange.DONE, run, server_id, volume_id, before)
    async with reaching(run, goal) as pool:
        with contextlib.suppress(Gone):
            await pool.close(volume_id, attachment_id)
        await pool.delete(volume_id)


async def server_of(run: EffectRun, attachment_id: str) -> str | None:
    """Return the server that has a volume; None when it has it no more."""
    async with run.reader() as db:
        attachment = await db.get(VolumeAttachment, attachment_id)
    return None if attachment is None else attachment.server_id


async def _opened(run: EffectRun, volume: Volume, host: str, attachment_id: str) -> BlockAccess:
    async with reaching(run, host) as pool:
        return opened(await pool.open(volume.id, attachment_id), run.use, volume)


async def _until(
    state: Exchange, run: EffectRun, server_id: str, volume_id: str, access: BlockAccess
) -> None:
    """Take the steps of an exchange until it is so far. Permanent when it cannot come there."""
    pause, begun, hold = SOONEST, 0, state is Exchange.READY
    while True:
        async with _asking(run) as servers, run.reader() as db:
            found = await servers.exchange_volume(db, server_id, volume_id, access, hold=hold)
        if found in (state, Exchange.DONE):
            return
        begun += found is Exchange.NONE
        if begun > ATTEMPTS:
            raise Permanent("The volume could not be copied while it is in use.")
        await asyncio.sleep(pause)
        pause = min(2 * pause, LATEST)


@contextlib.asynccontextmanager
async def _asking(run: EffectRun) -> AsyncIterator[Servers]:
    """Give compute. That a server's host does not answer is Temporary."""
    try:
        yield run.use(Servers)
    except Unavailable as error:
        raise Temporary("the server's host does not answer", retry_in=PATIENCE) from error
