"""Models: one class that is a msgspec struct, to hold a row, and a SQLAlchemy table, to ask for it.

A model has no session and no identity: a row read twice is two equal structs, and nothing is written until
`Transaction.save` or `update` says so.
"""

import enum
import types
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar, Union, dataclass_transform, get_args, get_origin, overload

import msgspec
import sqlalchemy
from sqlalchemy.types import TypeEngine

from cumulo.core.db.types import Choice, Json, RawJson, String

T = TypeVar("T")

METADATA = sqlalchemy.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)
"""Every model's table. Names of constraints are the same in both databases."""

TABLES: dict[str, sqlalchemy.Table] = {}
"""Every table by its name, whichever metadata it belongs to."""

HOMES: dict[str, str] = {}
"""The module that declares each table."""

_REQUIRED: Any = object()
_SPECS: "dict[type, dict[str, ColumnSpec]]" = {}  # what ancestors without a table declare


class ColumnSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What `column` was told; the metaclass turns it into a struct field and a table column."""

    type: Any
    key: bool
    index: bool
    unique: bool
    references: str | None
    on_delete: str | None
    default: Any
    default_factory: Any


@overload
def column(
    type_: TypeEngine[Any] | type[TypeEngine[Any]],
    *,
    default: T,
    key: bool = False,
    index: bool = False,
    unique: bool = False,
    references: str | None = None,
    on_delete: str | None = None,
) -> T: ...
@overload
def column(
    type_: TypeEngine[Any] | type[TypeEngine[Any]],
    *,
    default_factory: Callable[[], T],
    key: bool = False,
    index: bool = False,
    unique: bool = False,
    references: str | None = None,
    on_delete: str | None = None,
) -> T: ...
@overload
def column(
    type_: TypeEngine[Any] | type[TypeEngine[Any]],
    *,
    key: bool = False,
    index: bool = False,
    unique: bool = False,
    references: str | None = None,
    on_delete: str | None = None,
) -> Any: ...
def column(
    type_: Any,
    *,
    default: Any = _REQUIRED,
    default_factory: Any = _REQUIRED,
    key: bool = False,
    index: bool = False,
    unique: bool = False,
    references: str | None = None,
    on_delete: str | None = None,
) -> Any:
    """Declare a column.

    It may be NULL when its annotation allows None; an annotation that is an enum stores the member's value.
    `references` names `table.column` of the same service; `on_delete` is SQL's (`CASCADE`, `SET NULL`).
    """
    return ColumnSpec(
        type=type_,
        key=key,
        index=index,
        unique=unique,
        references=references,
        on_delete=on_delete,
        default=default,
        default_factory=default_factory,
    )


class Index:
    """An index over several columns, or over the rows where the SQL text `where` holds."""

    def __init__(
        self,
        *columns: str,
        name: str | None = None,
        unique: bool = False,
        where: str | None = None,
    ) -> None:
        self.columns = columns
        self.name = name
        self.unique = unique
        self.where = where

    def build(self) -> sqlalchemy.Index:
        """Return SQLAlchemy's index, to be given to a table."""
        where: dict[str, Any] = {}
        if self.where is not None:
            condition = sqlalchemy.text(self.where)
            where = {"sqlite_where": condition, "postgresql_where": condition}
        return sqlalchemy.Index(self.name, *self.columns, unique=self.unique, **where)


class Unique:
    """A uniqueness constraint over several columns."""

    def __init__(self, *columns: str, name: str | None = None) -> None:
        self.columns = columns
        self.name = name

    def build(self) -> sqlalchemy.UniqueConstraint:
        """Return SQLAlchemy's constraint, to be given to a table."""
        return sqlalchemy.UniqueConstraint(*self.columns, name=self.name)


class ModelType(msgspec.StructMeta):
    """Makes a table beside the struct. `class Network(Model, table="network_networks")`."""

    def __new__(  # noqa: PYI034  a metaclass's Self is no type that mypy accepts
        mcs,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        table: str | None = None,
        metadata: sqlalchemy.MetaData = METADATA,
    ) -> "ModelType":
        """Turn column specs into struct fields, then build the table from the annotations."""
        own = {key: value for key, value in namespace.items() if isinstance(value, ColumnSpec)}
        for key, spec in own.items():
            if spec.default is not _REQUIRED:
                namespace[key] = msgspec.field(default=spec.default)
            elif spec.default_factory is not _REQUIRED:
                namespace[key] = msgspec.field(default_factory=spec.default_factory)
            else:
                del namespace[key]
        # Rows hold no references to themselves, so the garbage collector need not look at thousands.
        cls: Any = super().__new__(mcs, name, bases, namespace, kw_only=True, gc=False)
        specs = {key: spec for base in bases for key, spec in _SPECS.get(base, {}).items()} | own
        if table is None:
            _SPECS[cls] = specs
            return cls  # type: ignore[no-any-return]  # a shared ancestor without a table
        cls.table = _table(cls, table, specs, namespace.get("__extra__", ()), metadata)
        HOMES[table] = cls.__module__
        cls.c = cls.table.c
        TABLES[table] = cls.table
        return cls  # type: ignore[no-any-return]  # SQLAlchemy's columns are untyped here

    def __init__(
        cls,  # noqa: N805  a metaclass
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        **_options: Any,
    ) -> None:
        super().__init__(name, bases, namespace)


def _table(
    cls: Any,
    name: str,
    specs: dict[str, ColumnSpec],
    extra: Sequence[Index | Unique],
    metadata: sqlalchemy.MetaData,
) -> sqlalchemy.Table:
    fields = msgspec.structs.fields(cls)
    undeclared = [field.name for field in fields if field.name not in specs]
    if undeclared:
        raise TypeError(f"{cls.__name__}: no column(...) for {', '.join(undeclared)}")
    columns = [_column(field.name, field.type, specs[field.name]) for field in fields]
    return sqlalchemy.Table(name, metadata, *columns, *(item.build() for item in extra))


def _column(name: str, annotation: Any, spec: ColumnSpec) -> sqlalchemy.Column[Any]:
    shape, nullable = _without_none(annotation)
    constraints = []
    if spec.references is not None:
        constraints.append(sqlalchemy.ForeignKey(spec.references, ondelete=spec.on_delete))
    return sqlalchemy.Column(
        name,
        _column_type(spec.type, shape),
        *constraints,
        primary_key=spec.key,
        nullable=nullable,
        index=spec.index or None,
        unique=spec.unique or None,
        autoincrement=False,
    )


def _column_type(declared: Any, shape: Any) -> TypeEngine[Any]:
    if declared is Json:
        return Json(shape)
    if declared is RawJson:
        return RawJson()
    made: TypeEngine[Any] = declared() if isinstance(declared, type) else declared
    if isinstance(shape, type) and issubclass(shape, enum.Enum) and isinstance(made, String):
        return Choice(shape, made.length)
    return made


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """Return the annotation without None, and whether None was in it."""
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation, annotation is Any
    parts = tuple(part for part in get_args(annotation) if part is not type(None))
    if len(parts) == len(get_args(annotation)):
        return annotation, False
    return (parts[0] if len(parts) == 1 else Union[parts]), True  # noqa: UP007  built at run time


@dataclass_transform(kw_only_default=True, field_specifiers=(column,))
class Model(msgspec.Struct, metaclass=ModelType):
    """A row. Subclasses name their table and declare columns with `column`."""

    table: ClassVar[sqlalchemy.Table]
    c: ClassVar[Any]
    TRANSITIONS: ClassVar[Any] = {}
