"""Models that only these tests know; their tables are in a metadata of their own."""

import enum
from datetime import datetime
from typing import Any, ClassVar

import msgspec
import sqlalchemy

from cumulo.core import clock
from cumulo.core.db import (
    METADATA,
    BigInteger,
    Binary,
    Boolean,
    Float,
    Index,
    Integer,
    Json,
    Model,
    RawJson,
    String,
    Text,
    Unique,
    Uuid,
    When,
    column,
)

THINGS = sqlalchemy.MetaData(naming_convention=METADATA.naming_convention)


class Status(enum.StrEnum):
    NEW = "new"
    ACTIVE = "active"
    GONE = "gone"


class Part(msgspec.Struct):
    name: str
    size: int = 0


class Box(Model, table="test_boxes", metadata=THINGS):
    """Something that things lie in."""

    id: str = column(Uuid, key=True)
    name: str = column(String(255))
    zone: str = column(String(64), default="z")
    active: bool = column(Boolean, default=True)
    __extra__ = (
        Unique("zone", "name"),
        Index("zone", name="uq_test_boxes_one_inactive", unique=True, where="active = false"),
    )


class Thing(Model, table="test_things", metadata=THINGS):
    """One column of every type."""

    id: str = column(Uuid, key=True)
    box_id: str | None = column(Uuid, default=None, references="test_boxes.id")
    status: Status = column(String(16), default=Status.NEW)
    mood: Status | None = column(String(16), default=None)
    count: int = column(Integer, default=0)
    size: int | None = column(BigInteger, default=None)
    ratio: float = column(Float, default=1.5)
    is_big: bool = column(Boolean, default=False)
    note: str | None = column(Text, default=None)
    blob: bytes | None = column(Binary, default=None)
    tags: list[str] = column(Json, default_factory=list)
    parts: list[Part] = column(Json, default_factory=list)
    anything: dict[str, Any] | None = column(Json, default=None)
    raw: msgspec.Raw | None = column(RawJson, default=None)
    created_at: datetime = column(When, default_factory=clock.now)
    ended_at: datetime | None = column(When, default=None)

    TRANSITIONS: ClassVar = {
        Status.NEW: frozenset({Status.ACTIVE, Status.GONE}),
        Status.ACTIVE: frozenset({Status.GONE}),
    }


class Membership(Model, table="test_memberships", metadata=THINGS):
    """A key of two columns."""

    group: str = column(String(36), key=True)
    user: str = column(String(36), key=True)
    role: str = column(String(36), default="reader")
