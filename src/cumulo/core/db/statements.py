"""SQLAlchemy's statements turned into SQL text once, and into values each time.

SQLAlchemy compiles a statement in a millisecond, which no request can afford twice. Every statement has a
cache key that leaves its values out; for each key a `Plan` remembers the text, where each value comes from
and how each column is read. `IN` lists travel as one value (JSON in SQLite, an array in PostgreSQL), so that
a list's length does not make another statement.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar, cast

import msgspec
import sqlalchemy
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.types import TypeEngine

from cumulo.core.db.model import Model
from cumulo.core.db.types import from_microseconds

M = TypeVar("M", bound=Model)
Rows = Iterable[Sequence[Any]]
Process = Callable[[Any], Any] | None

_MANY = re.compile(r"__\[POSTCOMPILE_(\S+?)(~~.+?~~)?\]")
_PLANS = 2_000  # a cloud has some hundreds; more means that values leak into keys


class Slot(NamedTuple):
    """Where one value of a statement comes from."""

    place: int  # among the parameters; -1: `fixed`
    fixed: Any
    process: Process
    many: bool


class Plan:
    """A compiled statement."""

    __slots__ = ("_processors", "columns", "slots", "sql")

    def __init__(
        self,
        sql: str,
        slots: tuple[Slot, ...],
        columns: tuple[str, ...],
        processors: tuple[Process, ...],
    ) -> None:
        self.sql = sql
        self.slots = slots
        self.columns = columns
        self._processors = processors if any(processors) else None

    def values(self, parameters: Sequence[Any], pack: Callable[[Any], Any]) -> Any:
        """Return the values to send, in the text's order; `pack` makes one value of a list."""
        values = []
        for place, fixed, process, many in self.slots:
            value: Any = fixed if place < 0 else parameters[place]
            if many:
                value = pack([process(item) for item in value] if process else list(value))
            elif process is not None:
                value = process(value)
            values.append(value)
        return tuple(values)

    def read(self, rows: Rows) -> list[tuple[Any, ...]]:
        """Return the database's rows with every value as Python knows it."""
        processors = self._processors
        if processors is None:
            return [tuple(row) for row in rows]
        return [
            tuple(
                value if process is None or value is None else process(value)
                for process, value in zip(processors, row, strict=True)
            )
            for row in rows
        ]


class Shape:
    """How a model's rows are read from and written to one database; made once for each model."""

    def __init__(self, model: type[Model], statements: "Statements") -> None:
        dialect = statements.dialect
        table = model.table
        columns = [column for column in table.columns if column.name in model.__struct_fields__]
        keys = [column for column in columns if column.primary_key]
        self.read = _reader(model, columns, dialect)
        self.write = _writer(columns, dialect)
        self.keys = tuple(column.name for column in keys)
        self.columns = tuple(column.name for column in columns)
        parameters = [sqlalchemy.bindparam(f"k{n}", type_=key.type) for n, key in enumerate(keys)]
        by_key = sqlalchemy.and_(*(k == p for k, p in zip(keys, parameters, strict=True)))
        self.select = sqlalchemy.select(*columns)
        self.get = statements.text(self.select.where(by_key))
        self.insert = statements.text(
            sqlalchemy.insert(table).values(
                {column: sqlalchemy.bindparam(f"v{n}", type_=column.type) for n, column in enumerate(columns)}
            )
        )
        self.saves: dict[tuple[str, ...], tuple[str, Callable[[Model], tuple[Any, ...]]]] = {}


