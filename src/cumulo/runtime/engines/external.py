"""The external network's addresses on this machine: the first 172.24.x.0/24 that nothing here uses."""

import ipaddress
import json

from cumulo.runtime.calling import Hindrance
from cumulo.runtime.engines.engine import run
from cumulo.runtime.state import StateFolder, others, write_private

_FIRST, _LAST = 4, 254
Network = ipaddress.IPv4Network


class NoFreeNetwork(Hindrance):
    """Every 172.24.x.0/24 is in use on this machine: set [engines] external_cidr."""


async def external_network(state: StateFolder, wanted: str = "") -> Network:
    """Return the cloud's external network: as set, else as chosen before, else the next free one, kept."""
    if wanted:
        return Network(wanted)
    kept = recorded(state)
    if kept is None:
        kept = free_network(await networks_in_use(state))
        write_private(state.path / "external-network", f"{kept}\n")
    return kept


def recorded(state: StateFolder) -> Network | None:
    """Return the network chosen at the first start."""
    file = state.path / "external-network"
    return Network(file.read_text(encoding="ascii").strip()) if file.exists() else None


def free_network(used: list[Network]) -> Network:
    """Return the first candidate that overlaps none of `used`."""
    for third in range(_FIRST, _LAST + 1):
        candidate = Network(f"172.24.{third}.0/24")
        if not any(candidate.overlaps(network) for network in used):
            return candidate
    raise NoFreeNetwork(NoFreeNetwork.__doc__)


def host_address(network: Network) -> str:
    """Return the machine's own address there, the first one, with the prefix length."""
    return f"{network[1]}/{network.prefixlen}"


async def networks_in_use(state: StateFolder) -> list[Network]:
    """Return what this machine has routes to (default routes apart), and other clouds' networks."""
    used = [network for network in map(recorded, others(state)) if network]
    for route in json.loads(await run("ip", "-json", "-4", "route", "show", "table", "all")):
        destination = route.get("dst", "default")
        if destination != "default":
            used.append(Network(destination, strict=False))
    return used
