"""What OVN lets guests send though they must not: advertisements of a router.

OVN 23.03 lets them pass every ACL (ovn-northd(8), `ls_in_acl`), and its port security judges advertisements
of neighbours only. Those it denies by a flow for each port; the same table of the bridge gets one flow of
ours that denies a router's. Only what comes from ports with port security is sent to that table.
"""

import re
from pathlib import Path

import structlog

from cumulo.node.commands import run

COOKIE = "0xc0de"  # by which our flow is known on the bridge
_ROUTER, _NEIGHBOUR = 134, 136  # types of ICMPv6 (RFC 4861)
_DENIAL = re.compile(
    rf"table=(?P<table>\d+),.*priority=80,icmp6,.*icmp_type={_NEIGHBOUR} "
    r"actions=(?P<actions>load:0x1->NXM_NX_REG10\[\d+\])$",
    re.MULTILINE,
)
SECONDS = 10.0

log = structlog.get_logger(__name__)


class Guard:
    """Keeps the flow on a bridge, whose OpenFlow socket is `bridge` (`/run/…/NAME.mgmt`)."""

    def __init__(self, bridge: Path) -> None:
        self._bridge = f"unix:{bridge}"

    async def watch(self) -> None:
        """Have the flow, once OVN has shown how it denies; it goes whenever ovn-controller starts anew.

        Raises CommandFailed while the switch does not answer.
        """
        if "actions=" in await self._flows(f"cookie={COOKIE}/-1"):
            return
        denial = _DENIAL.search(await self._flows(f"icmp6,icmp_type={_NEIGHBOUR}"))
        if denial is None:
            return  # no port has an IPv6 address, so none may send an advertisement
        match = f"cookie={COOKIE},table={denial['table']},priority=65000,icmp6,icmp_type={_ROUTER}"
        await run("ovs-ofctl", "add-flow", self._bridge, f"{match},actions={denial['actions']}")
        log.info("ports.guarded", table=int(denial["table"]))

    async def _flows(self, match: str) -> str:
        return await run("ovs-ofctl", "dump-flows", self._bridge, match, seconds=SECONDS)
