"""Putting an image's bytes into stores, again and again if need be, and finding them there."""

import math
from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import select

from cumulo.core.db import Reader
from cumulo.core.drivers import Permanent
from cumulo.core.tasks import EffectRun
from cumulo.services.image.config import SHA512
from cumulo.services.image.drivers import Full, Store, Written, algorithm_of
from cumulo.services.image.drivers.stores import Stores
from cumulo.services.image.model import Image, ImageLocation, data_name


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
    """What became of it: the stores that have the bytes, what these are, and why others have not.

    data: under which name the stores have them; without one it is the image's id.
    """

    stores: list[str]
    written: Written
    failed: dict[str, str] = {}
    data: str = ""

    def locations(self, image_id: str) -> list[ImageLocation]:
        """Return the rows that say so."""
        data = self.data or image_id
        return [ImageLocation(image_id=image_id, store=name, data=data) for name in self.stores]


class Place(msgspec.Struct, frozen=True):
    """Where an image's bytes are: a store, and their name there."""

    store: Store
    data: str


async def places_of(db: Reader, stores: Stores, image_id: str) -> list[Place]:
    """Return where an image's bytes are, of the stores that there are, the heaviest first."""
    here = (ImageLocation.c.image_id == image_id, ImageLocation.c.leaving.is_(False))
    data = {row.store: row.data for row in await db.all(ImageLocation, *here) if row.store in stores.kept}
    return [Place(stores.get(name), data[name]) for name in stores.ordered(data)]


async def find_twin(db: Reader, store: str, written: Written, image_id: str) -> str | None:
    """Return the name of another image's very same bytes in a store, when there are such."""
    statement = (
        select(ImageLocation.c.data)
        .join(Image.table, ImageLocation.c.image_id == Image.c.id)
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
    """Put the bytes into these stores. Permanent when all must have them and one has not, or none has.

    Their name is this lease's alone: who lost it meanwhile, and goes on, writes to another.
    """
    stores, attempt = run.use(Stores), attempt_of(run, task_id)
    written: Written | None = None
    placed: list[str] = []
    failed: dict[str, str] = {}
    for name in names:
        run.say(f"putting the data into {name}")
        try:
            await remove_tries(stores.get(name), image_id, task_id, before=run.fence)
            written = await _place(run, source, stores.get(name), image_id, attempt)
            placed.append(name)
        except (KeyError, Full, OSError, Permanent) as error:
            failed[name] = _reason(name, error)
            if all_or_none:
                break
    if written is None or (failed and all_or_none):
        raise Permanent("; ".join(failed.values()) or "no store was named")
    return Placed(placed, written, failed, data_name(image_id, attempt))


def attempt_of(run: EffectRun, task_id: str) -> str:
    """Return what tells this try of a task from those under other leases."""
    return f"{task_id}.{run.fence}"


def _reason(name: str, error: Exception) -> str:
    if isinstance(error, Full):
        return f"the store {name} is full"
    if isinstance(error, KeyError):
        return f"the store {name} is gone"
    return error.public if isinstance(error, Permanent) else f"the store {name} failed"


async def _place(run: EffectRun, source: Source, target: Store, image_id: str, attempt: str) -> Written:
    await target.discard(attempt)
    written = await _adopted(source, target, attempt) or await _copied(source, target, attempt)
    async with run.reader() as db:
        twin = await find_twin(db, target.name, written, image_id)
    await target.publish(attempt, data_name(image_id, attempt), twin)
    return written


async def _adopted(source: Source, target: Store, attempt: str) -> Written | None:
    path = source.store.path(source.name)
    if not source.share or source.expected is None or path is None:
        return None
    return source.expected if await target.adopt(attempt, path) else None


async def _copied(source: Source, target: Store, attempt: str) -> Written:
    algorithm = algorithm_of(source.expected.digest) if source.expected else source.algorithm
    writer = await target.begin(attempt, algorithm)
    try:
        async for block in source.store.read(source.name):
            await writer.write(block)
        written = await writer.finish()
    except BaseException:
        await writer.discard()
        raise
    if source.expected is not None and written != source.expected:
        await target.discard(attempt)
        raise Permanent("the data that was read is not the image's: its hash differs")
    return written


async def take_away(run: EffectRun, names: Sequence[str], image_id: str, task_id: str) -> None:
    """Remove what all tries of a task put into stores."""
    stores = run.use(Stores)
    for name in names:
        if name in stores.kept:
            await remove_tries(stores.get(name), image_id, task_id)


async def remove_tries(store: Store, image_id: str, task_id: str, before: float = math.inf) -> None:
    """Remove what tries of a task wrote into a store for an image, whole or not: under leases `before` one.

    Who has lost the lease, and does not know, must not remove what its successor writes.
    """
    for upload in await store.abandoned(frozenset(), -1):
        if _fence(upload, f"{task_id}.") < before:
            await store.discard(upload)
    for data in await store.names():
        if _fence(data, data_name(image_id, f"{task_id}.")) < before:
            await store.remove(data)


def _fence(name: str, prefix: str) -> float:
    """Return the fence of a task's lease in a name that begins so; infinity in another."""
    rest = name.removeprefix(prefix)
    return int(rest) if rest != name and rest.isdecimal() else math.inf


def joined(names: Iterable[str]) -> str:
    """Write names of stores as clients see them."""
    return ",".join(names)
