"""The operations of a transaction (RFC 7047, 5.2), as plain dictionaries."""

from collections.abc import Mapping, Sequence
from typing import Any

from cumulo.ovsdb.values import Uuid, encode

Operation = dict[str, Any]
Condition = tuple[str, str, Any]  # column; one of == != includes excludes < <= > >=; value


def same(uuid: str) -> list[Condition]:
    """Return the condition that names one row."""
    return [("_uuid", "==", Uuid(uuid))]


def _where(conditions: Sequence[Condition]) -> list[list[Any]]:
    return [[column, function, encode(value)] for column, function, value in conditions]


def _row(values: Mapping[str, Any]) -> dict[str, Any]:
    return {column: encode(value) for column, value in values.items()}


def insert(
    table: str, values: Mapping[str, Any], *, named: str | None = None, uuid: str | None = None
) -> Operation:
    """Insert a row; `named` lets the same transaction refer to it, `uuid` chooses its UUID."""
    chosen = {"uuid-name": named, "uuid": uuid}
    operation = {"op": "insert", "table": table, "row": _row(values)}
    return operation | {key: str(value) for key, value in chosen.items() if value is not None}


def update(table: str, where: Sequence[Condition], values: Mapping[str, Any]) -> Operation:
    """Set columns of the matching rows."""
    return {"op": "update", "table": table, "where": _where(where), "row": _row(values)}


def mutate(table: str, where: Sequence[Condition], *mutations: tuple[str, str, Any]) -> Operation:
    """Change columns in place: (column, `insert` | `delete` | `+=` …, value)."""
    changes = _where(mutations)
    return {"op": "mutate", "table": table, "where": _where(where), "mutations": changes}


def delete(table: str, where: Sequence[Condition]) -> Operation:
    """Delete the matching rows."""
    return {"op": "delete", "table": table, "where": _where(where)}


def wait(
    table: str, where: Sequence[Condition], values: Mapping[str, Any], *, until: str = "=="
) -> Operation:
    """Fail the transaction unless the matching row has (`==`), or has not (`!=`), these values."""
    return {
        "op": "wait",
        "table": table,
        "where": _where(where),
        "columns": list(values),
        "until": until,
        "rows": [_row(values)],
        "timeout": 0,
    }
