"""Remove the tables that a cloud has in a database outside its folder."""

import asyncio
from collections.abc import Awaitable, Callable

from cumulo.core.db import METADATA, Database, migrations
from cumulo.core.errors import Error
from cumulo.runtime.database import open_database, reason_of, shown
from cumulo.runtime.services import all_services
from cumulo.runtime.settings import runtime_settings
from cumulo.runtime.state import StateFolder


def findings(state: StateFolder) -> list[str]:
    """Return in words what becomes of a database outside the folder."""
    settings = runtime_settings(state).database
    if not settings.url:
        return []
    reason = asyncio.run(_with_database(state, _nothing))
    if reason:
        return [f"NOT the tables in {shown(settings)}, which cannot be used: {reason}"]
    return [f"all tables of Cumulo in {shown(settings)}, whichever cloud's they are"]


def remove(state: StateFolder) -> str:
    """Remove the tables in a database outside the folder; return what kept us from it, or nothing."""
    return asyncio.run(_with_database(state, drop)) if runtime_settings(state).database.url else ""


async def _with_database(state: StateFolder, do: Callable[[Database], Awaitable[None]]) -> str:
    try:
        database = await open_database(state, runtime_settings(state).database)
        try:
            await do(database)
        finally:
            await database.close()
    except Error as error:
        return reason_of(error)
    return ""


async def _nothing(database: Database) -> None:
    """See that the database answers."""
    async with database.begin():
        pass


async def drop(database: Database) -> None:
    """Remove all that Cumulo has in a PostgreSQL database; leave what others have there."""
    all_services()  # whose models these are
    async with database.begin(unhurried=True) as tx:
        there = await migrations.tables(tx, database.dialect)
        ours = sorted(there & {*METADATA.tables, migrations.VERSIONS.name})
        if ours:
            await tx.run(f"DROP TABLE {', '.join(ours)} CASCADE")
