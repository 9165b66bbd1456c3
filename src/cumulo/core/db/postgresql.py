"""PostgreSQL through asyncpg: a pool, prepared statements, READ COMMITTED."""

from collections.abc import AsyncIterator, Callable, Sequence
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
        try:
            return await self.connection.fetch(sql, *values)  # type: ignore[no-any-return]
        except _FAILURES as error:
            raise _translated(error) from error

    async def execute(self, sql: str, values: Sequence[Any]) -> int:
        """Run a statement and return how many rows it matched."""
        try:
            status = await self.connection.execute(sql, *values)
        except _FAILURES as error:
            raise _translated(error) from error
        count = status.rpartition(" ")[2]  # such as `UPDATE 3`
        return int(count) if count.isdigit() else 0

    async def execute_many(self, sql: str, values: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each tuple of values."""
        try:
            await self.connection.executemany(sql, values)
        except _FAILURES as error:
            raise _translated(error) from error

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
        try:
            pool = await asyncpg.create_pool(url, min_size=0, max_size=_CONNECTIONS)
        except _FAILURES as error:
            raise _translated(error) from error
        return PostgresqlEngine(pool)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Reader]:
        """Give queries on what is committed."""
        async with self._connection() as connection:
            yield Reader(PostgresqlChannel(connection), self.statements)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """Give a transaction; return when it is durable."""
        async with self._connection() as connection:
            transaction = Transaction(PostgresqlChannel(connection), self.statements)
            opened = connection.transaction()
            await opened.start()
            try:
                yield transaction
                transaction.finish()
            except BaseException:
                await opened.rollback()
                raise
            try:
                await opened.commit()
            except _FAILURES as error:
                raise _translated(error) from error
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
    async def _connection(self) -> AsyncIterator[Any]:
        try:
            connection = await self._pool.acquire(timeout=_PATIENCE)
        except _FAILURES as error:
            raise _translated(error) from error
        try:
            yield connection
        finally:
            await self._pool.release(connection)


_FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)  # TimeoutError is an OSError
# asyncpg's own: a value that its column's type cannot hold, found before it is sent.
_UNFIT = (asyncpg.DataError, ValueError)
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.TooManyConnectionsError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    OSError,
)


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
