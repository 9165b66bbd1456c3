import asyncio
import subprocess

import pytest
from ovsdbapp.backend.ovs_idl import connection as oracle_connection
from ovsdbapp.schema.ovn_northbound import impl_idl

from cumulo.ovsdb import (
    Client,
    Disconnected,
    Event,
    Named,
    TransactionFailed,
    delete,
    insert,
    mutate,
    same,
    update,
    wait,
)
from cumulo.testing import ovn

pytestmark = pytest.mark.engines

TABLES = {"Logical_Switch": None, "Logical_Switch_Port": ["name", "addresses", "tag_request", "up"]}


@pytest.fixture
async def client(northbound):
    client = Client(northbound, "OVN_Northbound", TABLES)
    await client.start()
    await client.ready(timeout=5)
    yield client
    await client.close()


async def test_the_replica_holds_a_transaction_as_soon_as_it_returns(client):
    results = await client.transact(
        insert("Logical_Switch_Port", {"name": "p1", "addresses": ["a", "b"]}, named="p"),
        insert("Logical_Switch", {"name": "lab", "ports": [Named("p")], "other_config": {"x": "y"}}),
    )
    switch = client.rows("Logical_Switch")[results[1]["uuid"][1]]
    port = client.rows("Logical_Switch_Port")[results[0]["uuid"][1]]
    assert switch["name"] == "lab"
    assert switch["ports"] == {port.uuid}
    assert switch["other_config"] == {"x": "y"}
    assert port == {"name": "p1", "addresses": {"a", "b"}, "tag_request": None, "up": None}


async def test_the_replica_follows_update_mutate_and_delete(client):
    (made,) = await client.transact(
        insert("Logical_Switch", {"name": "a", "other_config": {"k": "1", "l": "2"}})
    )
    uuid = made["uuid"][1]
    await client.transact(
        update("Logical_Switch", same(uuid), {"name": "b"}),
        mutate(
            "Logical_Switch",
            same(uuid),
            ("other_config", "delete", ["k"]),
            ("other_config", "insert", {"m": "3"}),
        ),
    )
    assert client.rows("Logical_Switch")[uuid]["name"] == "b"
    assert client.rows("Logical_Switch")[uuid]["other_config"] == {"l": "2", "m": "3"}
    (gone,) = await client.transact(delete("Logical_Switch", same(uuid)))
    assert gone["count"] == 1
    assert uuid not in client.rows("Logical_Switch")


async def test_a_refused_transaction_does_nothing_and_says_why(client):
    with pytest.raises(TransactionFailed) as failure:
        await client.transact(
            insert("Logical_Switch", {"name": "kept?"}),
            wait("Logical_Switch", [("name", "==", "no such")], {"name": "no such"}),
        )
    assert failure.value.error == "timed out"
    with pytest.raises(TransactionFailed, match="constraint violation"):
        await client.transact(insert("Logical_Router_Policy", {"priority": 99999999}))
    assert not client.rows("Logical_Switch")


async def test_an_index_and_callbacks_follow_changes(client):
    names = client.index("Logical_Switch", lambda row: row["name"] or None)
    events: list[Event] = []
    client.watch("Logical_Switch", events.append)
    await client.transact(insert("Logical_Switch", {"name": "a"}), insert("Logical_Switch", {}))
    assert list(names) == ["a"]
    await client.transact(update("Logical_Switch", same(names["a"].uuid), {"name": "b"}))
    assert list(names) == ["b"]
    await client.transact(delete("Logical_Switch", same(names["b"].uuid)))
    assert not names
    kinds = [(event.old and event.old["name"], event.new and event.new["name"]) for event in events]
    assert sorted(kinds[:2], key=str) == [(None, ""), (None, "a")]
    assert kinds[2:] == [("a", "b"), ("b", None)]


async def test_a_change_by_another_client_is_awaited(client, northbound):
    await asyncio.to_thread(
        subprocess.run, ["ovn-nbctl", f"--db={northbound}", "ls-add", "theirs"], check=True
    )
    async with asyncio.timeout(5):
        await client.until(
            lambda: any(row["name"] == "theirs" for row in client.rows("Logical_Switch").values())
        )


async def test_many_calls_at_once_are_answered_each(client):
    results = await asyncio.gather(
        *(client.transact(insert("Logical_Switch", {"name": f"n{i}"})) for i in range(200))
    )
    rows = client.rows("Logical_Switch")
    assert [rows[result[0]["uuid"][1]]["name"] for result in results] == [f"n{i}" for i in range(200)]


async def test_ovsdbapp_reads_what_we_wrote_and_we_read_what_it_wrote(client, northbound):
    await client.transact(
        insert("Logical_Switch_Port", {"name": "ours", "addresses": ["02:00:00:00:00:01"]}, named="p"),
        insert("Logical_Switch", {"name": "mine", "ports": [Named("p")]}),
    )

    def ask_the_oracle():
        idl = oracle_connection.OvsdbIdl.from_server(northbound, "OVN_Northbound")
        connection = oracle_connection.Connection(idl=idl, timeout=10)
        api = impl_idl.OvnNbApiIdlImpl(connection)
        try:
            (switch,) = api.ls_list().execute(check_error=True)
            read = (switch.name, [(p.name, p.addresses) for p in switch.ports])
            with api.transaction(check_error=True) as transaction:
                transaction.add(api.ls_add("theirs", other_config={"mtu": "9"}))
                transaction.add(api.lsp_add("theirs", "p2", tag=7, parent_name="ours"))
            return read
        finally:
            connection.stop()

    assert await asyncio.to_thread(ask_the_oracle) == ("mine", [("ours", ["02:00:00:00:00:01"])])
    rows = client.rows("Logical_Switch").values()
    async with asyncio.timeout(5):
        await client.until(lambda: any(row["name"] == "theirs" and row["ports"] for row in rows))
    (theirs,) = (row for row in rows if row["name"] == "theirs")
    (port,) = theirs["ports"]
    assert client.rows("Logical_Switch_Port")[port]["tag_request"] == 7


async def test_after_the_server_came_back_the_replica_is_right_and_only_differences_are_told(
    folder,
):
    with ovn.ovsdb(folder, "nb") as address:
        client = Client(address, "OVN_Northbound", TABLES)
        switches = client.rows("Logical_Switch")  # taken before there is a connection, kept over two
        await client.start()
        await client.transact(insert("Logical_Switch", {"name": "stays"}))
        events: list[Event] = []
        client.watch("Logical_Switch", events.append)
    with ovn.ovsdb(folder, "nb") as address:
        await asyncio.to_thread(subprocess.run, ["ovn-nbctl", f"--db={address}", "ls-add", "new"], check=True)
        async with asyncio.timeout(10):
            await client.until(lambda: bool(events))
            await client.transact(insert("Logical_Switch", {"name": "after"}))
        assert [event.new["name"] for event in events if event.new] == ["new", "after"]
        assert {row["name"] for row in switches.values()} == {"stays", "new", "after"}
        await client.close()


async def test_a_silent_address_is_reported_as_disconnected(folder):
    client = Client(f"unix:{folder}/none.sock", "OVN_Northbound", TABLES)
    await client.start()
    with pytest.raises(Disconnected):
        await client.ready(timeout=0.05)
    with pytest.raises(Disconnected):
        await client.transact(insert("Logical_Switch", {}), timeout=0.05)
    await client.close()