class Statements:
    """The compiled statements of one database. Filled as they are asked for; never emptied but when full."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.pack: Callable[[Any], Any] = _pack_json if dialect.name == "sqlite" else _pack_array
        self._plans: dict[Any, Plan] = {}
        self._shapes: dict[type[Model], Shape] = {}

    def shape(self, model: type[Model]) -> Shape:
        """Return how the model's rows are read and written."""
        shape = self._shapes.get(model)
        if shape is None:
            shape = self._shapes[model] = Shape(model, self)
        return shape

    def saving(
        self, model: type[Model], names: tuple[str, ...]
    ) -> tuple[str, Callable[[Model], tuple[Any, ...]]]:
        """Return the UPDATE that writes these columns of one row, and what takes its values from a row."""
        shape = self.shape(model)
        found = shape.saves.get(names)
        if found is None:
            found = shape.saves[names] = self._saving(model, shape, names)
        return found

    def _saving(
        self, model: type[Model], shape: Shape, names: tuple[str, ...]
    ) -> tuple[str, Callable[[Model], tuple[Any, ...]]]:
        table = model.table
        chosen = {table.c[name].name for name in names or shape.columns} - set(shape.keys)
        written = [column for column in table.c if column.name in chosen]  # the order of the text
        keys = [table.c[name] for name in shape.keys]
        binds = {c: sqlalchemy.bindparam(f"v_{c.name}", type_=c.type) for c in (*written, *keys)}
        statement = (
            sqlalchemy.update(table)
            .where(*(key == binds[key] for key in keys))
            .values({c: binds[c] for c in written})
        )
        return self.text(statement), _writer([*written, *keys], self.dialect)

    def text(self, statement: Any) -> str:
        """Return the SQL of a statement whose parameters are given in the order of their appearance."""
        compiled = statement.compile(dialect=self.dialect)
        return str(compiled.string)

    def plan(self, statement: Any) -> tuple[Plan, Sequence[Any]]:
        """Return a statement's plan, and the parameters for the plan's slots."""
        key = statement._generate_cache_key()  # noqa: SLF001  what SQLAlchemy's own engine uses
        if key is None:
            return self._compile(statement, None, {}), ()
        plan = self._plans.get(key.key)
        if plan is None:
            places = {bind: place for place, bind in enumerate(key.bindparams)}
            plan = self._keep(key.key, self._compile(statement, key, places))
        return plan, [bind.effective_value for bind in key.bindparams]

    def quick(
        self,
        kind: Any,
        clauses: Sequence[Any],
        named: Mapping[str, Any],
        build: Callable[[], Any],
    ) -> tuple[Plan, Sequence[Any]]:
        """Do as `plan` for the statement that `build` makes, but make it only for the first one of its sort.

        kind and the clauses' shapes tell sorts apart. The statement's parameters are those of the clauses,
        and parameters with the names of `named`.
        """
        shapes, binds = [], []
        for clause in clauses:
            key = clause._generate_cache_key() if hasattr(clause, "compile") else None  # noqa: SLF001
            if key is None:
                return self.plan(_given(build(), named))
            shapes.append(key.key)
            binds += key.bindparams
        sort = (kind, tuple(shapes), tuple(named))
        plan = self._plans.get(sort)
        if plan is None:
            statement = build()
            whole = statement._generate_cache_key()  # noqa: SLF001  as above
            places = {bind: place for place, bind in enumerate(binds)}
            names = {name: len(binds) + place for place, name in enumerate(named)}
            places |= {b: names[b.key] for b in whole.bindparams if b.key in names}
            plan = self._keep(sort, self._compile(statement, whole, places))
        return plan, [*(bind.effective_value for bind in binds), *named.values()]

    def _keep(self, key: Any, plan: Plan) -> Plan:
        if len(self._plans) >= _PLANS:
            self._plans.clear()
        self._plans[key] = plan
        return plan

    def _compile(self, statement: Any, key: Any, places: Mapping[Any, int]) -> Plan:
        compiled: Any = statement.compile(dialect=self.dialect, cache_key=key)
        if compiled.literal_execute_params:
            raise NotImplementedError("a statement with literal_execute parameters")
        order = {} if key is None else _order(compiled, key, places)
        sql, names = _expand(compiled, self.dialect)
        slots = []
        for name in names:
            bind = compiled.binds[name]
            place = order.get(bind, -1)
            fixed = bind.effective_value if place < 0 else None
            process = bind.type._cached_bind_processor(self.dialect)  # noqa: SLF001  as above
            slots.append(Slot(place, fixed, process, name in _expanding(compiled)))
        entries = compiled._result_columns or ()  # noqa: SLF001  as above
        return Plan(
            sql,
            tuple(slots),
            tuple(entry.keyname for entry in entries),
            tuple(_result(entry.type, self.dialect) for entry in entries),
        )


def sqlite_statements() -> Statements:
    """Return an empty store for SQLite."""
    return Statements(SQLiteDialect(paramstyle="qmark"))


def postgresql_statements() -> Statements:
    """Return an empty store for PostgreSQL as asyncpg speaks it."""
    dialect: Dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
    return Statements(dialect)


