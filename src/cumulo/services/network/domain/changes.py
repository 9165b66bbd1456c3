"""What every change of a resource entails: its revision, its realisation, and telling compute."""

from collections.abc import Iterable
from typing import Any, TypeVar

from cumulo.contracts.compute import Servers
from cumulo.core import clock
from cumulo.core.db import Transaction
from cumulo.core.errors import Bug
from cumulo.core.work import Work
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.model import Realisation, Standard

R = TypeVar("R", bound=Standard)
RECONCILER = "network.realise"


async def change(db: Transaction, row: R, values: dict[str, Any], *, always: bool = False) -> R:
    """Write attributes of a resource that differ; it is a new revision then (or `always`)."""
    different = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not different and not always:
        return row
    for name, value in different.items():
        setattr(row, name, value)
    row.revision_number += 1
    row.updated_at = clock.now()
    await db.save(row, *different, "revision_number", "updated_at")
    return row


async def revise(db: Transaction, model: type[Standard], id_: str) -> None:
    """Note a new revision of a resource of which something changed that stands in another table."""
    table = model.c
    await db.update(model, table.id == id_, revision_number=table.revision_number + 1, updated_at=clock.now())


async def touch(work: Work, kind: Kind, *ids: str, new: bool = False) -> None:
    """Have the data plane made to agree with these resources, whether they are new, changed or gone."""
    table = Realisation.c
    for id_ in ids:
        found = not new and await work.db.update(
            Realisation,
            table.kind == kind.value,
            table.id == id_,
            revision=table.revision + 1,
            attempts=0,
            retry_at=clock.now(),
        )
        if not found:
            await work.db.insert(Realisation(kind=kind.value, id=id_))
    work.wake(RECONCILER)


async def tell_servers(work: Work, server_ids: Iterable[str]) -> None:
    """Tell compute, where there is one, that these servers' addresses changed."""
    changed = sorted(filter(None, set(server_ids)))
    if not changed:
        return
    try:
        servers = work.use(Servers)
    except (KeyError, Bug):
        return
    await servers.addresses_changed(work, changed)
