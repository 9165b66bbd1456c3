"""The database: opened by URL, the same to its users whichever it is."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

import sqlalchemy
from sqlalchemy.schema import CreateIndex, CreateTable

from cumulo.core.db import migrations
from cumulo.core.db.access import Reader, Transaction
from cumulo.core.db.model import METADATA
from cumulo.core.db.postgresql import PostgresqlEngine
from cumulo.core.db.sqlite import SqliteEngine
from cumulo.core.db.statements import Statements


class Engine(Protocol):
    """What SQLite and PostgreSQL each implement."""

    dialect: str
    shared: bool
    statements: Statements

    def read(self) -> AbstractAsyncContextManager[Reader]:
        """Give queries on what is committed."""

    def begin(self, *, unhurried: bool = False) -> AbstractAsyncContextManager[Transaction]:
        """Give a transaction; return when it is durable. `unhurried`: its statements take what they need."""

    async def run(self, script: Sequence[str]) -> None:
        """Run statements of schema, all or none."""

    def tell(self, text: str) -> None:
        """Soon say something to the other processes that share the database; it may get lost."""

    def hear(self, handler: Callable[[str], None]) -> None:
        """Call `handler` with what other processes tell, and with "" when something may have been missed."""

    async def close(self) -> None:
        """Wait for what is under way, then let go."""


class Database:
    """Where all services keep their rows. `shared`: whether other processes may work on it too."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.dialect = engine.dialect
        self.shared = engine.shared
        self.read = engine.read
        self.begin = engine.begin
        self.run = engine.run
        self.tell = engine.tell
        self.hear = engine.hear
        self.close = engine.close

    @staticmethod
    async def open(url: str, *, connections: int = 16, seconds: float = 30) -> "Database":
        """Open `sqlite:///path/file.db` or `postgresql://user@/name?host=...`.

        SQLite takes `?synchronous=OFF`, for tests, whose data need not outlive the machine's power. For
        PostgreSQL: the most connections at a time, and the seconds that a statement may take.
        """
        if url.startswith("sqlite:///"):
            parts = urlsplit(url)
            options = parse_qs(parts.query)
            synchronous = options.get("synchronous", ["FULL"])[0].upper()
            if synchronous not in {"FULL", "NORMAL", "OFF"}:
                raise ValueError(f"synchronous={synchronous} is not FULL, NORMAL or OFF")
            return Database(SqliteEngine(parts.path[1:], synchronous))
        if url.startswith(("postgresql://", "postgres://")):
            return Database(await PostgresqlEngine.open(url, connections=connections, seconds=seconds))
        raise ValueError("a database's URL begins with sqlite:/// or postgresql://")

    async def migrate(self) -> None:
        """Bring the tables to the newest revision, from whichever they are at. Raises BeforeMigrations."""
        async with self.begin(unhurried=True) as transaction:
            await transaction.lock("migrations")
            revision = await migrations.current(transaction, self.dialect)
            for sql in migrations.script(self.dialect, revision):
                await transaction.run(sql)

    async def create_all(self, metadata: sqlalchemy.MetaData = METADATA) -> None:
        """Create the tables and indexes that are missing; change none that exist."""
        dialect = self._engine.statements.dialect
        script = []
        for table in metadata.sorted_tables:
            script.append(str(CreateTable(table, if_not_exists=True).compile(dialect=dialect)))
            indexes = sorted(table.indexes, key=lambda index: str(index.name))
            script += [
                str(CreateIndex(index, if_not_exists=True).compile(dialect=dialect)) for index in indexes
            ]
        await self._engine.run(script)
