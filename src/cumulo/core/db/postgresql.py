"""PostgreSQL through asyncpg: a pool, prepared statements, READ COMMITTED."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import structlog

from cumulo.core import errors
from cumulo.core.db import failures
from cumulo.core.db.access import Reader, Transaction
from cumulo.core.db.statements import postgresql_statements

log = structlog.get_logger()

_CONNECTIONS = 16
_PATIENCE = 30.0  # seconds to wait for a connection that is free
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"


class PostgresqlChannel:
    """One asyncpg connection as a `Channel`."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def fetch(self, sql: str, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Run a query and return all its rows."""
        with _translating():
            return await self.connection.fetch(sql, *values)  # type: ignore[no-any-return]  # SQLAlchemy's columns are untyped here

    async def execute(self, sql: str, values: Sequence[Any]) -> int:
        """Run a statement and return how many rows it matched."""
        with _translating():
            status = await self.connection.execute(sql, *values)
        count = status.rpartition(" ")[2]  # such as `UPDATE 3`
        return int(count) if count.isdigit() else 0

    async def execute_many(self, sql: str, values: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each tuple of values."""
        with _translating():
            await self.connection.executemany(sql, values)

    async def lock(self, name: str) -> None:
        """Hold back other transactions that lock the same name, until this one ends."""
        await self.fetch(_LOCK, (name,))


class PostgresqlEngine:
    """A database on a PostgreSQL server."""

    dialect = "postgresql"

    def __init__(self, pool: Any) -> None:
        self.statements = postgresql_statements()
        self._pool = pool

    @staticmethod
    async def open(url: str) -> "PostgresqlEngine":
        """Connect to `postgresql://user@/name?host=/socket/folder`."""
        with _translating():
            pool = await asyncpg.create_pool(url, min_size=0, max_size=_CONNECTIONS)
        return PostgresqlEngine(pool)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Reader]:
        """Give queries on what is committed."""
        async with self._connection() as connection:
            yield Reader(PostgresqlChannel(connection), self.statements)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """Give a transaction; return when it is durable."""
        async with self._connection("BEGIN") as connection:
            transaction = Transaction(PostgresqlChannel(connection), self.statements)
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
        await self._pool.close()

    @asynccontextmanager
    async def _connection(self, first: str | None = None) -> AsyncIterator[Any]:
        connection = await self._acquire(first)
        try:
            yield connection
        except failures.Lost:
            _drop(connection)
            raise
        finally:
            await self._pool.release(connection)

    async def _acquire(self, first: str | None) -> Any:
        """Take a connection and run its first statement; those that broke while they lay idle are dropped."""
        for attempt in range(_CONNECTIONS + 1):
            with _translating():
                connection = await self._pool.acquire(timeout=_PATIENCE)
            try:
                if first is not None:
                    await _run(connection, first)
            except BaseException as error:
                _drop(connection)
                await self._pool.release(connection)
                if not isinstance(error, failures.Lost) or attempt == _CONNECTIONS:
                    raise
            else:
                break
        return connection


_FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # said of a connection that broke while it lay idle
    OSError,  # TimeoutError is one
)
# asyncpg's own: a value that its column's type cannot hold, found before it is sent.
_UNFIT = (asyncpg.DataError, ValueError)
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.TooManyConnectionsError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    OSError,
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
    if isinstance(error, _LOST):
        return failures.lost(str(error))
    return errors.Bug("The database refused a statement.", reason=str(error))


def _call(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:
        log.exception("postgresql.after_commit_failed")
