"""Wanted rows, the rows that are there, and the one transaction that makes them agree.

Every row of ours says in `external_ids` which resource owns it (`cumulo:owner`, `port:<id>`), which of the
owner's rows it is (`cumulo:key`), where it hangs (`cumulo:parent`) and which sets it was put into
(`cumulo:sets`). That is all the state there is: nothing is remembered on our side.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple

import msgspec

from cumulo.core.drivers import Temporary
from cumulo.ovsdb import (
    Client,
    Event,
    Named,
    Operation,
    Row,
    Uuid,
    delete,
    insert,
    mutate,
    same,
    update,
)

_NUMBERS = count()  # several plans may become one transaction, in which a name stands for one row
OWNER, KEY, PARENT, SETS = "cumulo:owner", "cumulo:key", "cumulo:parent", "cumulo:sets"


class Place(NamedTuple):
    """A row of ours. The owner is the part of `key` before `#`."""

    table: str
    key: str

    @property
    def owner(self) -> str:
        """The resource that the row belongs to."""
        return self.key.partition("#")[0]


class Slot(NamedTuple):
    """A column of a row of ours that holds references to other rows."""

    row: Place
    column: str

    def text(self) -> str:
        """Return the slot as it is written in `external_ids`."""
        return f"{self.row.table} {self.row.key} {self.column}"

    @staticmethod
    def read(text: str) -> "Slot":
        """Return the slot that was written by `text`."""
        table, key, column = text.split(" ")
        return Slot(Place(table, key), column)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A row as it should be. `Place` values in `columns` stand for references to those rows.

    `parent` is where a row hangs that could not exist alone; `sets` are further columns to be a member of.
    """

    place: Place
    columns: Mapping[str, Any]
    parent: Slot | None = None
    sets: frozenset[Slot] = frozenset()
    labels: Mapping[str, str] = {}


class Inventory:
    """Our rows, by owner and place; it follows the replica."""

    def __init__(self, client: Client, tables: Iterable[str]) -> None:
        self._client = client
        self._owners: dict[str, dict[Place, Row]] = {}
        for table in tables:
            client.watch(table, self._follow)

    def owners(self) -> Iterator[str]:
        """Yield the name of each resource that has a row."""
        yield from self._owners

    def of(self, owner: str) -> Mapping[Place, Row]:
        """Return the rows of a resource."""
        return self._owners.get(owner, {})

    def find(self, place: Place) -> Row | None:
        """Return one row of ours."""
        return self._owners.get(place.owner, {}).get(place)

    def _follow(self, event: Event) -> None:
        for row, arrived in ((event.old, False), (event.new, True)):
            key = row["external_ids"].get(KEY) if row is not None else None
            if row is None or key is None:
                continue
            place = Place(event.table, key)
            rows = self._owners.setdefault(place.owner, {})
            if arrived:
                rows[place] = row
            elif rows.get(place, row).uuid == row.uuid:
                rows.pop(place, None)
            if not rows:
                del self._owners[place.owner]


class Plan:
    """Collects the operations that bring one owner's rows to what is wanted."""

    def __init__(self, inventory: Inventory, owner: str, wanted: Iterable[Wanted]) -> None:
        self._inventory = inventory
        self._wanted = {item.place: item for item in wanted}
        self._existing = inventory.of(owner)
        self._names: dict[Place, Named] = {}
        self._changes: list[str] = []
        self.operations: list[Operation] = []
        for place in self._wanted:
            if place not in self._existing:
                self._names[place] = Named(f"r{next(_NUMBERS)}")
        for place, row in self._existing.items():
            if place not in self._wanted:
                self._take_away(place, row)
        for item in self._wanted.values():
            self._bring(item)

    def told(self) -> list[str]:
        """Return the differences in words."""
        return self._changes

    def _bring(self, item: Wanted) -> None:
        row = self._existing.get(item.place)
        columns = {name: self._resolve(value) for name, value in item.columns.items()}
        columns["external_ids"] = self._marks(item)
        if row is None:
            named = self._names[item.place]
            self._changes.append(f"{item.place.table} {item.place.key} is missing")
            self.operations.append(insert(item.place.table, columns, named=named))
            reference: Uuid | Named = named
        else:
            reference = row.uuid
            changed = {name: value for name, value in columns.items() if row[name] != value}
            if changed:
                named_columns = ", ".join(sorted(changed))
                self._changes.append(f"{item.place.table} {item.place.key} differs in {named_columns}")
                self.operations.append(update(item.place.table, same(row.uuid), changed))
        marks = {} if row is None else row["external_ids"]
        hung = {Slot.read(marks[PARENT])} if PARENT in marks else set()
        self._link(reference, hung, {item.parent} if item.parent else set())
        self._link(reference, _sets(marks), set(item.sets))

    def _link(self, reference: Uuid | Named, before: set[Slot], after: set[Slot]) -> None:
        """Leave the slots that are no longer wanted, enter those where the reference is missing."""
        for slot in before - after:
            if (holder := self._inventory.find(slot.row)) is not None:
                self._mutate(slot, holder.uuid, "delete", reference)
        for slot in after:
            target = self._reference(slot.row)
            holder = self._inventory.find(slot.row)
            if holder is None or reference not in holder[slot.column]:
                self._mutate(slot, target, "insert", reference)

    def _mutate(self, slot: Slot, row: Uuid | Named, change: str, reference: Uuid | Named) -> None:
        if isinstance(reference, Uuid):
            fault = "is missing from" if change == "insert" else "should not be in"
            self._changes.append(f"{reference} {fault} {slot.text()}")
        where = [("_uuid", "==", row)]
        self.operations.append(mutate(slot.row.table, where, (slot.column, change, [reference])))

    def _take_away(self, place: Place, row: Row) -> None:
        self._changes.append(f"{place.table} {place.key} should not be there")
        parent = row["external_ids"].get(PARENT)
        if parent is None:
            self.operations.append(delete(place.table, same(row.uuid)))
            return
        slot = Slot.read(parent)
        if (holder := self._inventory.find(slot.row)) is not None:
            self._mutate(slot, holder.uuid, "delete", row.uuid)

    def _marks(self, item: Wanted) -> dict[str, str]:
        marks = dict(item.labels) | {OWNER: item.place.owner, KEY: item.place.key}
        if item.parent is not None:
            marks[PARENT] = item.parent.text()
        if item.sets:
            marks[SETS] = ",".join(sorted(slot.text() for slot in item.sets))
        return marks

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, frozenset):
            return frozenset(self._resolve(each) for each in value)
        return self._reference(value) if isinstance(value, Place) else value

    def _reference(self, place: Place) -> Uuid | Named:
        if place in self._names:
            return self._names[place]
        row = self._inventory.find(place)
        if row is None:
            raise Temporary(f"{place.table} of {place.owner} is not there yet", retry_in=1)
        return row.uuid


def _sets(marks: Mapping[str, str]) -> set[Slot]:
    text = marks.get(SETS, "")
    return {Slot.read(part) for part in text.split(",")} if text else set()
