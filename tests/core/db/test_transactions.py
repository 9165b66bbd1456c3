import asyncio

import pytest
from tests.core.db.things import Thing

from cumulo.core import errors
from cumulo.core.db import Database


class Deliberate(Exception):
    pass


async def ids(db: Database) -> set[str]:
    async with db.read() as reader:
        return {thing.id for thing in await reader.all(Thing)}


async def test_a_transaction_that_raises_leaves_nothing(db: Database) -> None:
    with pytest.raises(Deliberate):
        async with db.begin() as tx:
            await tx.insert(Thing(id="a"))
            raise Deliberate
    assert await ids(db) == set()


async def test_a_transaction_sees_its_own_writes_and_others_only_after_the_commit(
    db: Database,
) -> None:
    async with db.begin() as tx:
        await tx.insert(Thing(id="a"))
        assert await tx.exists(Thing)
        assert await ids(db) == set()
    assert await ids(db) == {"a"}


async def test_neighbours_of_a_failed_transaction_commit(db: Database) -> None:
    async def write(name: str) -> None:
        async with db.begin() as tx:
            await tx.insert(Thing(id=name))
            await asyncio.sleep(0)
            if name.endswith("7"):
                raise Deliberate

    names = [f"t{n}" for n in range(100)]
    results = await asyncio.gather(*map(write, names), return_exceptions=True)
    failed = {name for name, result in zip(names, results, strict=True) if result}
    assert failed == {name for name in names if name.endswith("7")}
    assert await ids(db) == set(names) - failed


async def test_after_a_failed_write_the_transaction_refuses_more(db: Database) -> None:
    with pytest.raises(errors.Bug):
        async with db.begin() as tx:
            await tx.insert(Thing(id="a"))
            with pytest.raises(errors.Duplicate):
                await tx.insert(Thing(id="a"))
            with pytest.raises(errors.Bug):
                await tx.exists(Thing)
    assert await ids(db) == set()


async def test_a_savepoint_undoes_what_failed_in_it(db: Database) -> None:
    called: list[str] = []
    async with db.begin() as tx:
        await tx.insert(Thing(id="a"))
        with pytest.raises(errors.Duplicate):
            async with tx.savepoint():
                await tx.insert(Thing(id="b"))
                tx.after_commit(lambda: called.append("inside"))
                async with tx.savepoint():
                    await tx.insert(Thing(id="c"))
                await tx.insert(Thing(id="a"))
        async with tx.savepoint():
            await tx.insert(Thing(id="d"))
        tx.after_commit(lambda: called.append("outside"))
    assert await ids(db) == {"a", "d"}
    assert called == ["outside"]


async def test_callbacks_run_after_the_commit_and_only_then(db: Database) -> None:
    called: list[str] = []
    async with db.begin() as tx:
        await tx.insert(Thing(id="a"))
        tx.after_commit(lambda: called.append("a"))
        tx.after_commit(lambda: 1 / 0)  # type: ignore[arg-type,return-value]
        tx.after_commit(lambda: called.append("b"))
        assert called == []
    assert called == ["a", "b"]
    with pytest.raises(Deliberate):
        async with db.begin() as tx:
            tx.after_commit(lambda: called.append("never"))
            raise Deliberate
    assert called == ["a", "b"]


async def test_a_cancelled_request_leaves_the_database_usable(db: Database) -> None:
    holding, release = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with db.begin() as tx:
            await tx.insert(Thing(id="held"))
            holding.set()
            await release.wait()

    async def write(name: str) -> None:
        async with db.begin() as tx:
            await tx.insert(Thing(id=name))

    holder = asyncio.create_task(hold())
    await holding.wait()
    waiting = [asyncio.create_task(write(f"w{n}")) for n in range(4)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    waiting[3].cancel()
    holder.cancel()
    results = await asyncio.gather(holder, *waiting, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    await write("after")
    found = await ids(db)
    assert {"after", "w1", "w2"} <= found
    assert "held" not in found


async def test_any_moment_of_cancellation_is_harmless(db: Database) -> None:
    async def write(name: str) -> None:
        async with db.begin() as tx:
            await tx.insert(Thing(id=name))
            await asyncio.sleep(0)

    for steps in range(12):
        tasks = [asyncio.create_task(write(f"{steps}-{n}")) for n in range(6)]
        for _ in range(steps):
            await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(task.cancelled() or task.exception() is None for task in tasks)
        expected = {f"{steps}-{n}" for n in (1, 3, 5)}
        assert expected <= await ids(db)
    async with db.begin() as tx:
        await tx.insert(Thing(id="last"))
