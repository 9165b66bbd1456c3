"""What several loaders ask of the database."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from cumulo.core.db import Reader
from cumulo.services.network.model import FixedIp
from cumulo.services.network.model.lookup import those


async def by_id(db: Reader, model: Any, ids: Collection[str]) -> dict[str, Any]:
    """Return the rows with these ids, by id."""
    return {row.id: row for row in await those(db, model, ids)}


async def addresses(db: Reader, port_ids: Collection[str]) -> dict[str, list[FixedIp]]:
    """Return the addresses of these ports, in their order, by port."""
    held: dict[str, list[FixedIp]] = defaultdict(list)
    for ip in await those(db, FixedIp, port_ids, "port_id"):
        held[ip.port_id].append(ip)
    return held
