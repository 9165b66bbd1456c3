"""PostgreSQL through asyncpg: a pool, prepared statements, READ COMMITTED.

A server that is away makes every use of the database Unavailable, and is found again by the next use. Each
session limits its statements in time, so that none keeps a connection for ever.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import structlog

from cumulo.core import errors
from cumulo.core.db import failures
from cumulo.core.db.access import Reader, Transaction
from cumulo.core.db.notices import Notices
from cumulo.core.db.statements import postgresql_statements

log = structlog.get_logger()

_PATIENCE = 10.0  # seconds to wait for a connection: for a free one, or for the server
_GRACE = 5.0  # seconds after which a statement that should have been given up means a lost connection
_DAY = 86_400.0
_IDLE = 60  # seconds that a transaction may do nothing
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"


class PostgresqlChannel:
    """One asyncpg connection as a `Channel`. timeout: seconds for a statement; None is the session's own."""

    def __init__(self, connection: Any, timeout: float | None = None) -> None:
        self.connection = connection
        self.timeout = timeout

    async def fetch(self, sql: str, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Run a query and return all its rows."""
        with _translating():
            return await self.connection.fetch(sql, *values, timeout=self.timeout)  # type: ignore[no-any-return]  # SQLAlchemy's columns are untyped here

    async def execute(self, sql: str, values: Sequence[Any]) -> int:
        """Run a statement and return how many rows it matched."""
        with _translating():
            status = await self.connection.execute(sql, *values, timeout=self.timeout)
        count = status.rpartition(" ")[2]  # such as `UPDATE 3`
        return int(count) if count.isdigit() else 0

    async def execute_many(self, sql: str, values: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each tuple of values."""
        with _translating():
            await self.connection.executemany(sql, values, timeout=self.timeout)

    async def lock(self, name: str) -> None:
        """Hold back other transactions that lock the same name, until this one ends."""
        await self.fetch(_LOCK, (name,))


class ReadingChannel(PostgresqlChannel):
    """A connection for queries outside of transactions: one that turns out broken is exchanged."""

    def __init__(self, engine: "PostgresqlEngine", connection: Any) -> None:
        super().__init__(connection)
        self._engine = engine

    async def fetch(self, sql: str, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Run a query and return all its rows, on whichever connection answers."""
        for _ in range(self._engine.connections):
            try:
                return await super().fetch(sql, values)
            except failures.Lost as error:
                if not isinstance(error.__cause__, _BROKEN):
                    raise
            self.connection = await self._engine.exchanged(self.connection)
        return await super().fetch(sql, values)


class PostgresqlEngine:
    """A database on a PostgreSQL server."""

    dialect = "postgresql"

    shared = True

    def __init__(self, pool: Any, connections: int, notices: Notices) -> None:
        self.statements = postgresql_statements()
        self._pool = pool
        self.connections = connections
        self._notices = notices
        self.hear = notices.hear
        self.tell = notices.tell

    @staticmethod
    async def open(url: str, *, connections: int, seconds: float) -> "PostgresqlEngine":
        """Prepare for `postgresql://user@/name?host=/socket/folder`; connect when there is something to do.

        connections: the most at a time, and one more for notices. seconds: what a statement may take.
        """
        milliseconds = str(round(seconds * 1000))
        session = {
            "application_name": "cumulo",
            "statement_timeout": milliseconds,
            "lock_timeout": milliseconds,
            "idle_in_transaction_session_timeout": str(_IDLE * 1000),
        }

        async def connect(*_: Any, **options: Any) -> Any:
            options |= {"server_settings": session, "command_timeout": seconds + _GRACE}
            return await asyncpg.connect(url, timeout=_PATIENCE, **options)

        with _translating():
            pool = await asyncpg.create_pool(
                url, min_size=0, max_size=connections, connect=connect, reset=_as_it_is
            )
        return PostgresqlEngine(pool, connections, Notices(connect, _FAILURES))

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Reader]:
        """Give queries on what is committed."""
        channel = ReadingChannel(self, await self._free())
        try:
            yield Reader(channel, self.statements)
        except failures.Lost:
            _drop(channel.connection)
            raise
        finally:
            await self._pool.release(channel.connection)

    @asynccontextmanager
    async def begin(self, *, unhurried: bool = False) -> AsyncIterator[Transaction]:
        """Give a transaction; return when it is durable. `unhurried`: its statements take what they need."""
        async with self._begun() as connection:
            if unhurried:
                await _run(connection, _UNHURRIED)
            channel = PostgresqlChannel(connection, _DAY if unhurried else None)
            transaction = Transaction(channel, self.statements)
            try:
                yield transaction
                transaction.finish()
            except BaseException:
                with contextlib.suppress(failures.Lost):  # a lost connection has rolled back already
                    await _run(connection, "ROLLBACK")
                raise
            await _run(connection, "COMMIT")
        for callback in transaction.callbacks:
            _call(callback)

    async def run(self, script: Sequence[str]) -> None:
        """Run statements of schema, all or none."""
        async with self.begin() as transaction:
            for sql in script:
                await transaction.run(sql)

    async def close(self) -> None:
        """Wait for what is under way, then disconnect."""
        await self._notices.close()
        await self._pool.close()

    async def exchanged(self, broken: Any) -> Any:
        """Give a broken connection back and take another."""
        _drop(broken)
        await self._pool.release(broken)
        return await self._free()

    @asynccontextmanager
    async def _begun(self) -> AsyncIterator[Any]:
        """Give a connection on which a transaction has begun; one that broke while it lay idle is dropped."""
        connection = await self._free()
        try:
            for attempt in range(self.connections + 1):
                try:
                    await _run(connection, "BEGIN")
                    break
                except failures.Lost:
                    if attempt == self.connections:
                        raise
                connection = await self.exchanged(connection)
            yield connection
        except failures.Lost:
            _drop(connection)
            raise
        finally:
            await self._pool.release(connection)

    async def _free(self) -> Any:
        """Take a connection that is free, or a new one; whatever keeps it from us may pass."""
        try:
            return await self._pool.acquire(timeout=_PATIENCE)
        except TimeoutError as error:
            free = self._pool.get_size() < self.connections
            reason = "the server does not answer" if free else "all connections are in use"
            raise failures.lost(f"{reason} ({_PATIENCE:g} s)") from error
        except _FAILURES as error:
            raise failures.lost(f"cannot connect: {error}") from error


async def _as_it_is(connection: Any) -> None:
    """Give a connection back as it is: a transaction of ours leaves no setting behind, and asking costs."""


_UNHURRIED = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"
_FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # said of a connection that broke while it lay idle
    OSError,  # TimeoutError is one
)
# asyncpg's own: a value that its column's type cannot hold, found before it is sent.
_UNFIT = (asyncpg.DataError, ValueError)
_COLLIDED = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.TooManyConnectionsError,
    asyncpg.OperatorInterventionError,  # it shuts down, crashed, starts; a statement took too long
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # of a server that follows another
    OSError,
)
_BROKEN = (  # of those: the connection is of no more use, whatever is asked on it
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    ConnectionError,
)


async def _run(connection: Any, sql: str) -> None:
    with _translating():
        await connection.execute(sql)


def _drop(connection: Any) -> None:
    """Have the pool replace a connection that does not answer."""
    with contextlib.suppress(*_FAILURES):  # it may have noticed
        connection.terminate()


@contextlib.contextmanager
def _translating() -> Iterator[None]:
    """Raise the core's errors for PostgreSQL's."""
    try:
        yield
    except _FAILURES as error:
        raise _translated(error) from error


def _translated(error: BaseException) -> Exception:
    """Return the core's error for PostgreSQL's."""
    if isinstance(error, asyncpg.UniqueViolationError):
        return errors.Duplicate(constraint=error.constraint_name)
    if isinstance(error, asyncpg.ForeignKeyViolationError):
        return errors.StillReferenced(constraint="foreign key")
    if isinstance(error, _UNFIT):
        return errors.Invalid("A value does not fit its column.", reason=str(error))
    if isinstance(error, _COLLIDED):
        return failures.Collided(reason=str(error))
    if isinstance(error, _LOST):
        return failures.lost(str(error))
    return errors.Bug("The database refused a statement.", reason=str(error))


def _call(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:
        log.exception("postgresql.after_commit_failed")
