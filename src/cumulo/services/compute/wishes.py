"""What a server wants of a host: by its flavor, its group, and what its request hinted at."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from cumulo.core.db import Reader, Transaction
from cumulo.services.compute import guests, requirements, scheduler
from cumulo.services.compute.model import Server, ServerGroup

AFFINITY, ANTI_AFFINITY = "affinity", "anti-affinity"
SOFT_AFFINITY, SOFT_ANTI_AFFINITY = "soft-affinity", "soft-anti-affinity"
_HINTS = msgspec.json.Decoder(dict[str, Any])


async def of(
    db: Transaction,
    server: Server,
    *,
    zone: str | None = None,
    host: str | None = None,
    avoided: Mapping[str, str] | None = None,
) -> scheduler.Wanted:
    """Gather what a server wants; `host` and `avoided` (host → why not) come on top.

    The host that its creation asked for holds for that alone: whoever moves it later says where to.

    The server's group is locked until the transaction ends: of two of its servers, one is placed first.
    """
    hints = _HINTS.decode(server.scheduler_hints)
    specs = guests.flavor_of(server).extra_specs
    required, forbidden = guests.traits_of(server)
    shunned = dict(avoided or {})
    shunned |= dict.fromkeys(
        await hosts_of(db, ids_of(hints, "different_host")), "has a server that this one must not be with"
    )
    only = await hosts_of(db, ids_of(hints, "same_host")) if hints.get("same_host") else None
    query = hints.get("query")
    group = await _group(db, server)  # locked before its servers are looked at
    near = await _neighbours(db, server)
    policy = group.policy if group is not None else ""
    if group is not None and policy == ANTI_AFFINITY:
        most = group.most_on_host or 1
        full = [name for name, count in near.items() if count >= most]
        shunned |= dict.fromkeys(full, f"has {most} of the servers that group {group.name} keeps apart")
    if policy == AFFINITY and near:
        only = frozenset(near) if only is None else only & frozenset(near)
    return scheduler.Wanted(
        resources=guests.resources_of(server),
        zone=zone or server.requested_zone,
        host=host,
        required=required,
        forbidden=forbidden,
        project_id=server.project_id,
        only=only,
        avoided=shunned,
        near=near,
        nearness={SOFT_AFFINITY: 1.0, SOFT_ANTI_AFFINITY: -1.0}.get(policy, 0.0),
        query=requirements.read_query(query) if isinstance(query, str) else None,
        specs=specs,
    )


def ids_of(hints: Mapping[str, Any], name: str) -> list[str]:
    """Return the servers that a hint names: one or a list."""
    given = hints.get(name, [])
    return [given] if isinstance(given, str) else list(given)


async def hosts_of(db: Reader, server_ids: Sequence[str]) -> frozenset[str]:
    """Return the hosts that servers are on."""
    if not server_ids:
        return frozenset()
    rows = await db.all(Server, Server.c.id.in_(list(server_ids)), Server.c.deleted_at.is_(None))
    return frozenset(row.host for row in rows if row.host is not None)


async def _group(db: Transaction, server: Server) -> ServerGroup | None:
    if server.group_id is None:
        return None
    return await db.one(ServerGroup, ServerGroup.c.id == server.group_id, for_update=True)


async def _neighbours(db: Reader, server: Server) -> Mapping[str, int]:
    """Return the hosts of the other servers of a server's group, and how many each has."""
    if server.group_id is None:
        return {}
    others = (Server.c.group_id == server.group_id, Server.c.id != server.id)
    rows = await db.all(Server, *others, Server.c.deleted_at.is_(None))
    return Counter(row.host for row in rows if row.host is not None)
