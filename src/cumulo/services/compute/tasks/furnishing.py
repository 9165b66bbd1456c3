"""The volumes of a server that is being made: those it was given, and those that are made for it."""

import asyncio

from cumulo.contracts.block_storage import VolumeRequest, Volumes
from cumulo.core.drivers import Permanent
from cumulo.core.errors import NotFound
from cumulo.core.tasks import EffectRun, StepRun
from cumulo.services.compute import disks
from cumulo.services.compute.model import BlockDeviceMapping, Server

LONGEST = 3600.0  # seconds that the making of a server's volumes may take
_SOONEST, _LATEST = 0.1, 2.0  # seconds between two looks at a volume that is being made
_MAKING = frozenset({"creating", "downloading", "available"})


async def provide(run: StepRun, server: Server) -> None:
    """Ask for the volumes that do not exist yet."""
    volumes = run.use(Volumes)
    for mapping in await disks.of(run.db, server.id):
        if mapping.volume_id is not None:
            continue
        size = mapping.size_gib
        if size is None:
            size = await volumes.snapshot_size(
                run.db, mapping.snapshot_id or "", project_id=server.project_id
            )
        mapping.volume_id = await volumes.create(
            run,
            VolumeRequest(
                project_id=server.project_id,
                user_id=server.user_id,
                size_gib=size,
                image_id=mapping.image_id,
                snapshot_id=mapping.snapshot_id,
                volume_type=mapping.volume_type,
            ),
        )
        await run.db.save(mapping, "volume_id")
    await disks.refresh(run.db, server.id)


async def wait(run: EffectRun, server_id: str) -> None:
    """Wait until every volume made for the server is there. Permanent when one is not going to be."""
    pause = _SOONEST
    while missing := await _unmade(run, server_id):
        run.say(f"waiting for {len(missing)} of the server's volumes")
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LATEST)


async def reserve(run: StepRun, server: Server) -> None:
    """Take the volumes that were made for the server."""
    for mapping in await disks.of(run.db, server.id):
        if mapping.attachment_id is None and mapping.volume_id is not None:
            attachment = await run.use(Volumes).reserve(run, mapping.volume_id, server.id)
            mapping.attachment_id = attachment.id
            await run.db.save(mapping, "attachment_id")


async def complete(run: StepRun, server: Server) -> None:
    """Note that the guest has all its volumes."""
    for mapping in await disks.of(run.db, server.id):
        await attached(run, mapping, server.host or "")


async def attached(run: StepRun, mapping: BlockDeviceMapping, host: str) -> None:
    """Note that the guest has a volume."""
    await run.use(Volumes).complete(run, mapping.attachment_id or "", device=mapping.device_name, host=host)
    mapping.attached = True
    mapping.detaching = False
    await run.db.save(mapping, "attached", "detaching")


async def _unmade(run: EffectRun, server_id: str) -> list[str]:
    """Return the volumes that are still being made."""
    unmade = []
    async with run.reader() as db:
        server = await db.get(Server, server_id)
        if server is None or server.deletion is not None:
            return []  # the next step unwinds
        for mapping in await disks.of(db, server_id):
            if not mapping.created or mapping.volume_id is None:
                continue
            try:
                volume = await run.use(Volumes).get(db, mapping.volume_id, project_id=None, is_admin=True)
            except NotFound:
                raise Permanent(f"volume {mapping.volume_id} was deleted while it was made") from None
            if volume.status not in _MAKING and mapping.attachment_id is None:
                raise Permanent(f"volume {volume.id} could not be made: it is {volume.status}")
            if volume.status in ("creating", "downloading"):
                unmade.append(volume.id)
    return unmade
