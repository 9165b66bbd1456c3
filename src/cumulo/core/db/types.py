"""Column types: each knows its DDL and how a value crosses into and out of either database.

SQLAlchemy's own types serve where both databases agree; these are the ones that differ. What a type returns
from `result_processor` is called for values that are there, never for NULL.
"""

import enum
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Dialect,
    Float,
    Integer,
    LargeBinary,
    String,
    Text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeDecorator, UserDefinedType

__all__ = [
    "BigInteger",
    "Binary",
    "Boolean",
    "Choice",
    "Float",
    "Integer",
    "Json",
    "RawJson",
    "String",
    "Text",
    "Uuid",
    "When",
]

Binary = LargeBinary
Uuid = String(36)
"""An id in the dashed text form; text in both databases, as the APIs write it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class When(UserDefinedType[datetime]):
    """An instant: microseconds since 1970 in SQLite, timestamptz in PostgreSQL, aware UTC in Python."""

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """Return what turns an aware `datetime` into the database's value."""
        return _to_microseconds if dialect.name == "sqlite" else None

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:  # noqa: ARG002  SQLAlchemy's
        """Return what turns the database's value into an aware `datetime`."""
        return from_microseconds if dialect.name == "sqlite" else None


def _to_microseconds(value: datetime | None) -> int | None:
    return None if value is None else (value - _EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    """Return the instant that SQLite holds as a number."""
    # Exact until the year 2255: a double holds the microseconds of every instant before.
    return datetime.fromtimestamp(value / 1_000_000, UTC)


class Json(UserDefinedType[Any]):
    """A JSON document, decoded to the column's annotation: text in SQLite, JSONB in PostgreSQL."""

    cache_ok = True

    def __init__(self, shape: Any = Any) -> None:
        self.shape = shape

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:  # noqa: ARG002  SQLAlchemy's
        """Return what encodes a value; None becomes NULL."""
        encode = msgspec.json.Encoder().encode

        def bind(value: Any) -> str | None:
            return None if value is None else encode(value).decode()

        return bind

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:  # noqa: ARG002  SQLAlchemy's
        """Return what decodes a value into the column's annotated shape."""
        return msgspec.json.Decoder(self.shape).decode


class RawJson(Json):
    """A JSON document left undecoded: `msgspec.Raw`, which a view can pass on as it is."""

    cache_ok = True

    def __init__(self, shape: Any = msgspec.Raw) -> None:
        super().__init__(shape)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:  # noqa: ARG002  SQLAlchemy's
        """Return what wraps the text without reading it."""
        return msgspec.Raw


@compiles(When, "sqlite")
def _when_sqlite(_type: When, _compiler: Any, **_options: Any) -> str:
    return "INTEGER"


@compiles(When)
def _when(_type: When, _compiler: Any, **_options: Any) -> str:
    return "TIMESTAMP WITH TIME ZONE"


@compiles(Json, "sqlite")
@compiles(RawJson, "sqlite")
def _json_sqlite(_type: Json, _compiler: Any, **_options: Any) -> str:
    return "TEXT"


@compiles(Json)
@compiles(RawJson)
def _json(_type: Json, _compiler: Any, **_options: Any) -> str:
    return "JSONB"


class Choice(TypeDecorator[Any]):
    """Text whose Python value is a member of an enum. A column annotated with one becomes this."""

    impl = String
    cache_ok = True

    def __init__(self, choices: type[enum.Enum], length: int | None = None) -> None:
        super().__init__(length)
        self.choices = choices
        self.length = length
        self._members: dict[Any, enum.Enum] = {member.value: member for member in choices}

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002  SQLAlchemy's
        """Return the text of a member; a bare text must be the value of one."""
        return None if value is None else self.choices(value).value

    def coerce_compared_value(self, op: Any, value: Any) -> Any:  # noqa: ARG002  SQLAlchemy's
        """Compare with a bare text as it is: one that is no member's is no row's."""
        return String() if isinstance(value, str) and not isinstance(value, enum.Enum) else self

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:  # noqa: ARG002  SQLAlchemy's
        """Return what finds the member with a text."""
        return self._members.__getitem__