def _order(compiled: Any, key: Any, places: Mapping[Any, int]) -> dict[Any, int]:
    """Map each bind of the compiled text to the place of its value."""
    matches = compiled._cache_key_bind_match[0]  # noqa: SLF001  how the engine itself pairs them
    return {
        bind: places[original]
        for original in key.bindparams
        if original in places
        for bind in matches[original]
    }


def _given(statement: Any, named: Mapping[str, Any]) -> Any:
    """Return the statement with its named parameters' values in it."""
    return statement.params(**named) if named else statement


def _expanding(compiled: Any) -> set[str]:
    return {compiled.bind_names[bind] for bind in compiled.post_compile_params}


def _expand(compiled: Any, dialect: Dialect) -> tuple[str, list[str]]:
    """Return the text with each `IN` list as one value, and the names of the values in their order."""
    if dialect.name == "sqlite":
        sql = _MANY.sub("SELECT value FROM json_each(?)", compiled.string)
        return sql, list(compiled.positiontup or ())
    lists = _expanding(compiled)
    names = [name for name in compiled.positiontup or () if name not in lists]

    def array(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in names:
            names.append(name)
        of = _array_type(compiled.binds[name].type, dialect)
        return f"SELECT unnest(${names.index(name) + 1}::{of}[])"

    return _MANY.sub(array, compiled.string), names


def _array_type(type_: TypeEngine[Any], dialect: Dialect) -> str:
    text = dialect.type_compiler_instance.process(type_)
    return "VARCHAR" if text.startswith("VARCHAR") else text  # a length would cut values short


def _pack_json(values: list[Any]) -> str:
    return msgspec.json.encode(values).decode()


def _pack_array(values: list[Any]) -> list[Any]:
    return values


def _result(type_: TypeEngine[Any], dialect: Dialect) -> Process:
    if dialect.name == "postgresql" and isinstance(type_, sqlalchemy.Integer):
        return _whole
    if isinstance(type_, sqlalchemy.Float):
        return None  # both databases give a float
    if isinstance(type_, sqlalchemy.Boolean):
        return bool if dialect.name == "sqlite" else None
    return cast(Process, type_._cached_result_processor(dialect, None))  # noqa: SLF001  as above


def _whole(value: Any) -> Any:
    """Return an int for PostgreSQL's sum of bigints, which is a Decimal."""
    return int(value) if isinstance(value, Decimal) else value


def _reader(
    model: type[Model], columns: Sequence[sqlalchemy.Column[Any]], dialect: Dialect
) -> Callable[[Rows], list[Any]]:
    """Return a function from rows to structs: one comprehension, written for this model.

    Built as text because a call with constant keywords is several times as fast as any loop over columns, and
    one without keywords faster still; the names in it are the model's own attributes.
    """
    scope: dict[str, Any] = {"make": model, "at": datetime.fromtimestamp, "UTC": UTC}
    fields = []
    for n, column in enumerate(columns):
        process, read = _result(column.type, dialect), f"c{n}"
        if column.name in getattr(model, "numbers", ()):
            process = None
        elif process is from_microseconds:  # once more, without the call
            read = f"at(c{n} / 1_000_000, UTC)"
        elif process is not None and process is not _whole:
            scope[f"p{n}"], read = process, f"p{n}(c{n})"
        if column.nullable and read != f"c{n}":
            read = f"None if c{n} is None else {read}"
        # A model takes no values by their places; what does needs a tenth of the time.
        fields.append(f"{column.name}={read}" if issubclass(model, Model) else read)
    names = "".join(f"c{n}," for n in range(len(columns)))
    source = f"lambda rows: [make({', '.join(fields)}) for {names} in rows]"
    return cast(Callable[[Rows], list[Any]], eval(source, scope))  # noqa: S307  from declarations only


def _writer(
    columns: Sequence[sqlalchemy.Column[Any]], dialect: Dialect
) -> Callable[[Model], tuple[Any, ...]]:
    """Return a function from a struct to its columns' values, written like `_reader`'s."""
    scope: dict[str, Any] = {}
    values = []
    for n, column in enumerate(columns):
        process = column.type._cached_bind_processor(dialect)  # noqa: SLF001  as above
        if process is None:
            values.append(f"row.{column.name},")
        else:
            scope[f"p{n}"] = process
            values.append(f"p{n}(row.{column.name}),")
    source = f"lambda row: ({''.join(values)})"
    return cast(Callable[[Model], tuple[Any, ...]], eval(source, scope))  # noqa: S307  as above
