"""The copy of the monitored tables, kept by `update2` notifications (ovsdb-server(7), 4.1.14)."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from cumulo.ovsdb.values import Column, Uuid


class Row(dict[str, Any]):
    """A row, column → Python value. Never change one: send a transaction."""

    __slots__ = ("uuid",)

    def __init__(self, uuid: Uuid, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.uuid = uuid


class Index(dict[Any, Row]):
    """The rows of a table by a key computed from each; rows without a key (None) are left out."""

    def __init__(self, key: Callable[[Row], Hashable | None]) -> None:
        super().__init__()
        self._key = key

    def note(self, old: Row | None, new: Row | None) -> None:
        """Follow a change of one row."""
        if old is not None and self.get(key := self._key(old)) is old:
            del self[key]
        if new is not None and (key := self._key(new)) is not None:
            self[key] = new


class Table:
    """One monitored table."""

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self.columns = columns
        self.rows: dict[str, Row] = {}  # the same for good: callers hold it
        self._defaults = {name: column.default for name, column in columns.items()}

    def decode(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the Python values of those columns that are given."""
        return {name: self.columns[name].decode(item) for name, item in values.items()}

    def apply(self, uuid: str, change: Mapping[str, Any]) -> tuple[Row | None, Row | None]:
        """Apply one row's part of a notification; return the row before and after."""
        old = self.rows.get(uuid)
        if "delete" in change:
            return self.rows.pop(uuid, None), None
        if "modify" in change:
            if old is None:
                return None, None
            patches = self.decode(change["modify"])
            values = dict(old)
            for name, difference in patches.items():
                values[name] = self.columns[name].patch(old[name], difference)
        else:
            values = self._defaults | self.decode(change.get("initial") or change.get("insert", {}))
        new = self.rows[uuid] = Row(Uuid(uuid), values)
        return old, new

    def continue_in(self, held: dict[str, Row]) -> list[tuple[Row | None, Row | None]]:
        """Have `held`, the rows of an older copy, hold this one's; return what differed, before and after."""
        gone = [held.pop(uuid) for uuid in held.keys() - self.rows.keys()]
        changed = [(held.get(uuid), row) for uuid, row in self.rows.items() if held.get(uuid) != row]
        held.update((row.uuid, row) for _, row in changed)
        self.rows = held
        return [*((row, None) for row in gone), *changed]
