"""What is realised at once goes to OVN together, and what is refused of it fails alone."""

import asyncio

import pytest

from cumulo.ovsdb import Disconnected, Named, TransactionFailed, Uuid, insert, mutate, same
from cumulo.services.network.drivers.ovn.batches import Batches

PORTS = "Logical_Switch_Port"
SWITCH = "0b0f0c1e-0000-4000-8000-000000000001"


class Database:
    """Takes transactions, but none with a row of a name that it does not like."""

    def __init__(self):
        self.done = []
        self.away = False

    async def transact(self, *operations):
        await asyncio.sleep(0)
        if self.away:
            raise Disconnected("away")
        if any(operation.get("row", {}).get("name") == "odd" for operation in operations):
            raise TransactionFailed("constraint violation", "odd")
        self.done.append(list(operations))


def adding(name):
    """A port on a switch that is there, as a plan has it."""
    added = mutate("Logical_Switch", same(SWITCH), ("ports", "insert", [Named(name)]))
    return [insert(PORTS, {"name": name}, named=name), added]


async def test_what_comes_at_once_is_one_transaction_and_enters_a_column_once():
    database = Database()
    batches = Batches(database)
    await asyncio.gather(*(batches.transact(adding(name)) for name in ("a", "b", "c")))
    (operations,) = database.done
    assert [operation["op"] for operation in operations] == ["insert", "insert", "insert", "mutate"]
    entered = [["named-uuid", "a"], ["named-uuid", "b"], ["named-uuid", "c"]]
    assert operations[-1]["mutations"] == [["ports", "insert", ["set", entered]]]
    assert operations[-1]["where"] == [["_uuid", "==", ["uuid", SWITCH]]]


async def test_columns_of_different_rows_and_what_leaves_one_stay_apart():
    database = Database()
    batches = Batches(database)
    gone = mutate("Logical_Switch", same(SWITCH), ("ports", "delete", [Uuid("x")]))
    elsewhere = mutate("Logical_Switch", same("other"), ("ports", "insert", [Named("b")]))
    await asyncio.gather(batches.transact([*adding("a"), gone]), batches.transact([elsewhere]))
    (operations,) = database.done
    changes = [operation["mutations"][0][1] for operation in operations if operation["op"] == "mutate"]
    assert changes == ["delete", "insert", "insert"]


async def test_what_comes_later_is_another_transaction():
    database = Database()
    batches = Batches(database)
    await batches.transact(adding("a"))
    await batches.transact(adding("b"))
    assert len(database.done) == 2


async def test_one_that_is_refused_holds_back_no_other():
    database = Database()
    batches = Batches(database)
    outcomes = await asyncio.gather(
        *(batches.transact(adding(name)) for name in ("a", "odd", "c")), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), TransactionFailed, type(None)]
    assert sorted(operations[0]["row"]["name"] for operations in database.done) == ["a", "c"]


async def test_all_hear_of_a_database_that_went_away():
    database = Database()
    database.away = True
    batches = Batches(database)
    outcomes = await asyncio.gather(
        *(batches.transact(adding(name)) for name in "ab"), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [Disconnected, Disconnected]


async def test_nothing_is_sent_for_one_that_gave_up_before():
    database = Database()
    batches = Batches(database)
    impatient = asyncio.ensure_future(batches.transact(adding("a")))
    patient = asyncio.ensure_future(batches.transact(adding("b")))
    asyncio.get_running_loop().call_soon(impatient.cancel)
    await patient
    with pytest.raises(asyncio.CancelledError):
        await impatient
    named = [operation["row"]["name"] for operation in database.done[0] if operation["op"] == "insert"]
    assert named == ["b"]
