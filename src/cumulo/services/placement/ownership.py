"""What a project claims of hosts, and how it goes when the project is purged."""

from cumulo.contracts.ownership import Owned, Stage
from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.placement import claims
from cumulo.services.placement.model import Consumer


class ClaimsOwned:
    """Fulfils `cumulo.contracts.ownership.Ownership`.

    A server's claim goes with the server, in the stage before; what is left was claimed through the API.
    """

    async def owned(self, db: Reader, project_id: str) -> list[Owned]:
        """Return what is left of a project."""
        rows = await db.all(Consumer, Consumer.c.project_id == project_id, order_by=[Consumer.c.id])
        return [Owned(stage=Stage.STORAGE, kind="allocation", id=str(row.id)) for row in rows]

    async def remove(self, work: Work, project_id: str, thing: Owned) -> None:
        """Give back all that a consumer has."""
        row = await work.db.get(Consumer, thing.id)
        if row is not None and row.project_id == project_id:
            await claims.release(work.db, row.id)
