"""Whose guests a host has: what a host asks before it says that it is there."""

from cumulo.core.db import Database
from cumulo.services.compute.model import Server
from cumulo.services.compute.tasks.hosts import is_orphan


class TenureFromServers:
    """Fulfils `cumulo.contracts.migration.Tenure`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def strangers(self, host: str, server_ids: list[str]) -> list[str]:
        """Return those of these guests that have no business on the host: deleted, or on another one."""
        if not server_ids:
            return []
        async with self._database.read() as db:
            rows = await db.all(Server, Server.c.id.in_(server_ids))
        return [row.id for row in rows if is_orphan(row, host)]
