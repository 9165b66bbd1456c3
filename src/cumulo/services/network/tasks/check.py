"""Comparing the data plane with the rows, for people who ask: what differs, and mending it when told to."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import msgspec
import sqlalchemy

from cumulo.core.db import Reader
from cumulo.core.drivers import DriverError
from cumulo.services.network.config import NetworkSettings
from cumulo.services.network.drivers.specs import Driver, Kind, Spec
from cumulo.services.network.model import Port, Status
from cumulo.services.network.tasks import desired
from cumulo.services.network.tasks.reconcile import batches, turn

Read = Callable[[], AbstractAsyncContextManager[Reader]]
Mend = Callable[[], Awaitable[None]]
_ORPHAN = "nothing of that id should be there"


class Difference(msgspec.Struct, kw_only=True):
    """A resource that the data plane has otherwise. `error`: why it could not be mended."""

    kind: str
    id: str
    differences: list[str]
    mended: bool = False
    error: str | None = None


class Report(msgspec.Struct, kw_only=True):
    """What a comparison found. `unwired`: ports that are noted as ACTIVE and that no host has claimed."""

    compared: int = 0
    differences: list[Difference] = msgspec.field(default_factory=list)
    unwired: list[str] = msgspec.field(default_factory=list)


class Checker:
    """One comparison of everything."""

    def __init__(self, read: Read, driver: Driver, settings: NetworkSettings, *, mend: bool) -> None:
        self._read = read
        self._driver = driver
        self._settings = settings
        self._mend = mend
        self._report = Report()

    async def run(self) -> Report:
        """Compare all resources, then look for what should not be there. DriverError when nobody answers."""
        there = await self._driver.describe()
        wanted: set[tuple[Kind, str]] = set()
        for kind in Kind:
            async with self._read() as db:
                ids = await desired.every(db, kind)
            wanted |= {(kind, id_) for id_ in ids}
            for some in batches(ids):
                async with turn(self._driver):  # no reconciler works meanwhile
                    for spec in (await self._specs(kind, some)).values():
                        await self._compare(spec)
        for kind, id_ in sorted(there - wanted, reverse=True):
            async with turn(self._driver):
                if not await self._specs(kind, [id_]):
                    await self._found(kind, id_, [_ORPHAN], partial(self._driver.remove, kind, id_))
        self._report.unwired = await self._unwired()
        return self._report

    async def _specs(self, kind: Kind, ids: list[str]) -> dict[str, Spec]:
        async with self._read() as db:
            return await desired.load(db, self._settings, kind, ids)

    async def _compare(self, spec: Spec) -> None:
        self._report.compared += 1
        differences = await self._driver.differences(spec)
        if differences:
            await self._found(spec.kind, spec.id, differences, partial(self._driver.ensure, spec))

    async def _found(self, kind: Kind, id_: str, differences: list[str], mend: Mend) -> None:
        found = Difference(kind=kind.value, id=id_, differences=differences)
        self._report.differences.append(found)
        if not self._mend:
            return
        try:
            await mend()
            found.mended = True
        except DriverError as error:
            found.error = str(error)

    async def _unwired(self) -> list[str]:
        up = await self._driver.up()
        guests = (Port.c.status == Status.ACTIVE.value, Port.c.device_owner.not_like("network:%"))
        async with self._read() as db:
            rows = await db.rows(sqlalchemy.select(Port.c.id).where(*guests).order_by(Port.c.id))
        return [row[0] for row in rows if not up.get(row[0], False)]
