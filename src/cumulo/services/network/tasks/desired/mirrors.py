"""Mirrors as they should be."""

from collections.abc import Sequence

from cumulo.core.db import Reader
from cumulo.services.network.config import NetworkSettings
from cumulo.services.network.drivers.specs import MirrorSpec, Spec
from cumulo.services.network.model import TapMirror
from cumulo.services.network.model.lookup import those

_TUNNELS = {"gre": "gre", "erspanv1": "erspan"}


async def mirrors(db: Reader, settings: NetworkSettings, ids: Sequence[str]) -> list[Spec]:
    """Return mirrors."""
    del settings
    return [
        MirrorSpec(
            id=row.id,
            port_id=row.port_id,
            tunnel=_TUNNELS[row.mirror_type],
            sink=row.remote_ip,
            inward=row.directions.get("IN"),
            outward=row.directions.get("OUT"),
        )
        for row in await those(db, TapMirror, ids)
    ]
