"""How much of what OVN marks has passed: the counters of the bridge's flows that set a packet mark.

ovs-ofctl(8) writes a flow as `…, n_packets=3, n_bytes=294, … actions=load:0x2a->NXM_NX_PKT_MARK[],…`, or with
`set_field:0x2a->pkt_mark`. Counters are of the flow, and begin anew whenever OVN writes it anew.
"""

import re
from collections import Counter
from pathlib import Path

from cumulo.contracts.traffic import Count
from cumulo.node.commands import run

SECONDS = 20.0
_MARKING = re.compile(
    r"n_packets=(\d+), n_bytes=(\d+),.*(?:load|set_field):(0x[0-9a-f]+|\d+)->(?:NXM_NX_PKT_MARK|pkt_mark)"
)


class Counters:
    """Fulfils `cumulo.contracts.traffic.Traffic` for a bridge's OpenFlow socket (`/run/…/NAME.mgmt`)."""

    def __init__(self, bridge: Path) -> None:
        self._bridge = f"unix:{bridge}"

    async def counts(self) -> list[Count]:
        """Return a count for each mark. Raises CommandFailed while the switch does not answer."""
        return read(await run("ovs-ofctl", "dump-flows", self._bridge, seconds=SECONDS))


def read(flows: str) -> list[Count]:
    """Return the counts of the flows that ovs-ofctl printed; several flows of one mark are one."""
    packets: Counter[int] = Counter()
    octets: Counter[int] = Counter()
    for number, size, mark in _MARKING.findall(flows):
        packets[int(mark, 0)] += int(number)
        octets[int(mark, 0)] += int(size)
    return [Count(mark=mark, packets=packets[mark], bytes=octets[mark]) for mark in packets]
