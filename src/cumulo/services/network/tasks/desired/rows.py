"""What several loaders ask of the database."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from cumulo.core.db import Reader
from cumulo.services.network.model import FixedIp


async def by_id(db: Reader, model: Any, ids: Collection[str]) -> dict[str, Any]:
    """Return the rows with these ids, by id."""
    rows = await db.all(model, model.c.id.in_(list(ids))) if ids else []
    return {row.id: row for row in rows}


async def addresses(db: Reader, port_ids: Collection[str]) -> dict[str, list[FixedIp]]:
    """Return the addresses of these ports, in their order, by port."""
    held: dict[str, list[FixedIp]] = defaultdict(list)
    where = FixedIp.c.port_id.in_(list(port_ids))
    for ip in await db.all(FixedIp, where, order_by=[FixedIp.c.position]) if port_ids else []:
        held[ip.port_id].append(ip)
    return held
