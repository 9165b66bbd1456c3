"""Asking hosts how much of the traffic has passed that metering labels count."""

from collections import Counter
from collections.abc import Sequence

import structlog

from cumulo.contracts.traffic import Count, Traffic
from cumulo.core.bus import Bus, remote
from cumulo.core.db import Reader
from cumulo.core.drivers import DriverError
from cumulo.core.errors import Error
from cumulo.core.tasks import ReconcileRun, reconciler
from cumulo.services.network.metering import marks, portions
from cumulo.services.network.model import Agent, MeteringLabel, MeteringRule, MeterReading, Router
from cumulo.services.network.model.hosts import oldest

log = structlog.get_logger(__name__)
_PATIENCE = 20.0


@reconciler(every=30.0, name="network.meters")
async def meters(run: ReconcileRun) -> None:
    """Add what passed since the last time to the labels; ask nobody while there is none."""
    async with run.database.read() as db:
        counting = await labels_by_mark(db)
        hosts = [row.host for row in await db.all(Agent, Agent.c.heartbeat_at > oldest())]
    if not counting:
        return
    for host in hosts:
        try:
            found = await remote(run.use(Bus), host, Traffic, timeout=_PATIENCE).counts()
        except (Error, DriverError) as error:
            log.warning("network.not_counted", host=host, reason=str(error))
            continue
        await note(run, host, found, counting)


async def labels_by_mark(db: Reader) -> dict[int, frozenset[str]]:
    """Return the labels that count each mark."""
    labels = await db.all(MeteringLabel)
    if not labels:
        return {}
    rules = await db.all(MeteringRule)
    found: dict[int, frozenset[str]] = {}
    for router in await db.all(Router, Router.c.gateway_network_id.is_not(None)):
        mine = {label.id for label in labels if label.shared or label.project_id == router.project_id}
        told = portions([rule for rule in rules if rule.label_id in mine])
        found |= {mark: told[portion] for mark, portion in marks(router.id, told).items()}
    return found


async def note(
    run: ReconcileRun, host: str, found: Sequence[Count], counting: dict[int, frozenset[str]]
) -> None:
    """Add what a host counted since it was last asked. A counter that is less than then began anew."""
    packets: Counter[str] = Counter()
    octets: Counter[str] = Counter()
    async with run.database.begin() as db:
        last = {row.mark: row for row in await db.all(MeterReading, MeterReading.c.host == host)}
        for count in found:
            before = last.get(count.mark)
            fresh = before is None or count.packets < before.packets or count.bytes < before.octets
            for label in counting.get(count.mark, ()):
                packets[label] += count.packets - (0 if fresh or before is None else before.packets)
                octets[label] += count.bytes - (0 if fresh or before is None else before.octets)
        await db.delete(MeterReading, MeterReading.c.host == host)
        await db.insert_all(
            [MeterReading(host=host, mark=c.mark, packets=c.packets, octets=c.bytes) for c in found]
        )
        columns = MeteringLabel.c
        for label in sorted(packets):
            more = {"packets": columns.packets + packets[label], "octets": columns.octets + octets[label]}
            await db.update(MeteringLabel, columns.id == label, **more)
