"""Putting an image's bytes into stores, again and again if need be."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import select

from cumulo.core.db import Reader
from cumulo.core.drivers import Permanent
from cumulo.core.tasks import EffectRun
from cumulo.services.image.config import SHA512
from cumulo.services.image.drivers import Full, Store, Written, algorithm_of
from cumulo.services.image.drivers.stores import Stores
from cumulo.services.image.model import Image, ImageLocation


class Source(msgspec.Struct, frozen=True):
    """A file of a store, to be placed. `share`: the file itself may be used.

    expected: what it must be; algorithm: what it is hashed with where that is not known.
    """

    store: Store
    name: str
    expected: Written | None = None
    share: bool = False
    algorithm: str = SHA512


class Placed(msgspec.Struct, frozen=True):
    """What became of it: the stores that have the bytes, what these are, and why others have not."""

    stores: list[str]
    written: Written
    failed: dict[str, str] = {}


async def find_twin(db: Reader, store: str, written: Written, image_id: str) -> str | None:
    """Return another image of the very same bytes in a store, when there is one."""
    statement = (
        select(Image.c.id)
        .join(ImageLocation.table, ImageLocation.c.image_id == Image.c.id)
        .where(
            Image.c.hash_value == written.digest,
            Image.c.size == written.size,
            Image.c.id != image_id,
            ImageLocation.c.store == store,
            ImageLocation.c.leaving.is_(False),
        )
        .limit(1)
    )
    found: str | None = await db.scalar(statement)
    return found


async def place_all(
    run: EffectRun, source: Source, names: Sequence[str], image_id: str, task_id: str, *, all_or_none: bool
) -> Placed:
    """Put the bytes into these stores. Permanent when all must have them and one has not, or none has."""
    stores = run.use(Stores)
    written: Written | None = None
    placed: list[str] = []
    failed: dict[str, str] = {}
    for name in names:
        run.say(f"putting the data into {name}")
        try:
            written = await _place(run, source, stores.get(name), image_id, task_id)
            placed.append(name)
        except (KeyError, Full, OSError, Permanent) as error:
            failed[name] = _reason(name, error)
            if all_or_none:
                break
    if written is None or (failed and all_or_none):
        raise Permanent("; ".join(failed.values()) or "no store was named")
    return Placed(placed, written, failed)


def _reason(name: str, error: Exception) -> str:
    if isinstance(error, Full):
        return f"the store {name} is full"
    if isinstance(error, KeyError):
        return f"the store {name} is gone"
    return error.public if isinstance(error, Permanent) else f"the store {name} failed"


async def _place(run: EffectRun, source: Source, target: Store, image_id: str, task_id: str) -> Written:
    await target.discard(task_id)
    written = await _adopted(source, target, task_id) or await _copied(source, target, task_id)
    async with run.reader() as db:
        twin = await find_twin(db, target.name, written, image_id)
    await target.publish(task_id, image_id, twin)
    return written


async def _adopted(source: Source, target: Store, task_id: str) -> Written | None:
    path = source.store.path(source.name)
    if not source.share or source.expected is None or path is None:
        return None
    return source.expected if await target.adopt(task_id, path) else None


async def _copied(source: Source, target: Store, task_id: str) -> Written:
    algorithm = algorithm_of(source.expected.digest) if source.expected else source.algorithm
    writer = await target.begin(task_id, algorithm)
    try:
        async for block in source.store.read(source.name):
            await writer.write(block)
        written = await writer.finish()
    except BaseException:
        await writer.discard()
        raise
    if source.expected is not None and written != source.expected:
        await target.discard(task_id)
        raise Permanent("the data that was read is not the image's: its hash differs")
    return written


async def take_away(run: EffectRun, names: Sequence[str], image_id: str, task_id: str) -> None:
    """Remove what `place_all` put into stores that the image is not in."""
    stores = run.use(Stores)
    async with run.reader() as db:
        rows = await db.all(ImageLocation, ImageLocation.c.image_id == image_id)
    kept = {row.store for row in rows}
    for name in names:
        if name in stores.kept:
            await stores.get(name).discard(task_id)
            if name not in kept:
                await stores.get(name).remove(image_id)


def joined(names: Iterable[str]) -> str:
    """Write names of stores as clients see them."""
    return ",".join(names)
