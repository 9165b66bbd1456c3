"""The volumes of a server: what its document and its host are told of them."""

import string
from collections.abc import Iterable, Sequence

from cumulo.contracts.block_storage import Volumes
from cumulo.contracts.hypervisor import VolumeDisk
from cumulo.core.db import Reader, Transaction
from cumulo.core.tasks import EffectRun
from cumulo.core.work import Work
from cumulo.services.compute.model import BlockDeviceMapping, Server

_LETTERS = string.ascii_lowercase
PREFIXES = {"virtio": "vd", "scsi": "sd", "sata": "sd", "usb": "sd", "ide": "hd"}


async def of(db: Reader, server_id: str) -> list[BlockDeviceMapping]:
    """Return a server's volumes, the one it boots from first, then as they came."""
    order = (BlockDeviceMapping.c.created_at, BlockDeviceMapping.c.device_name)
    mappings = await db.all(BlockDeviceMapping, BlockDeviceMapping.c.server_id == server_id, order_by=order)
    return sorted(mappings, key=lambda mapping: mapping.boot_index != 0)


async def one(db: Reader, server_id: str, volume_id: str) -> BlockDeviceMapping | None:
    """Return what a server has of a volume; None when it has it not."""
    rows = BlockDeviceMapping.c
    return await db.one(BlockDeviceMapping, rows.server_id == server_id, rows.volume_id == volume_id)


async def refresh(db: Transaction, server_id: str) -> None:
    """Write anew what a server's document says of its volumes."""
    shown = [
        {"id": mapping.volume_id, "delete_on_termination": mapping.delete_on_termination}
        for mapping in await of(db, server_id)
        if mapping.volume_id is not None
    ]
    await db.update(Server, Server.c.id == server_id, volumes=shown)


def next_device(bus: str, taken: Iterable[str]) -> str:
    """Return the first free device of a bus: `/dev/vdb`, ..., `/dev/vdz`, `/dev/vdaa`, ..."""
    used = set(taken)
    endings = [*_LETTERS, *(first + second for first in _LETTERS for second in _LETTERS)]
    prefix = PREFIXES.get(bus, "vd")
    return next(name for ending in endings if (name := f"/dev/{prefix}{ending}") not in used)


async def connect(
    run: EffectRun, mappings: Sequence[BlockDeviceMapping], host: str
) -> tuple[VolumeDisk, ...]:
    """Export volumes to a host; return them as its guest's disks. What is being detached is left out."""
    return tuple(
        [
            await disk_of(run, mapping, host)
            for mapping in mappings
            if mapping.attachment_id is not None and not mapping.detaching
        ]
    )


async def disk_of(run: EffectRun, mapping: BlockDeviceMapping, host: str) -> VolumeDisk:
    """Export a volume to a host; return it as its guest's disk."""
    volumes = run.use(Volumes)
    volume_id = mapping.volume_id or ""
    async with run.reader() as db:
        record = await volumes.get(db, volume_id, project_id=None, is_admin=True)
        access = await volumes.connect(db, mapping.attachment_id or "", host)
    return VolumeDisk(
        volume_id=volume_id,
        access=access,
        device=mapping.device,
        bus=mapping.bus,
        limits=dict(record.front_end_limits),
    )


async def disconnect(run: EffectRun, server_id: str) -> None:
    """End all exports of a server's volumes."""
    async with run.reader() as db:
        mappings = await of(db, server_id)
    for mapping in mappings:
        if mapping.attachment_id is not None:
            async with run.reader() as db:
                await run.use(Volumes).disconnect(db, mapping.attachment_id)


async def give_back(work: Work, server_id: str, *, failed: bool = False) -> None:
    """Let go of a server's volumes, and delete those that go with it.

    With `failed`, the server never came to be: all that was made for it goes.
    """
    for mapping in await of(work.db, server_id):
        delete = mapping.created if failed else mapping.delete_on_termination
        await give_back_one(work, mapping, delete=delete)


async def give_back_one(work: Work, mapping: BlockDeviceMapping, *, delete: bool = False) -> None:
    """Let go of one volume, and of the volume itself with `delete`."""
    volumes = work.use(Volumes)
    if mapping.attachment_id is not None:
        await volumes.release(work, mapping.attachment_id)
    if delete and mapping.volume_id is not None:
        await volumes.delete(work, mapping.volume_id)
    await work.db.delete(BlockDeviceMapping, BlockDeviceMapping.c.id == mapping.id)
