"""Whose guests a host has: what a host asks before it says that it is there."""

from cumulo.core.db import Database
from cumulo.core.tasks.journal import next_fence
from cumulo.services.compute.model import Server
from cumulo.services.compute.tasks.hosts import is_orphan


class TenureFromServers:
    """Fulfils `cumulo.contracts.migration.Tenure`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def strangers(self, host: str, server_ids: list[str]) -> dict[str, int]:
        """Return those of these guests that have no business on the host: deleted, or on another one.

        What takes one of them up after this has a newer fence.
        """
        if not server_ids:
            return {}
        fence = next_fence()
        async with self._database.read() as db:
            rows = await db.all(Server, Server.c.id.in_(server_ids))
        return {row.id: fence for row in rows if is_orphan(row, host)}
