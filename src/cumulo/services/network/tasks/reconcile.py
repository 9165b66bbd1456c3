"""The reconcilers: `network.realise` works what changed, `network.compare` everything.

Both end in the same `ensure` and `remove`, so the first time and repair are one path. Removals need no
tombstone: a resource that is noted as changed and has no row any more is removed.

Much is done at once, for its price is mostly one of looking: two realisations of ports that are created one
after another are a moment apart, and what comes meanwhile waits for the second. `network.note` writes down
what `network.realise` did, a moment later still: a commit for each would stand between the requests. What is
lost of it is realised once more.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import sqlalchemy
import structlog

from cumulo.core import clock
from cumulo.core.db import Transaction
from cumulo.core.drivers import DriverError
from cumulo.core.errors import Conflict
from cumulo.core.tasks import ReconcileRun, reconciler
from cumulo.services.network.config import NetworkSettings
from cumulo.services.network.drivers.specs import Driver, Kind, Spec
from cumulo.services.network.model import Owner, Port, Realisation, Status
from cumulo.services.network.tasks import desired

log = structlog.get_logger()

_AT_ONCE = 200  # resources that are loaded and realised together
_LONGEST_DELAY = 60.0
_APART = 0.012  # seconds between two realisations: a port must be in the data plane within 20 ms
_GATHERED = 0.02  # seconds that what was realised waits for more of it, to be written down together
_TURNS: "WeakKeyDictionary[Any, asyncio.Lock]" = WeakKeyDictionary()
_UNWRITTEN: "WeakKeyDictionary[Any, dict[tuple[str, str], Outcome]]" = WeakKeyDictionary()
NOTE = "network.note"


class Due(NamedTuple):
    """What a resource's `Realisation` says while it is behind."""

    kind: str
    id: str
    revision: int
    attempts: int


class Outcome(NamedTuple):
    """How the realisation of a resource's revision went; not `wanted`: it was removed."""

    row: Due
    error: DriverError | None
    wanted: bool


def follow(driver: Driver, wake: Callable[[str], None]) -> None:
    """Wake the reconcilers when the data plane changes by itself. Called by the runtime."""
    driver.follow(ports=lambda: wake("network.realise"), stale=lambda: wake("network.compare"))


def turn(driver: Driver) -> contextlib.AbstractAsyncContextManager[Any]:
    """Keep the two reconcilers apart: a spec that one loaded must not undo the other's newer one."""
    return _TURNS.setdefault(driver, asyncio.Lock())


@reconciler(every=5.0, name="network.realise")
async def realise(run: ReconcileRun) -> None:
    """Bring changed networks, ports, routers and groups to the data plane."""
    driver = run.use(Driver)
    done = _UNWRITTEN.setdefault(driver, {})
    worked = False
    while rows := await _due(run, done):
        worked = True
        async with turn(driver):
            await _work(run, driver, rows)
        run.wake(NOTE)
        if len(rows) < _AT_ONCE:
            break
    await _wire(run, driver)
    if worked:
        await asyncio.sleep(_APART)


async def _wire(run: ReconcileRun, driver: Driver) -> None:
    """Note what the data plane has wired since."""
    changed = driver.take_changed()
    try:
        if changed:
            await _note_wiring(run, await driver.up(changed))
    except BaseException:
        driver.keep_changed(changed)
        raise


async def _due(run: ReconcileRun, done: Mapping[tuple[str, str], Outcome]) -> list[Due]:
    """Return what is due, less what is done and only not written down yet."""
    async with run.database.read() as db:
        found = await db.answer(_unrealised, now=clock.now(), most=_AT_ONCE + len(done))
    rows = [Due(*row) for row in found]
    known = {key: outcome.row.revision for key, outcome in done.items()}
    return [row for row in rows if known.get((row.kind, row.id)) != row.revision]


def _unrealised() -> Any:
    """Ask for what should be tried now."""
    table = Realisation.c
    return (
        sqlalchemy.select(table.kind, table.id, table.revision, table.attempts)
        .where(
            table.realised < table.revision,
            table.retry_at <= sqlalchemy.bindparam("now", type_=table.retry_at.type),
        )
        .order_by(table.retry_at)
        .limit(sqlalchemy.bindparam("most", type_=table.revision.type))
    )


async def _work(run: ReconcileRun, driver: Driver, rows: Sequence[Due]) -> None:
    """Realise these: what must be there before others first."""
    for kind in Kind:
        mine = [row for row in rows if row.kind == kind.value]
        if not mine:
            continue
        async with run.database.read() as db:
            specs = await desired.load(db, run.use(NetworkSettings), kind, [r.id for r in mine])
        results = await asyncio.gather(*(_bring(driver, kind, r.id, specs.get(r.id)) for r in mine))
        done = _UNWRITTEN[driver]
        for row, error in zip(mine, results, strict=True):
            done[row.kind, row.id] = Outcome(row, error, row.id in specs)


