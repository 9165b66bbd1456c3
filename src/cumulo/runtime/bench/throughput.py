"""How much two guests send each other through the cloud's switch, beside two on a bridge made by hand.

Guests are namespaces with a veth pair each, on the same `ovs-vswitchd`: two at ports of a network, in their
project's default security group, and two at a bridge with the one flow that such a bridge has (`NORMAL`). The
two pairs take turns, each first as often as the other, and their best turns are compared: what else the
machine does slows any turn, and makes none faster.
"""

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from cumulo.runtime.bench.meter import Figure
from cumulo.runtime.engines.openvswitch import datapath_type
from cumulo.runtime.state import StateFolder

CARD = "eth0"
MTU = "1442"
BY_HAND = ("10.65.0.1", "10.65.0.2")
ROUNDS = 10  # turns of each pair
BEST = 3  # of them, that count
SECONDS = 2  # of sending, a turn, after those in which a connection gets its flows
WARM = 1
SHARE = 0.97  # of what passes by hand, at least
PATIENCE = 60.0  # seconds for OVN to wire two ports
GBIT = 1e9


class Throughput:
    """The two pairs; all they are made of goes with `close`."""

    def __init__(self, state: StateFolder) -> None:
        if shutil.which("iperf3") is None:
            raise FileNotFoundError("this machine has no iperf3 (Debian's package of that name)")
        self._state = state
        self._stack = ExitStack()
        self._made = 0

    def close(self) -> None:
        """Remove the namespaces, their ports and the bridge."""
        self._stack.close()

    def figure(self, ports: Sequence[dict[str, Any]]) -> Figure:
        """Measure between two ports, given as the API shows them, and by hand; return the share lost."""
        bridge = f"bench{os.getpid()}"
        kind = datapath_type(self._state)
        self._vsctl("add-br", bridge, "--", "set", "bridge", bridge, f"datapath_type={kind}")
        self._stack.callback(self._vsctl, "--if-exists", "del-br", bridge)
        ours = [self._guest(port) for port in ports]
        by_hand = [self._space(bridge, f"02:00:00:00:65:0{n}", BY_HAND[n - 1]) for n in (1, 2)]
        pairs = ((ours[0], ports[1]["fixed_ips"][0]["ip_address"]), (by_hand[0], BY_HAND[1]))
        for server in (ours[1], by_hand[1]):
            self._serve(server)
        for client, address in pairs:
            self._until_reached(client, address)
        turns: tuple[list[float], list[float]] = ([], [])
        for turn in range(2 * ROUNDS):
            which = (turn + turn // 2) % 2  # ours, by hand, by hand, ours
            turns[which].append(_sent(*pairs[which]))
        here, beside = (statistics.mean(sorted(each)[-BEST:]) for each in turns)
        return Figure(
            name=f"guest to guest: {here / GBIT:.2f} of {beside / GBIT:.2f} Gbit/s",
            count=ROUNDS,
            value=(1 - here / beside) * 100,
            unit="% less",
            reach=(1 - SHARE) * 100,
        )

    def _guest(self, port: dict[str, Any]) -> str:
        address = port["fixed_ips"][0]["ip_address"]
        identity = f"external_ids:iface-id={port['id']}"
        return self._space(self._state.integration_bridge, port["mac_address"], address, identity)

    def _space(self, bridge: str, mac: str, address: str, identity: str | None = None) -> str:
        """Make a namespace with a card on a bridge; return its name."""
        self._made += 1
        name, outer = f"cumulo-b{os.getpid()}-{self._made}", f"b{os.getpid()}-{self._made}"
        run("ip", "netns", "add", name)
        self._stack.callback(run, "ip", "netns", "del", name)
        run("ip", "link", "add", outer, "type", "veth", "peer", "name", CARD, "netns", name)
        # Frames whose checksum is left to a card that is not there would be dropped by the switch.
        run("ip", "netns", "exec", name, "ethtool", "-K", CARD, "tx", "off")
        run("ip", "-n", name, "link", "set", CARD, "address", mac, "mtu", MTU, "up")
        run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", name, "address", "add", f"{address}/16", "dev", CARD)
        Path(f"/proc/sys/net/ipv6/conf/{outer}/disable_ipv6").write_text("1")
        run("ip", "link", "set", outer, "up")
        told = ("--", "set", "interface", outer, identity) if identity else ()
        self._vsctl("add-port", bridge, outer, *told)
        self._stack.callback(self._vsctl, "--if-exists", "del-port", bridge, outer)
        return name

    def _serve(self, space: str) -> None:
        """Take in what clients send, until the end."""
        server = subprocess.Popen(
            _inside(space, "iperf3", "--server"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        self._stack.callback(server.wait)
        self._stack.callback(server.kill)

    def _until_reached(self, space: str, address: str) -> None:
        give_up = time.monotonic() + PATIENCE
        line = _inside(space, "iperf3", "--client", address, "--bytes", "1K", "--connect-timeout", "1000")
        while subprocess.run(line, capture_output=True, check=False).returncode:
            if time.monotonic() > give_up:
                raise RuntimeError(f"{address} is not reached")
            time.sleep(0.2)  # a command polls; no event loop is here

    def _vsctl(self, *words: str) -> None:
        run("ovs-vsctl", "--timeout=20", f"--db=unix:{self._state.socket('vswitch')}", *words)


def run(*words: str) -> bytes:
    """Run a command; return what it printed. Raises CalledProcessError."""
    return subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout


def _inside(space: str, *words: str) -> list[str]:
    return ["ip", "netns", "exec", space, *words]


def _sent(space: str, address: str) -> float:
    """Send by one TCP connection for a while; return how many bits a second came in. RuntimeError.

    A server that is still busy with the turn before says so, and is asked again.
    """
    words = ("--client", address, "--omit", str(WARM), "--time", str(SECONDS), "--json")
    give_up = time.monotonic() + PATIENCE
    while True:
        line = _inside(space, "iperf3", *words)
        told = msgspec.json.decode(subprocess.run(line, capture_output=True, check=False).stdout)
        if "sum_received" in told["end"]:
            return float(told["end"]["sum_received"]["bits_per_second"])
        if time.monotonic() > give_up:
            raise RuntimeError(f"iperf3 in {space}: {told.get('error')}")
        time.sleep(0.2)  # a command polls; no event loop is here
