"""Network cards that are coming to a server's guest, or going: each has a saga, which sets no task state."""

from collections.abc import Iterable

from cumulo.contracts.network import Ports
from cumulo.core.db import Reader
from cumulo.core.tasks import Task, TaskState
from cumulo.core.work import Work
from cumulo.services.compute.errors import CannotWhile
from cumulo.services.compute.model import Server

LOCK = "server-port:{port_id}"
"""The lock of the sagas that plug a port's card in, or pull it out."""

GOING = "DetachInterface"
_UNDER_WAY = (TaskState.PENDING, TaskState.RUNNING, TaskState.UNDOING, TaskState.STUCK)


async def going(db: Reader, port_ids: Iterable[str]) -> frozenset[str]:
    """Return those of these ports that are being taken from their server."""
    return frozenset(port for port, saga in (await _changing(db, port_ids)).items() if saga == GOING)


async def check_in_place(work: Work, server: Server, action: str) -> None:
    """Refuse while a card comes or goes: its host is asked, so the guest must stay there. CannotWhile."""
    bindings = await work.use(Ports).bindings(work.db, server.id)
    for saga in (await _changing(work.db, [binding.port_id for binding in bindings])).values():
        state = "detaching" if saga == GOING else "attaching"
        raise CannotWhile(action=action, id=server.id, attribute="port_state", state=state)


async def _changing(db: Reader, port_ids: Iterable[str]) -> dict[str, str]:
    """Return the sagas' names by the ports whose cards they change."""
    locks = {LOCK.format(port_id=port_id): port_id for port_id in port_ids}
    if not locks:
        return {}
    held = (Task.c.lock.in_(sorted(locks)), Task.c.state.in_(_UNDER_WAY))
    return {locks[task.lock or ""]: task.saga for task in await db.all(Task, *held)}
