"""What code may do with the database: `Reader` asks, `Transaction` also writes.

Both speak through a `Channel`, the one thing that SQLite and PostgreSQL each implement for themselves.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

import sqlalchemy

from cumulo.core import errors
from cumulo.core.db.model import Model
from cumulo.core.db.statements import Plan, Statements

M = TypeVar("M", bound=Model)

_COUNT = sqlalchemy.BigInteger()


class Channel(Protocol):
    """A connection, or a share of one, that runs SQL text."""

    async def fetch(self, sql: str, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Run a query and return all its rows."""

    async def execute(self, sql: str, values: Sequence[Any]) -> int:
        """Run a statement and return how many rows it matched."""

    async def execute_many(self, sql: str, values: Sequence[Sequence[Any]]) -> None:
        """Run a statement once for each tuple of values."""

    async def lock(self, name: str) -> None:
        """Hold back other transactions that lock the same name, until this one ends."""


class Reader:
    """Queries. Rows come back as models, decoded, detached and free to change."""

    def __init__(self, channel: Channel, statements: Statements) -> None:
        self._channel = channel
        self._statements = statements

    async def get(self, model: type[M], id: Any) -> M | None:
        """Return the row with this key (a tuple for a key of several columns), or None."""
        shape = self._statements.shape(model)
        rows = await self._fetch(shape.get, id if isinstance(id, tuple) else (id,))
        return shape.read(rows)[0] if rows else None

    async def one(self, model: type[M], *where: Any, for_update: bool = False) -> M | None:
        """Return the first row for which all of `where` hold, or None; locked until the commit if asked."""
        shape = self._statements.shape(model)

        def build() -> Any:
            statement: Any = shape.select.where(*where).limit(1)
            # NO KEY UPDATE: who inserts what refers to the row need not wait for it.
            return statement.with_for_update(key_share=True) if for_update else statement

        _, rows = await self._quick(("one", model, for_update), where, {}, build)
        return shape.read(rows)[0] if rows else None

    async def all(
        self,
        model: type[M],
        *where: Any,
        order_by: Sequence[Any] = (),
        limit: int | None = None,
        offset: int | None = None,
    ) -> list[M]:
        """Return all rows for which all of `where` hold."""
        shape = self._statements.shape(model)
        cuts = {n: v for n, v in (("_limit", limit), ("_offset", offset)) if v is not None}

        def build() -> Any:
            cut = {name: sqlalchemy.bindparam(name, type_=_COUNT) for name in cuts}
            statement: Any = shape.select.where(*where).order_by(*order_by)
            return statement.limit(cut.get("_limit")).offset(cut.get("_offset"))

        kind = ("all", model, len(where))
        _, rows = await self._quick(kind, (*where, *order_by), cuts, build)
        return shape.read(rows)

    async def among(self, model: type[M], column: str, values: Collection[Any], *order: str) -> list[M]:
        """Return the rows of which a column has one of these values, by other columns' order.

        SQLAlchemy takes longer to write down even such a condition than SQLite to answer it: here it is
        written once.
        """
        if not values:
            return []
        shape = self._statements.shape(model)

        def build() -> Any:
            wanted = sqlalchemy.bindparam("wanted", type_=model.c[column].type, expanding=True)
            found = shape.select.where(model.c[column].in_(wanted))
            return found.order_by(*(model.c[name] for name in order))

        _, rows = await self._quick(("among", model, column, order), (), {"wanted": list(values)}, build)
        return shape.read(rows)

    async def count(self, model: type[Model], *where: Any) -> int:
        """Return how many rows there are for which all of `where` hold."""

        def build() -> Any:
            counted = sqlalchemy.select(sqlalchemy.func.count()).select_from(model.table)
            return counted.where(*where)

        _, rows = await self._quick(("count", model), where, {}, build)
        return int(rows[0][0])

    async def exists(self, model: type[Model], *where: Any) -> bool:
        """Say whether there is a row for which all of `where` hold."""

        def build() -> Any:
            one: Any = sqlalchemy.literal_column("1")
            return sqlalchemy.select(one).select_from(model.table).where(*where).limit(1)

        _, rows = await self._quick(("exists", model), where, {}, build)
        return bool(rows)

    async def rows(self, statement: Any) -> list[tuple[Any, ...]]:
        """Return a Core select's rows, each value in its Python type."""
        plan, rows = await self._query(statement)
        return plan.read(rows)

    async def answer(self, question: Callable[[], Any], **values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of the Core select that `question` makes: called and compiled once for its life.

        For what each request asks. values: of all the select's named bind parameters, which have types.
        """
        plan, rows = await self._quick(("answer", question), (), values, question)
        return plan.read(rows)

    async def models(self, model: type[M], statement: Any) -> list[M]:
        """Return a Core select's rows as models; it must select exactly the model's columns, in order."""
        shape = self._statements.shape(model)
        plan, rows = await self._query(statement)
        if plan.columns != shape.columns:
            raise TypeError(f"the statement selects {plan.columns}, not the columns of {model.__name__}")
        return shape.read(rows)

    async def scalar(self, statement: Any) -> Any:
        """Return the first value of a Core select's first row; None when there is none."""
        plan, rows = await self._query(statement)
        return plan.read(rows[:1])[0][0] if rows else None

    async def _quick(
        self,
        kind: Any,
        clauses: Sequence[Any],
        named: Mapping[str, Any],
        build: Callable[[], Any],
    ) -> tuple[Plan, Sequence[Sequence[Any]]]:
        plan, parameters = self._statements.quick(kind, clauses, named, build)
        return plan, await self._fetch(plan.sql, plan.values(parameters, self._statements.pack))

    async def _query(self, statement: Any) -> tuple[Plan, Sequence[Sequence[Any]]]:
        plan, parameters = self._statements.plan(statement)
        values = plan.values(parameters, self._statements.pack)
        return plan, await self._fetch(plan.sql, values)

    async def _fetch(self, sql: str, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        return await self._channel.fetch(sql, values)


class Transaction(Reader):
    """Queries and writes that commit or vanish together.

    After a failed write nothing more may be done in the transaction, in either database: to go on after a
    failure that is expected, write inside `savepoint()`. Never await the outside world while one is open.
    """

    def __init__(self, channel: Channel, statements: Statements) -> None:
        super().__init__(channel, statements)
        self.callbacks: list[Callable[[], None]] = []
        self._failed = False
        self._savepoints = 0

    async def insert(self, row: Model) -> None:
        """Insert a row. Duplicate when a unique constraint forbids it."""
        shape = self._statements.shape(type(row))
        await self._execute(shape.insert, shape.write(row))

    async def insert_all(self, rows: Sequence[Model]) -> None:
        """Insert rows of one model."""
        if not rows:
            return
        shape = self._statements.shape(type(rows[0]))
        values = [shape.write(row) for row in rows]
        self._check()
        try:
            await self._channel.execute_many(shape.insert, values)
        except BaseException:
            self._failed = True
            raise

    async def update(self, model: type[Model], *where: Any, **values: Any) -> int:
        """Write columns of all rows for which `where` holds (values or SQL expressions); return how many."""
        if any(isinstance(value, sqlalchemy.ClauseElement) for value in values.values()):
            return await self.execute(sqlalchemy.update(model.table).where(*where).values(**values))

        def build() -> Any:
            columns = [model.table.c[name] for name in values]
            to = {c: sqlalchemy.bindparam(f"to_{c.name}", type_=c.type) for c in columns}
            return sqlalchemy.update(model.table).where(*where).values(to)

        named = {f"to_{name}": value for name, value in values.items()}
        plan, parameters = self._statements.quick(("update", model), where, named, build)
        return await self._execute(plan.sql, plan.values(parameters, self._statements.pack))

    async def delete(self, model: type[Model], *where: Any) -> int:
        """Delete all rows for which `where` holds; return how many."""

        def build() -> Any:
            return sqlalchemy.delete(model.table).where(*where)

        plan, parameters = self._statements.quick(("delete", model), where, {}, build)
        return await self._execute(plan.sql, plan.values(parameters, self._statements.pack))

    async def save(self, row: Model, *names: str) -> None:
        """Write these attributes of a row (all, when none is named). Conflict when the row is gone."""
        sql, values = self._statements.saving(type(row), names)
        if not await self._execute(sql, values(row)):
            raise errors.Conflict("The resource is gone.")

    async def execute(self, statement: Any) -> int:
        """Run a Core insert, update or delete; return how many rows it matched."""
        plan, parameters = self._statements.plan(statement)
        return await self._execute(plan.sql, plan.values(parameters, self._statements.pack))

    async def run(self, sql: str) -> None:
        """Run SQL text, for what is no Core statement: the schema's own."""
        await self._execute(sql, ())

    async def lock(self, name: str) -> None:
        """Hold back other transactions that lock the same name, until this one ends."""
        self._check()
        await self._channel.lock(name)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Undo what is done inside when it raises, and let the transaction go on."""
        self._savepoints += 1
        name, promised = f"inner_{self._savepoints}", len(self.callbacks)
        await self._execute(f"SAVEPOINT {name}", ())
        try:
            yield
            self._check()
        except BaseException:
            self._failed = False
            del self.callbacks[promised:]
            await self._execute(f"ROLLBACK TO SAVEPOINT {name}", ())
            await self._execute(f"RELEASE SAVEPOINT {name}", ())
            raise
        await self._execute(f"RELEASE SAVEPOINT {name}", ())

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` once the transaction is durable; never if it is rolled back."""
        self.callbacks.append(callback)

    def finish(self) -> None:
        """Refuse to commit after a failure that somebody swallowed. Called by the engines."""
        self._check()

    def _check(self) -> None:
        if self._failed:
            raise errors.Bug("The transaction has failed already; use a savepoint.")

    async def _fetch(self, sql: str, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        self._check()
        try:
            return await self._channel.fetch(sql, values)
        except BaseException:
            self._failed = True
            raise

    async def _execute(self, sql: str, values: Sequence[Any]) -> int:
        self._check()
        try:
            return await self._channel.execute(sql, values)
        except BaseException:
            self._failed = True
            raise
