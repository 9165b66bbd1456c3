"""An asyncio client of Open vSwitch's database protocol (RFC 7047 and `monitor_cond`).

    client = Client("unix:/run/nb.sock", "OVN_Northbound", {"Logical_Switch": None})
    await client.start()
    await client.ready(timeout=5)
    await client.transact(insert("Logical_Switch", {"name": "lab"}))
    [row.uuid for row in client.rows("Logical_Switch").values() if row["name"] == "lab"]

The replica is up to date with a transaction of ours as soon as `transact` returns.
"""

from cumulo.ovsdb.client import Client, Event
from cumulo.ovsdb.connection import Disconnected, OvsdbError, TransactionFailed
from cumulo.ovsdb.operations import Operation, delete, insert, mutate, same, update, wait
from cumulo.ovsdb.replica import Index, Row
from cumulo.ovsdb.values import Named, Uuid

__all__ = ["Client", "Disconnected", "Event", "Index", "Named", "Operation", "OvsdbError", "Row"]
__all__ += ["TransactionFailed", "Uuid", "delete", "insert", "mutate", "same", "update", "wait"]
