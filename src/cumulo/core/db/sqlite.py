"""SQLite through apsw: inline reads, one writer, group commit.

Statements take microseconds, so they run on the event loop itself; only COMMIT waits for the disk, and it
does so in a thread. Transactions take turns on the one writing connection, each as a savepoint of the group's
transaction; while a group's COMMIT runs, the next transactions queue, and all that are queued share the next
COMMIT. A member's `begin()` exits only when its group is durable.

Easy to get wrong: SQLite may roll the whole transaction back by itself (disk full, I/O error). Then every
member of the group is lost, also those that had finished, and each must hear of it. And each pass of a busy
event loop takes long: so all that queue are woken at once, and nearly always run in the same pass.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import apsw
import structlog

from cumulo.core import errors
from cumulo.core.db import failures
from cumulo.core.db.access import Reader, Transaction
from cumulo.core.db.statements import sqlite_statements

log = structlog.get_logger()

_MEMBERS = 256  # of one group; more would only delay the first one's answer
_AGE = 0.1  # seconds that a group may go on taking members
_BUSY = 30.0  # seconds to wait for another process's write, such as a backup's or a command's
_CACHED = 500  # prepared statements of a connection

_UNFIT = (OverflowError, UnicodeError)  # more than 64 bits; half of a surrogate pair
_FAILURES = (apsw.Error, *_UNFIT)
_LOST = (
    apsw.BusyError,
    apsw.FullError,
    apsw.IOError,
    apsw.ReadOnlyError,
    apsw.CorruptError,
    apsw.NotADBError,
)
_UNIQUE = {apsw.SQLITE_CONSTRAINT_UNIQUE, apsw.SQLITE_CONSTRAINT_PRIMARYKEY}


class SqliteChannel:
    """One apsw connection as a `Channel`."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection

    async def fetch(self, sql: str, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Run a query at once and return all its rows."""
        try:
            return self.connection.execute(sql, values).fetchall()
        except _FAILURES as error:
            raise _translated(error) from error

    async def execute(self, sql: str, values: Sequence[Any]) -> int:
        """Run a statement at once and return how many rows it matched."""
        try:
            self.connection.execute(sql, values)
        except _FAILURES as error:
            raise _translated(error) from error
        return int(self.connection.changes())

    async def execute_many(self, sql: str, values: Sequence[Sequence[Any]]) -> None:
        """Run a statement at once for each tuple of values."""
        try:
            self.connection.executemany(sql, values)
        except _FAILURES as error:
            raise _translated(error) from error

    async def lock(self, name: str) -> None:
        """Do nothing: there is one writer at a time."""


class Group:
    """Transactions that share one COMMIT."""

    def __init__(self, changes: int) -> None:
        self.changes = changes  # the connection's count when the group began
        self.since = time.monotonic()
        self.members: list[asyncio.Future[None]] = []
        self.callbacks: list[Callable[[], None]] = []

    @property
    def is_full(self) -> bool:
        """Whether the group should be committed even though more transactions are on their way."""
        return len(self.members) >= _MEMBERS or time.monotonic() - self.since > _AGE

    def join(self, callbacks: list[Callable[[], None]]) -> asyncio.Future[None]:
        """Add a finished transaction; return what tells it that it is durable."""
        member: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.members.append(member)
        self.callbacks += callbacks
        return member

    def tell(self, error: BaseException | None) -> None:
        """Tell the members how it ended; one that was cancelled does not listen any more."""
        for callback in self.callbacks if error is None else ():
            _call(callback)
        for member in self.members:
            if member.done():
                continue
            if error is None:
                member.set_result(None)
            else:
                member.set_exception(failures.lost(str(error)))


class SqliteEngine:
    """A database file."""

    dialect = "sqlite"
    shared = False

    def __init__(self, path: str, synchronous: str = "FULL") -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch(mode=0o600)  # it holds secrets; SQLite gives its other files the same mode
        self.statements = sqlite_statements()
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        self._writer = _connect(path, flags, synchronous)
        self._reads = _connect(path, apsw.SQLITE_OPEN_READONLY, synchronous)
        self._reading = nullcontext(Reader(SqliteChannel(self._reads), self.statements))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-commit")
        self._waiting: list[asyncio.Future[None]] = []
        self._coming = 0  # woken, but not here yet
        self._deciding = False  # `_decide` is about to be called
        self._busy = False  # a transaction or a COMMIT has the writing connection
        self._holder: asyncio.Task[Any] | None = None
        self._group: Group | None = None

    def read(self) -> AbstractAsyncContextManager[Reader]:
        """Give queries on what is committed."""
        return self._reading

    @asynccontextmanager
    async def begin(self, *, unhurried: bool = False) -> AsyncIterator[Transaction]:
        """Give a transaction; return when it is on the disk. A statement takes what it needs anyway."""
        del unhurried
        if self._holder is not None and self._holder is asyncio.current_task():
            raise errors.Bug("This task has a transaction open already.")
        await self._turn()
        try:
            self._holder = asyncio.current_task()
            group = await self._open_group()
            transaction = Transaction(SqliteChannel(self._writer), self.statements)
            with self._savepoint(group):
                yield transaction
                transaction.finish()
            durable = group.join(transaction.callbacks)
        finally:
            self._holder = None
            self._next()
        await durable

    async def run(self, script: Sequence[str]) -> None:
        """Run statements of schema, all or none."""
        async with self.begin() as transaction:
            for sql in script:
                await transaction.run(sql)

    def tell(self, text: str) -> None:
        """Do nothing: there is no other process."""

    def hear(self, handler: Callable[[str], None]) -> None:
        """Do nothing, as nobody else speaks."""

    async def close(self) -> None:
        """Wait for the commit under way, then let go of the file."""
        while self._busy or self._coming or self._group is not None:  # noqa: ASYNC110  a rare moment
            await asyncio.sleep(0.001)
        self._thread.shutdown()
        self._reads.close()
        self._writer.close()

    async def _turn(self) -> None:
        """Wait until this task may use the writing connection."""
        while self._busy:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.cancelled():
                    self._waiting.remove(waiter)
                else:
                    self._coming -= 1  # it was woken in the same moment
                    self._decide_soon()
                raise
            self._coming -= 1
        self._busy = True

    def _next(self) -> None:
        """Give the connection up: wake all that wait, or commit when none does or the group is full."""
        self._busy = False
        if self._group is not None and self._group.is_full:
            self._commit(self._group)
            return
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
                self._coming += 1
        self._waiting = [waiter for waiter in self._waiting if waiter.cancelled()]
        self._decide_soon()

    def _decide_soon(self) -> None:
        """Look, once all that is ready in this pass of the loop has joined, whether to commit."""
        if not self._deciding:
            self._deciding = True
            asyncio.get_running_loop().call_soon(self._decide)

    def _decide(self) -> None:
        self._deciding = False
        if self._group is not None and not self._busy and not self._coming:
            self._commit(self._group)

    async def _open_group(self) -> Group:
        if self._group is None:
            await self._begin_immediate()
            self._group = Group(self._writer.total_changes())
        return self._group

    async def _begin_immediate(self) -> None:
        deadline = time.monotonic() + _BUSY
        while True:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
            except apsw.BusyError as error:
                if time.monotonic() > deadline:
                    raise failures.lost(str(error)) from error
                await asyncio.sleep(0.01)
            except apsw.Error as error:
                raise _translated(error) from error
            else:
                return

    @contextmanager
    def _savepoint(self, group: Group) -> Iterator[None]:
        """Make one member's changes undoable without the others'."""
        try:
            self._writer.execute("SAVEPOINT member")
            yield
            self._writer.execute("RELEASE member")
        except BaseException as error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK TO member")
                self._writer.execute("RELEASE member")
            else:
                self._lose(group, error)
            raise

    def _lose(self, group: Group, error: BaseException) -> None:
        """Tell the members that SQLite has undone everything by itself."""
        self._group = None
        log.error("sqlite.rolled_back", error=str(error), members=len(group.members))
        group.tell(error)

    def _commit(self, group: Group) -> None:
        """Make a group durable; `_ended` tells its members."""
        self._group = None
        self._busy = True
        if self._writer.total_changes() == group.changes:
            self._ended(group, self._try_commit())  # nothing to write: no thread needed
            return
        loop = asyncio.get_running_loop()

        def in_thread() -> None:
            error = self._try_commit()
            with contextlib.suppress(RuntimeError):  # the loop may be closed
                loop.call_soon_threadsafe(self._ended, group, error)

        self._thread.submit(in_thread)

    def _try_commit(self) -> apsw.Error | None:
        try:
            self._writer.execute("COMMIT")
        except apsw.Error as error:
            return error
        return None

    def _ended(self, group: Group, error: apsw.Error | None) -> None:
        """Tell the members how their COMMIT went, and go on."""
        if error is not None:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            log.error("sqlite.commit_failed", error=str(error), members=len(group.members))
        group.tell(error)
        self._next()


def _connect(path: str, flags: int, synchronous: str) -> apsw.Connection:
    connection = apsw.Connection(path, flags=flags, statementcachesize=_CACHED)
    connection.setbusytimeout(10_000)
    if flags & apsw.SQLITE_OPEN_READWRITE:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.setbusytimeout(0)  # the loop must not wait: `_begin_immediate` tries again
    connection.execute("PRAGMA cache_size = -16000")  # KiB
    connection.execute("PRAGMA case_sensitive_like = ON")  # as PostgreSQL compares
    connection.create_scalar_function("regexp", _matches, 2, deterministic=True)
    return connection


def _matches(*arguments: Any) -> bool:
    """Do `value REGEXP pattern`, which SQLite leaves to its host. Callers keep patterns harmless."""
    pattern, value = arguments
    return value is not None and re.search(pattern, value) is not None


def _translated(error: Exception) -> Exception:
    """Return the core's error for SQLite's."""
    if isinstance(error, _UNFIT):
        return errors.Invalid("A value does not fit its column.", reason=str(error))
    code = getattr(error, "extendedresult", 0)
    if code in _UNIQUE:
        return errors.Duplicate(constraint=failures.sqlite_constraint(str(error)))
    if code == apsw.SQLITE_CONSTRAINT_FOREIGNKEY:
        return errors.StillReferenced(constraint="foreign key")
    if isinstance(error, _LOST):
        return failures.lost(str(error))
    return errors.Bug("The database refused a statement.", reason=str(error))


def _call(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:
        log.exception("sqlite.after_commit_failed")
