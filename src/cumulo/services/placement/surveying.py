"""All providers with what they have and are, kept from one request for candidates to the next.

Whatever changes about a provider counts its generation up and moves its `updated_at`. So each request reads
one short line of every provider, and in full only those whose line has changed since.
"""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy

from cumulo.core.db import BigInteger, Reader
from cumulo.services.placement import domain
from cumulo.services.placement.model import Provider, ProviderAggregate
from cumulo.services.placement.trees import Landscape

Line = tuple[Any, ...]  # id, name, generation, parent, root, last change
_FEW = 500  # changed providers that are asked for by their ids; for more, everything is read


class Surveyor:
    """The landscape as it was last seen. For readers: what a transaction writes may never come to be."""

    def __init__(self) -> None:
        self._seen: tuple[list[Line], Landscape] = ([], Landscape({}, {}, {}, {}))

    async def survey(self, db: Reader) -> Landscape:
        """Return the landscape as it is now."""
        lines = await db.answer(_lines)
        seen, land = self._seen
        if lines != seen:
            before = {line[0]: line for line in seen}
            changed = [line[0] for line in lines if before.get(line[0]) != line]
            land = await _renewed(db, land, [line[0] for line in lines], changed)
            self._seen = (lines, land)  # at once: others may read while we wait
        return land


def _lines() -> Any:
    """Ask for every provider's line, by name; the moment as the database has it, unconverted."""
    p = Provider.c
    moment = sqlalchemy.type_coerce(p.updated_at, BigInteger)
    return sqlalchemy.select(p.id, p.name, p.generation, p.parent_id, p.root_id, moment).order_by(p.name)


async def _renewed(db: Reader, land: Landscape, ids: Sequence[str], changed: Collection[str]) -> Landscape:
    """Return the landscape of these providers, of which `changed` are read again."""
    only = list(changed) if len(changed) <= _FEW else None
    kept = {} if only is None else {id_: land.providers[id_] for id_ in ids if id_ in land.providers}
    known = () if only is None else (Provider.c.id.in_(only),)
    new = {provider.id: provider for provider in await db.all(Provider, *known)}
    rooms, traits = await domain.rooms(db, only), await domain.traits(db, only)
    aggregates = await _aggregates(db, only)
    stale = set(changed)

    def joined(old: Any, fresh: Any) -> dict[str, Any]:
        rest = {id_: value for id_, value in old.items() if id_ in kept and id_ not in stale}
        return {**rest, **fresh}

    now = joined(land.providers, new)
    return Landscape(
        {id_: now[id_] for id_ in ids if id_ in now},
        joined(land.rooms, rooms),
        joined(land.traits, traits),
        joined(land.aggregates, aggregates),
        {kind: joined(shown, {}) for kind, shown in land.shown.items()},
    )


async def _aggregates(db: Reader, provider_ids: Sequence[str] | None) -> dict[str, set[str]]:
    where = [] if provider_ids is None else [ProviderAggregate.c.provider_id.in_(provider_ids)]
    found: dict[str, set[str]] = {}
    for row in await db.all(ProviderAggregate, *where):
        found.setdefault(row.provider_id, set()).add(row.aggregate)
    return found
