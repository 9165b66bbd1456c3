"""Keeping chains short: a layer that no snapshot needs any more is merged with the only one on it.

Content is only copied, and what it was copied from stays until the records or headers lead past it: so
merging may be cancelled, or killed, at any moment, and what is read is the same throughout.
"""

from itertools import pairwise

import msgspec
import structlog

from cumulo.core.drivers import DriverError
from cumulo.node.volumes.files.exporting import Exporting
from cumulo.node.volumes.files.layers import Layers
from cumulo.node.volumes.files.records import Records, VolumeRecord

log = structlog.get_logger(__name__)

ONLINE_LIMIT = 8  # layers too many that an exported volume may have, as merging copies under its user


class Merging:
    """The merging of a pool's layers. The caller works on the volume alone."""

    def __init__(self, records: Records, layers: Layers, exporting: Exporting) -> None:
        self._records = records
        self._layers = layers
        self._exporting = exporting

    async def merge(self, record: VolumeRecord) -> None:
        """Merge what can be of a volume's chain. What fails is left for another time."""
        try:
            if any(export.snapshot is None for export in record.exports.values()):
                await self._online(record)
            else:
                await self._offline(record)
        except DriverError as error:
            log.warning("volumes.merge_failed", volume=record.volume_id, reason=str(error))

    async def _online(self, record: VolumeRecord) -> None:
        spare = []
        for upper, lower in pairwise(self._layers.chain(record.head)):
            if not self._is_spare(lower, upper):
                break
            spare.append(lower)
        if len(spare) > ONLINE_LIMIT:
            await self._exporting.merge(record, spare)
            await self._layers.pulled_up(record.head)
            await self._layers.sweep(named(self._records))

    async def _offline(self, record: VolumeRecord) -> None:
        while (pair := self._next(record)) is not None:
            upper, lower = pair
            is_raw = self._layers.known[lower].format == "raw"
            if upper == record.head and (is_raw or await self._layers.is_smaller(upper, lower)):
                await self._layers.push_down(upper)
                record = msgspec.structs.replace(record, head=lower)
                await self._records.save(record)
            else:
                await self._layers.pull_up(upper)
            await self._layers.sweep(named(self._records))

    def _next(self, record: VolumeRecord) -> tuple[str, str] | None:
        """Return the highest layer that can be merged with the one below; none that others share."""
        busy = self._exporting.open_layers()
        for upper, lower in pairwise(self._layers.chain(record.head)):
            if len(self._layers.above(upper)) > 1:
                break
            is_raw = self._layers.known[lower].format == "raw"
            if upper in busy or not self._is_spare(lower, upper) or (is_raw and upper != record.head):
                continue
            return upper, lower
        return None

    def _is_spare(self, lower: str, upper: str) -> bool:
        if self._layers.is_held(lower, upper) or lower in named(self._records):
            return False
        return self._layers.above(lower) == [upper]


def named(records: Records) -> set[str]:
    """Return the layers that records name."""
    return {name for record in records.known.values() for name in record.layers}
