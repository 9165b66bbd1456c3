"""The guard's flow on a real bridge, in the table where OVN denies forged advertisements of neighbours."""

from pathlib import Path

import pytest

from cumulo.core.drivers import Permanent
from cumulo.node.commands import run
from cumulo.node.ports.guard import COOKIE, Guard
from cumulo.testing.vswitch import PrivateSwitch

pytestmark = pytest.mark.engines
DENIAL = "table=74,priority=80,icmp6,reg14=0x4,metadata=0x5,nw_ttl=255,icmp_type=136"


@pytest.fixture
def bridge(private_switch: PrivateSwitch) -> Path:
    return private_switch.folder / f"{private_switch.bridge}.mgmt"


async def flows(bridge: Path) -> list[str]:
    listed = await run("ovs-ofctl", "dump-flows", f"unix:{bridge}", f"cookie={COOKIE}/-1")
    return [line for line in listed.splitlines() if "actions=" in line]


async def test_a_routers_advertisement_is_denied_where_a_neighbours_is(bridge: Path):
    guard = Guard(bridge)
    await guard.watch()
    assert await flows(bridge) == []
    actions = "load:0x1->NXM_NX_REG10[12]"
    for other in ("table=9,priority=110,icmp6,icmp_type=136,actions=drop", f"{DENIAL},actions={actions}"):
        await run("ovs-ofctl", "add-flow", f"unix:{bridge}", other)
    for _ in range(2):
        await guard.watch()
    (flow,) = await flows(bridge)
    assert "table=74" in flow
    assert flow.endswith(f"priority=65000,icmp6,icmp_type=134 actions={actions}")


async def test_a_flow_that_somebody_removed_comes_back(bridge: Path):
    guard = Guard(bridge)
    for _ in range(2):
        await run("ovs-ofctl", "del-flows", f"unix:{bridge}")
        await run("ovs-ofctl", "add-flow", f"unix:{bridge}", f"{DENIAL},actions=load:0x1->NXM_NX_REG10[12]")
        await guard.watch()
        assert len(await flows(bridge)) == 1


async def test_a_switch_that_does_not_answer_is_an_error(tmp_path: Path):
    with pytest.raises(Permanent):
        await Guard(tmp_path / "none.mgmt").watch()
