"""Besides the cloud: other clouds, what former ones left on the machine, and the way out for guests."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from cumulo.runtime.doctor.findings import Finding, bad, note
from cumulo.runtime.engines import datapath
from cumulo.runtime.engines.external import recorded
from cumulo.runtime.settings import runtime_settings
from cumulo.runtime.state import RUN, StateFolder, others
from cumulo.runtime.supervisor.keeping import supervisor_of

DEVICES = Path("/sys/class/net")
NAMESPACES = Path("/run/netns")
FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
_OURS = re.compile(r"cu([0-9a-f]{4})-")


def others_network(state: StateFolder) -> Iterator[Finding]:
    """Name other switches and clouds of this machine."""
    if os.geteuid() == 0 and datapath.taken():
        mend = "stop that ovs-vswitchd; only one with this device's name can start"
        yield bad("network", "another Open vSwitch has the device ovs-netdev", mend)
    for cloud in others(state):
        text = f"another cloud, in {cloud.path}, is {_cloud_state(cloud)}"
        yield note("network", text, "none needed: they share nothing")


def leftovers(state: StateFolder) -> Iterator[Finding]:
    """Look for devices and namespaces whose cloud is gone: its folder was removed, and not by `reset`."""
    alive = {link.name.removeprefix("cumulo-") for link in RUN.glob("cumulo-????") if link.exists()}
    if state.exists:
        alive.add(state.instance)
    for folder, what, command in (
        (DEVICES, "network device", "ip link delete"),
        (NAMESPACES, "network namespace", "ip netns delete"),
    ):
        names = sorted(path.name for path in folder.glob("cu*") if _digits(path.name) not in {None, *alive})
        if names:
            some = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")  # noqa: PLR2004
            mend = f"for name in {' '.join(names)}; do {command} $name; done"
            text = f"{what}s of a cloud that is gone (or in a container that shares this network): {some}"
            yield note("network", text, mend)


def forwarding(state: StateFolder) -> Iterator[Finding]:
    """Ask whether the machine passes on what guests send to the outside."""
    if not state.exists or not runtime_settings(state).engines.start or not FORWARD.exists():
        return
    if FORWARD.read_text(encoding="ascii").strip() == "0":
        network = runtime_settings(state).engines.external_cidr or str(recorded(state) or "")
        mend = "sysctl -w net.ipv4.ip_forward=1, and translate their addresses: "
        mend += f"iptables -t nat -A POSTROUTING -s {network} ! -d {network} -j MASQUERADE"
        yield note("network", "this machine does not forward: guests reach it, and nothing beyond", mend)


def _digits(name: str) -> str | None:
    found = _OURS.match(name)
    return found[1] if found else None


def _cloud_state(cloud: StateFolder) -> str:
    return "stopped" if supervisor_of(cloud) is None else "running"
