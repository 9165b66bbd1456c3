"""The client: a connection that comes back, a replica of chosen tables, transactions, callbacks."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any

import msgspec
import structlog

from cumulo.ovsdb.connection import Connection, Disconnected, OvsdbError, TransactionFailed
from cumulo.ovsdb.operations import Operation
from cumulo.ovsdb.replica import Index, Row, Table
from cumulo.ovsdb.values import Column

_FIRST_DELAY = 0.05
_LONGEST_DELAY = 5.0

log = structlog.get_logger(__name__)


class Event(msgspec.Struct, frozen=True):
    """A row appeared (`old` is None), changed, or went (`new` is None)."""

    table: str
    old: Row | None
    new: Row | None


class Client:
    """A client of one database on one server.

    `address` is `unix:PATH` or `tcp:HOST:PORT`; `tables` names what the replica holds, each with
    its columns (None: all). Callbacks run on the loop, after a whole notification is applied.
    """

    def __init__(
        self,
        address: str,
        database: str,
        tables: Mapping[str, Collection[str] | None] | None = None,
    ) -> None:
        self.address = address
        self.database = database
        self._wanted = dict(tables or {})
        self._tables = {name: Table({}) for name in self._wanted}
        self._indexes: dict[str, list[Index]] = {}
        self._watchers: dict[str, list[Callable[[Event], None]]] = {}
        self._waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._connection: Connection | None = None
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to connect, in the background, for as long as it takes."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep(), name=f"ovsdb {self.database}")

    async def close(self) -> None:
        """Close the connection for good."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def ready(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109  the caller says how long it can wait
        """Wait until the replica is up to date; Disconnected after `timeout` seconds."""
        if self._ready.is_set():
            return
        try:
            async with asyncio.timeout(timeout):
                await self._ready.wait()
        except TimeoutError:
            raise Disconnected(f"{self.database} does not answer at {self.address}") from None

    def rows(self, table: str) -> Mapping[str, Row]:
        """Return the replica of a table, UUID → row, which follows every change, also a reconnection."""
        return self._tables[table].rows

    def index(self, table: str, key: Callable[[Row], Hashable | None]) -> Index:
        """Return a mapping key → row of a table that follows every change."""
        index = Index(key)
        for row in self._tables[table].rows.values():
            index.note(None, row)
        self._indexes.setdefault(table, []).append(index)
        return index

    def watch(self, table: str, callback: Callable[[Event], None]) -> None:
        """Call `callback` for each change of a row of a table from now on."""
        self._watchers.setdefault(table, []).append(callback)

    async def until(self, predicate: Callable[[], bool]) -> None:
        """Wait until `predicate()`, asked again after each change of the replica, is true."""
        if not predicate():
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append((predicate, waiter))
            await waiter

    async def transact(
        self,
        *operations: Operation,
        timeout: float = 10.0,  # noqa: ASYNC109  the caller says how long it can wait
    ) -> list[dict[str, Any]]:
        """Do all operations or none; return the result of each (`uuid` of an insert, `count`)."""
        try:
            async with asyncio.timeout(timeout):
                await self._ready.wait()
                if self._connection is None:
                    raise Disconnected(f"{self.database} is closed")
                answer = await self._connection.call("transact", [self.database, *operations])
        except TimeoutError:
            raise Disconnected(f"{self.database} does not answer at {self.address}") from None
        for result in answer:
            if result and "error" in result:
                raise TransactionFailed(result["error"], result.get("details") or "")
        return [result or {} for result in answer]

    async def _keep(self) -> None:
        """Connect, and connect again with growing delays whenever the connection is lost."""
        delay = _FIRST_DELAY
        try:
            while True:
                try:
                    await self._connect()
                    log.info("ovsdb.connected", database=self.database, address=self.address)
                    delay = _FIRST_DELAY
                    if self._connection is not None:
                        await self._connection.lost
                    log.warning("ovsdb.lost", database=self.database, address=self.address)
                except (OSError, OvsdbError) as error:
                    log.debug("ovsdb.unreachable", database=self.database, reason=str(error))
                self._drop()
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LONGEST_DELAY)
        finally:
            self._drop()

    def _drop(self) -> None:
        self._ready.clear()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _connect(self) -> None:
        """Connect, read the schema and fill the replica."""
        loop = asyncio.get_running_loop()
        kind, _, place = self.address.partition(":")
        connection = Connection(self._notified)
        if kind == "unix":
            await loop.create_unix_connection(lambda: connection, place)
        else:
            host, _, port = place.rpartition(":")
            await loop.create_connection(lambda: connection, host.strip("[]"), int(port))
        self._connection = connection
        if self._wanted:
            schema = await connection.call("get_schema", [self.database])
            fresh = {name: self._table(schema, name) for name in self._wanted}
            request = {name: [{"columns": list(table.columns)}] for name, table in fresh.items()}
            content = await connection.call("monitor_cond", [self.database, None, request])
            self._replace(fresh, content)
        self._ready.set()

    def _table(self, schema: Mapping[str, Any], name: str) -> Table:
        try:
            known = schema["tables"][name]["columns"]
        except KeyError:
            raise OvsdbError(f"{self.database} has no table {name}") from None
        chosen = self._wanted[name]
        return Table(
            {
                column: Column.of(shape["type"])
                for column, shape in known.items()
                if chosen is None or column in chosen
            }
        )

    def _replace(self, fresh: dict[str, Table], content: Mapping[str, Any]) -> None:
        """Take a whole new copy, telling only what differs from the one before."""
        events = []
        for name, table in fresh.items():
            for uuid, change in content.get(name, {}).items():
                table.apply(uuid, change)
            held = self._tables[name].rows
            events += [Event(name, old, new) for old, new in table.continue_in(held)]
        self._tables = fresh
        self._tell(events)

    def _notified(self, method: str, params: list[Any]) -> None:
        if method != "update2":
            return
        events = []
        for name, changes in params[1].items():
            table = self._tables[name]
            for uuid, change in changes.items():
                old, new = table.apply(uuid, change)
                events.append(Event(name, old, new))
        self._tell(events)

    def _tell(self, events: list[Event]) -> None:
        for event in events:
            for index in self._indexes.get(event.table, ()):
                index.note(event.old, event.new)
        for event in events:
            for callback in self._watchers.get(event.table, ()):
                try:
                    callback(event)
                except Exception:
                    log.exception("ovsdb.callback_failed", table=event.table)
        done = [waiter for waiter in self._waiters if waiter[1].done() or waiter[0]()]
        for waiter in done:
            self._waiters.remove(waiter)
            if not waiter[1].done():
                waiter[1].set_result(None)
