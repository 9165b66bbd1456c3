"""Volumes that lie in a pool of files and that the service does not know: what they are, taking them.

What was abandoned keeps its record. A file that somebody put into the pool's own folder is taken by
moving it among the layers; its record says so before, so that a killed process's work is finished.
"""

import msgspec

from cumulo.contracts.volumes import StoredVolume, VolumeSpec
from cumulo.core.drivers import Permanent, Unsupported
from cumulo.node.volumes import images, qcow2
from cumulo.node.volumes.driver import GIB, gone, snapshot_gone
from cumulo.node.volumes.files.folder import Folder
from cumulo.node.volumes.files.layers import FOLDER, LayerFile, Layers, access_to, resize
from cumulo.node.volumes.files.records import Records, VolumeRecord


def described(record: VolumeRecord) -> list[StoredVolume]:
    """Return a record's volume and its snapshots."""
    volume = StoredVolume(
        reference=record.volume_id,
        size_gib=record.size_gib,
        volume_id=record.volume_id if record.managed else None,
        in_use=bool(record.exports),
    )
    return [volume] + [
        StoredVolume(
            reference=key,
            size_gib=(snapshot.size - record.header) // GIB,
            snapshot_id=key if snapshot.managed else None,
            source=record.volume_id,
        )
        for key, snapshot in record.snapshots.items()
    ]


async def strangers(folder: Folder) -> list[StoredVolume]:
    """Return the files in the pool's own folder."""
    found = []
    for name in await folder.names(""):
        if not name.startswith("."):
            _, size = await _look(folder, name)
            found.append(StoredVolume(reference=name, size_gib=-(-size // GIB)))
    return found


async def adopt(folder: Folder, records: Records, layers: Layers, spec: VolumeSpec, reference: str) -> int:
    """Take what lies under a reference; return its size in GiB. The caller works on the volume alone."""
    if spec.volume_id not in records.known:
        if reference in records.known:
            await _take(records, records.known[reference], spec.volume_id)
        else:
            await _move(folder, records, layers, spec, reference)
    record = records.known[spec.volume_id]
    await records.save(msgspec.structs.replace(record, managed=True))
    await _forget_twins(records, record)
    return record.size_gib


async def adopt_snapshot(records: Records, record: VolumeRecord, snapshot_id: str, reference: str) -> int:
    """Take a snapshot of a volume; return its size in GiB."""
    if snapshot_id not in record.snapshots:
        kept = record.snapshots.get(reference)
        if kept is None:
            raise snapshot_gone(reference)
        if kept.managed:
            raise Permanent(f"{reference} is managed already")
        others = {key: one for key, one in record.snapshots.items() if key != reference}
        taken = msgspec.structs.replace(kept, managed=True)
        record = msgspec.structs.replace(record, snapshots=others | {snapshot_id: taken})
        await records.save(record)
    return (record.snapshots[snapshot_id].size - record.header) // GIB


async def finish(folder: Folder, records: Records, record: VolumeRecord) -> None:
    """Finish what a killed process had begun to adopt; before the layers are looked at."""
    if record.adopting:
        if record.adopting in await folder.names(""):
            format_, _ = await _look(folder, record.adopting)
            await folder.rename(record.adopting, f"{FOLDER}/{record.head}.{format_}")
        await records.save(msgspec.structs.replace(record, adopting=""))
    if record.managed:
        await _forget_twins(records, record)


async def _take(records: Records, old: VolumeRecord, volume_id: str) -> None:
    if old.managed:
        raise Permanent(f"{old.volume_id} is managed already")
    await records.save(msgspec.structs.replace(old, volume_id=volume_id, managed=True))


async def _forget_twins(records: Records, record: VolumeRecord) -> None:
    """Remove the record under which an adopted volume lay before."""
    twins = [name for name, one in records.known.items() if one.head == record.head and not one.managed]
    for name in twins:
        if name != record.volume_id:
            await records.remove(name)


async def _move(folder: Folder, records: Records, layers: Layers, spec: VolumeSpec, reference: str) -> None:
    if reference.startswith(".") or reference not in await folder.names(""):
        raise gone(reference)
    if spec.cipher:
        raise Unsupported("an encrypted volume cannot be taken from a file")
    format_, size = await _look(folder, reference)
    await images.size_of(access_to(folder.file(reference), format_))
    whole = -(-size // GIB) * GIB
    if size != whole:
        await resize(folder, reference, format_, whole)
    name = layers.new_name()
    record = VolumeRecord(volume_id=spec.volume_id, head=name, size=whole, adopting=reference)
    with layers.holding(name):
        await records.save(record)
        await folder.rename(reference, f"{FOLDER}/{name}.{format_}")
        layers.known[name] = LayerFile(format_)
        await records.save(msgspec.structs.replace(record, adopting=""))


async def _look(folder: Folder, name: str) -> tuple[str, int]:
    """Return a file's format and how many bytes of disk it describes."""
    start = await folder.start_of(name, qcow2.HEADER_READ)
    if not start.startswith(qcow2.MAGIC):
        return "raw", await folder.size(name)
    return "qcow2", qcow2.parse(start).size
