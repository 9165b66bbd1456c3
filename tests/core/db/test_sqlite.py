"""What only SQLite's engine must get right: group commit, its failures, and sudden death."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from tests.core.db.things import THINGS, Thing

from cumulo.core import errors
from cumulo.core.db.database import Database
from cumulo.core.db.sqlite import SqliteEngine


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[SqliteEngine]:
    engine = SqliteEngine(f"{tmp_path}/x.db")
    await Database(engine).create_all(THINGS)
    yield engine
    await engine.close()


async def write(engine: SqliteEngine, name: str) -> None:
    async with engine.begin() as tx:
        await tx.insert(Thing(id=name))


async def ids(engine: SqliteEngine) -> set[str]:
    async with engine.read() as reader:
        return {thing.id for thing in await reader.all(Thing)}


async def test_concurrent_transactions_share_commits(engine: SqliteEngine) -> None:
    commits: list[int] = []

    class Counting:
        def execute(self, sql: str, *values: Any) -> Any:
            if sql == "COMMIT":
                commits.append(1)
            return connection.execute(sql, *values)

        def __getattr__(self, name: str) -> Any:
            return getattr(connection, name)

    connection, engine._writer = engine._writer, Counting()  # type: ignore[assignment]
    await asyncio.gather(*(write(engine, f"t{n}") for n in range(50)))
    assert len(await ids(engine)) == 50
    assert len(commits) < 10


async def test_when_the_commit_fails_every_member_hears_of_it(engine: SqliteEngine) -> None:
    class Failing:
        def execute(self, sql: str, *values: Any) -> Any:
            if sql == "COMMIT":
                raise apsw.FullError("disk full")
            return connection.execute(sql, *values)

        def __getattr__(self, name: str) -> Any:
            return getattr(connection, name)

    connection, engine._writer = engine._writer, Failing()  # type: ignore[assignment]
    called: list[int] = []

    async def promise(name: str) -> None:
        async with engine.begin() as tx:
            await tx.insert(Thing(id=name))
            tx.after_commit(lambda: called.append(1))

    results = await asyncio.gather(*(promise(f"t{n}") for n in range(5)), return_exceptions=True)
    assert all(isinstance(result, errors.Unavailable) for result in results)
    engine._writer = connection
    assert await ids(engine) == set()
    assert called == []
    await write(engine, "after")
    assert await ids(engine) == {"after"}


async def test_when_sqlite_rolls_all_back_by_itself_finished_members_hear_of_it(
    engine: SqliteEngine,
) -> None:
    first_done = asyncio.Event()

    async def first() -> None:
        async with engine.begin() as tx:
            await tx.insert(Thing(id="first"))
            first_done.set()
            await asyncio.sleep(0)  # let the second one queue, so that both share a group

    async def second() -> None:
        await first_done.wait()
        async with engine.begin() as tx:
            engine._writer.execute("ROLLBACK")  # as SQLite does on an I/O error
            await tx.execute(Thing.table.delete())
            raise errors.Unavailable

    results = await asyncio.gather(first(), second(), return_exceptions=True)
    assert all(isinstance(result, errors.Unavailable) for result in results)
    assert await ids(engine) == set()
    await write(engine, "after")
    assert await ids(engine) == {"after"}


async def test_a_second_transaction_in_the_same_task_is_refused(engine: SqliteEngine) -> None:
    with pytest.raises(errors.Bug, match="open already"):
        async with engine.begin(), engine.begin():
            pass
    await write(engine, "after")


async def test_another_process_that_writes_is_waited_for(engine: SqliteEngine, tmp_path: Path) -> None:
    other = apsw.Connection(f"{tmp_path}/x.db")
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(write(engine, "t"))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    assert await ids(engine) == set()
    other.execute("COMMIT")
    other.close()
    await waiting
    assert await ids(engine) == {"t"}


async def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import asyncio, sys
        from cumulo.core.db import Database
        from tests.core.db.things import THINGS, Thing

        async def main():
            db = await Database.open(sys.argv[1])
            await db.create_all(THINGS)
            async def write(n):
                async with db.begin() as tx:
                    await tx.insert(Thing(id=str(n)))
                print(n, flush=True)
            for base in range(0, 100000, 10):
                await asyncio.gather(*(write(base + n) for n in range(10)))

        asyncio.run(main())
        """
    )
    url = f"sqlite:///{tmp_path}/killed.db"
    root = Path(__file__).parents[3]
    child = subprocess.Popen(
        [sys.executable, "-c", program, url],
        stdout=subprocess.PIPE,
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root}/src:{root}"},
    )
    assert child.stdout is not None
    acknowledged = {child.stdout.readline().decode().strip() for _ in range(40)}
    child.send_signal(signal.SIGKILL)
    rest, _ = child.communicate()
    acknowledged |= {line for line in rest.decode().split("\n")[:-1] if line}
    assert len(acknowledged) >= 40
    engine = SqliteEngine(f"{tmp_path}/killed.db")
    assert acknowledged <= await ids(engine)
    await engine.close()


async def test_nobody_else_can_read_the_files(engine: SqliteEngine, tmp_path: Path) -> None:
    await write(engine, "t")
    files = list(tmp_path.glob("x.db*"))
    assert len(files) == 3
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
