"""What a project owns of compute, and how it goes when the project is purged. Keypairs are their users'."""

import msgspec

from cumulo.contracts.ownership import Owned, Stage
from cumulo.core.db import Reader
from cumulo.core.tasks import Task
from cumulo.core.tasks import TaskState as State
from cumulo.core.work import Work
from cumulo.services.compute.domain import servers
from cumulo.services.compute.model import FlavorAccess, Server, ServerGroup, TaskState

SERVER, GROUP, FLAVOR_ACCESS = "server", "server group", "flavor access"


class _Fault(msgspec.Struct):
    message: str = ""


class ServersOwned:
    """Fulfils `cumulo.contracts.ownership.Ownership`."""

    async def owned(self, db: Reader, project_id: str) -> list[Owned]:
        """Return what is left of a project: servers, those in deletion too, groups, private flavors."""
        mine = (Server.c.project_id == project_id, Server.c.deleted_at.is_(None))
        rows = await db.all(Server, *mine, order_by=[Server.c.created_at, Server.c.id])
        doomed = [row for row in rows if row.task_state == TaskState.DELETING]
        leaving = await _worked_on(db, doomed)
        found = [
            Owned(
                stage=Stage.SERVERS,
                kind=SERVER,
                id=row.id,
                name=row.name,
                leaving=row.id in leaving,
                problem=msgspec.json.decode(row.fault, type=_Fault).message if row.fault else "",
            )
            for row in rows
        ]
        groups = await db.all(ServerGroup, ServerGroup.c.project_id == project_id)
        found += [Owned(stage=Stage.SERVERS, kind=GROUP, id=row.id, name=row.name) for row in groups]
        granted = await db.all(FlavorAccess, FlavorAccess.c.project_id == project_id)
        settings = [Owned(stage=Stage.SETTINGS, kind=FLAVOR_ACCESS, id=row.flavor_id) for row in granted]
        return found + settings

    async def remove(self, work: Work, project_id: str, thing: Owned) -> None:
        """Begin a server's deletion, also of a locked one; delete a group; end access to a flavor."""
        if thing.kind == FLAVOR_ACCESS:
            access = (FlavorAccess.c.flavor_id == thing.id, FlavorAccess.c.project_id == project_id)
            await work.db.delete(FlavorAccess, *access)
            return
        if thing.kind == GROUP:
            await work.db.update(Server, Server.c.group_id == thing.id, group_id=None)
            group = (ServerGroup.c.id == thing.id, ServerGroup.c.project_id == project_id)
            await work.db.delete(ServerGroup, *group)
            return
        mine = (Server.c.id == thing.id, Server.c.project_id == project_id)
        server = await work.db.one(Server, *mine, for_update=True)
        if server is not None and server.deleted_at is None:
            await servers.end(work, server, user_id="", project_id="")


async def _worked_on(db: Reader, doomed: list[Server]) -> set[str]:
    """Return the ids of those servers that a saga still works on."""
    operations = {row.operation: row.id for row in doomed if row.operation is not None}
    if not operations:
        return set()
    at_work = (Task.c.finished_at.is_(None), Task.c.state != State.STUCK)
    tasks = await db.all(Task, Task.c.id.in_(list(operations)), *at_work)
    return {operations[task.id] for task in tasks}
