"""What the switch says of its counters."""

from cumulo.contracts.traffic import Count
from cumulo.node.ports.counters import read

FLOWS = """\
NXST_FLOW reply (xid=0x4):
 cookie=0x1, duration=1.0s, table=21, n_packets=3, n_bytes=294, idle_age=0, priority=101,ip \
actions=load:0x2a->NXM_NX_PKT_MARK[],resubmit(,22)
 cookie=0x2, duration=1.0s, table=21, n_packets=4, n_bytes=100, ip actions=set_field:0x2b->pkt_mark
 cookie=0x3, duration=1.0s, table=21, n_packets=1, n_bytes=6, ip actions=load:0x2a->NXM_NX_PKT_MARK[]
 cookie=0x4, duration=1.0s, table=22, n_packets=9, n_bytes=900, priority=0 actions=resubmit(,23)
"""


def test_flows_of_one_mark_are_one_count():
    assert read(FLOWS) == [
        Count(mark=0x2A, packets=4, bytes=300),
        Count(mark=0x2B, packets=4, bytes=100),
    ]