async def _bring(driver: Driver, kind: Kind, id_: str, spec: Spec | None) -> DriverError | None:
    """Ensure or remove one resource; return what went wrong."""
    try:
        if spec is None:
            await driver.remove(kind, id_)
        else:
            await driver.ensure(spec)
    except DriverError as error:
        log.warning("network.not_realised", kind=kind.value, id=id_, reason=str(error))
        return error
    return None


@reconciler(every=60.0, name=NOTE)
async def note(run: ReconcileRun) -> None:
    """Write down how far each resource is now. One that changed meanwhile stays due.

    A transaction each, as requests write these rows in an order of their own: two that hold what the
    other waits for would block each other. SQLite makes them durable together all the same.
    """
    done = _UNWRITTEN.setdefault(run.use(Driver), {})
    if not done:
        return
    await asyncio.sleep(_GATHERED)

    async def one(outcome: Outcome) -> None:
        async with run.database.begin() as db:
            await _note(db, outcome)
        key = (outcome.row.kind, outcome.row.id)
        if done.get(key) is outcome:
            del done[key]

    await asyncio.gather(*map(one, list(done.values())))


async def _note(db: Transaction, outcome: Outcome) -> None:
    row, error, wanted = outcome
    if error is None and wanted:
        done = Realisation(kind=row.kind, id=row.id, realised=row.revision)
        with contextlib.suppress(Conflict):  # another process has noted its removal
            await db.save(done, "realised", "attempts", "error")
        return
    table = Realisation.c
    # What changed since is not gone, and need not wait.
    it = (table.kind == row.kind, table.id == row.id, table.revision == row.revision)
    if error is None:
        await db.delete(Realisation, *it)
        return
    delay = min(2.0 ** (row.attempts - 1), _LONGEST_DELAY)
    await db.update(
        Realisation,
        *it,
        attempts=row.attempts + 1,
        retry_at=clock.now() + timedelta(seconds=delay),
        error=str(error),
    )


@reconciler(every=300.0, name="network.compare")
async def compare(run: ReconcileRun) -> None:
    """Compare the whole data plane with what it should be; mend it, and remove what is no longer ours."""
    driver = run.use(Driver)
    there = await driver.describe()
    wanted: set[tuple[Kind, str]] = set()
    for kind in Kind:
        async with run.database.read() as db:
            ids = await desired.every(db, kind)
        wanted |= {(kind, id_) for id_ in ids}
        for some in batches(ids):
            async with turn(driver):
                await _mend(run, driver, kind, some)
    for kind, id_ in sorted(there - wanted, reverse=True):
        async with turn(driver):
            await _remove_orphan(run, driver, kind, id_)
    await _note_wiring(run, await driver.up())


def batches(ids: Sequence[str]) -> Iterator[list[str]]:
    """Yield ids, some at a time."""
    remaining = iter(ids)
    while some := list(islice(remaining, _AT_ONCE)):
        yield some


async def _mend(run: ReconcileRun, driver: Driver, kind: Kind, ids: Collection[str]) -> None:
    async with run.database.read() as db:
        specs = await desired.load(db, run.use(NetworkSettings), kind, ids)
    results = await asyncio.gather(*(_bring(driver, kind, id_, spec) for id_, spec in specs.items()))
    failed = [id_ for id_, error in zip(specs, results, strict=True) if error is not None]
    if failed:
        table = Realisation.c
        async with run.database.begin() as db:
            await db.update(
                Realisation,
                table.kind == kind.value,
                table.id.in_(failed),
                revision=table.revision + 1,
            )


async def _remove_orphan(run: ReconcileRun, driver: Driver, kind: Kind, id_: str) -> None:
    """Remove what nobody wants, unless it came to be wanted since we looked."""
    async with run.database.read() as db:
        specs = await desired.load(db, run.use(NetworkSettings), kind, [id_])
    if not specs:
        log.info("network.orphan_removed", kind=kind.value, id=id_)
        await _bring(driver, kind, id_, None)


async def _note_wiring(run: ReconcileRun, up: dict[str, bool]) -> None:
    """Write ports' status as the data plane sees them. Routers' ports are always ACTIVE."""
    wired = {id_ for id_, is_up in up.items() if is_up}
    guests = Port.c.device_owner.not_like("network:%") | (Port.c.device_owner == Owner.METADATA)
    for some in batches(list(up)):
        statement = sqlalchemy.select(Port.c.id, Port.c.status).where(Port.c.id.in_(some), guests)
        async with run.database.read() as db:
            known: dict[str, Status] = {row[0]: row[1] for row in await db.rows(statement)}
        for status, ids in (
            (Status.ACTIVE, [i for i in known if i in wired and known[i] != Status.ACTIVE]),
            (Status.DOWN, [i for i in known if i not in wired and known[i] != Status.DOWN]),
        ):
            if ids:
                async with run.database.begin() as db:
                    await db.update(Port, Port.c.id.in_(ids), status=status)
