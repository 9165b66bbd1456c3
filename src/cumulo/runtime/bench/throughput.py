"""How much two guests send each other through the cloud's switch, beside pairs on bridges made by hand.

Guests are namespaces with a veth pair each, all on the same `ovs-vswitchd`. They are of two kinds: at ports
without port security, beside a bridge that forwards as switches do (`NORMAL`); and at ports in their
project's default security group, beside a bridge whose flows track connections as such a group needs it, in
a zone of each port's own. The pair that is plugged in first was up to 12 % slower with the very same flows,
whosever it was: so each kind has two pairs of ours, plugged in before and after two by hand.
The pairs take turns in all orders, and the better half of each one's turns counts: what else the machine does
slows any turn, and makes none faster.
"""

import os
import shutil
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec

from cumulo.runtime.bench.meter import Figure, come
from cumulo.runtime.state import StateFolder
from cumulo.testing.spaces import Namespace, Spaces

BITS = 16  # of the prefix of all addresses
ROUNDS = 16  # turns of each pair: many short ones find the moments in which nothing else runs
BEST = 8  # of them, that count
SECONDS = 1  # of sending, a turn, after those in which a connection gets its flows
WARM = 1
SHARE = 0.97  # of what passes by hand, at least
PATIENCE = 60.0  # seconds for OVN to wire ports, and for a busy server
GBIT = 1e9
_NOTED = (("+new", "ct(commit,zone={}),"), ("+est", ""))
FILTERED = (
    "table=0,arp,actions=NORMAL",
    *(f"table=0,ip,in_port={n},actions=ct(table=1,zone={n})" for n in (1, 2)),
    *(
        f"table={table},ip,in_port={n},ct_state={state}+trk,actions={note.format(zone)}{onward}"
        for n in (1, 2)
        for table, zone, onward in ((1, n, f"ct(table=2,zone={3 - n})"), (2, 3 - n, f"output:{3 - n}"))
        for state, note in _NOTED
    ),
)
"""A bridge of two ports: what is new is noted, in the sender's zone and then in the receiver's."""


class Pair(NamedTuple):
    """A namespace that sends, to an address at which another one takes in."""

    sender: Namespace
    address: str


class Place(NamedTuple):
    """Which pair it is."""

    kind: str
    number: int


class Throughput:
    """The pairs; all they are made of goes with `close`."""

    def __init__(self, state: StateFolder) -> None:
        if shutil.which("iperf3") is None:
            raise FileNotFoundError("this machine has no iperf3 (Debian's package of that name)")
        self._state = state
        self._spaces = Spaces(state)

    def close(self) -> None:
        """Remove the namespaces, their ports and the bridges."""
        self._spaces.__exit__(None, None, None)

    def figures(self, plain: Sequence[Any], filtered: Sequence[Any]) -> Iterator[Figure]:
        """Measure between four ports of each kind, given as the API shows them; yield the shares lost."""
        pairs = {**self._among("plain", plain), **self._among("filtered", filtered, FILTERED)}
        for pair in pairs.values():
            come(partial(_reached, pair), pair.address, seconds=PATIENCE, pause=0.2)
        speeds = _of_kinds(_in_turns(pairs))
        for kind in ("plain", "filtered"):
            yield _beside(f"guest to guest, {kind}", speeds[kind], speeds[f"{kind} by hand"], promised=True)
        yield _beside("what filtering takes", speeds["filtered"], speeds["plain by hand"], promised=False)

    def _among(self, kind: str, ports: Sequence[Any], flows: Sequence[str] = ()) -> dict[Place, Pair]:
        """Plug in the pairs of a kind: ours, two by hand, ours."""
        return {
            Place(kind, 1): self._ours(ports[:2]),
            Place(f"{kind} by hand", 1): self._by_hand(kind[0], 1, flows),
            Place(f"{kind} by hand", 2): self._by_hand(kind[0], 2, flows),
            Place(kind, 2): self._ours(ports[2:]),
        }

    def _ours(self, ports: Sequence[Any]) -> Pair:
        bridge = self._state.integration_bridge
        addresses = [port["fixed_ips"][0]["ip_address"] for port in ports]
        spaces = [
            self._spaces.plug(bridge, port["mac_address"], f"{address}/{BITS}", port_id=port["id"])
            for port, address in zip(ports, addresses, strict=True)
        ]
        return self._serving(spaces, addresses[1])

    def _by_hand(self, mark: str, number: int, flows: Sequence[str]) -> Pair:
        bridge = self._spaces.bridge(f"b{mark}{number}{os.getpid()}", flows)
        subnet = f"10.65.{number}"  # two that shared addresses would share connections in their zones
        spaces = [self._spaces.plug(bridge, f"02:00:00:00:65:0{n}", f"{subnet}.{n}/{BITS}") for n in (1, 2)]
        return self._serving(spaces, f"{subnet}.2")

    def _serving(self, spaces: Sequence[Namespace], address: str) -> Pair:
        """Have the second of two take in what clients send, until the end."""
        sender, receiver = spaces
        receiver.start("iperf3", "--server", "--logfile", "/dev/null")
        return Pair(sender, address)


def _of_kinds(speeds: Mapping[Place, float]) -> dict[str, float]:
    """Return what the pairs of each kind send on average."""
    kinds = {place.kind for place in speeds}
    return {
        kind: statistics.mean(speed for place, speed in speeds.items() if place.kind == kind)
        for kind in kinds
    }


def _in_turns(pairs: Mapping[Place, Pair]) -> dict[Place, float]:
    """Return what each pair sends in a second, by the mean of its best turns."""
    turns: dict[Place, list[float]] = {name: [] for name in pairs}
    names = list(pairs)
    for round_ in range(ROUNDS):
        for place in range(len(names)):
            # Each is first, and after each other one, as often as the others; every second round turns back.
            name = names[(round_ // 2 + (-place if round_ % 2 else place)) % len(names)]
            turns[name].append(_sent(pairs[name]))
    return {name: statistics.mean(sorted(each)[-BEST:]) for name, each in turns.items()}


def _beside(name: str, ours: float, by_hand: float, *, promised: bool) -> Figure:
    return Figure(
        name=f"{name}: {ours / GBIT:.2f} of {by_hand / GBIT:.2f} Gbit/s",
        count=ROUNDS,
        value=(1 - ours / by_hand) * 100,
        unit="% less",
        reach=(1 - SHARE) * 100 if promised else None,
    )


def _reached(pair: Pair) -> bool:
    words = ("iperf3", "--client", pair.address, "--bytes", "1K", "--connect-timeout", "1000")
    return subprocess.run(pair.sender.command(*words), capture_output=True, check=False).returncode == 0


def _sent(pair: Pair) -> float:
    """Send by one TCP connection for a while; return how many bits a second came in. RuntimeError.

    A server that is still busy with the turn before says so, and is asked again.
    """
    words = ("--client", pair.address, "--omit", str(WARM), "--time", str(SECONDS), "--json")
    line = pair.sender.command("iperf3", *words)

    def told() -> Any:
        answer = msgspec.json.decode(subprocess.run(line, capture_output=True, check=False).stdout)
        return answer["end"].get("sum_received")

    got = come(told, f"an answer of iperf3 at {pair.address}", seconds=PATIENCE, pause=0.2)
    return float(got["bits_per_second"])
