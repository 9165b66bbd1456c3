"""The database: models, queries, transactions, state machines; on SQLite or PostgreSQL."""

from cumulo.core.db.access import Reader, Transaction
from cumulo.core.db.database import Database
from cumulo.core.db.model import METADATA, Index, Model, Unique, column
from cumulo.core.db.transitions import WrongState, become
from cumulo.core.db.types import (
    BigInteger,
    Binary,
    Boolean,
    Float,
    Integer,
    Json,
    RawJson,
    String,
    Text,
    Uuid,
    When,
)

__all__ = [
    "METADATA",
    "BigInteger",
    "Binary",
    "Boolean",
    "Database",
    "Float",
    "Index",
    "Integer",
    "Json",
    "Model",
    "RawJson",
    "Reader",
    "String",
    "Text",
    "Transaction",
    "Unique",
    "Uuid",
    "When",
    "WrongState",
    "become",
    "column",
]
