"""What ports and security groups cost, and how soon OVN has them: on a cloud with all its engines."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from cumulo.runtime.bench.client import Client
from cumulo.runtime.bench.meter import Figure, come, cpu_seconds, measure
from cumulo.runtime.bench.throughput import Throughput
from cumulo.runtime.state import StateFolder

SETTINGS = """
[quota.limits.network]
port = -1
security_group_rule = -1
"""
NETWORK = "/network/v2.0"
PORTS = 1000
BULK = 100  # ports of one request
RULES = 1000
TOGETHER = 500  # rules of one request: it may have 112 KiB
SINGLY = 200
PATIENCE = 60.0  # seconds
LOOK = 0.0005  # seconds between two looks at OVN
REST = 0.01  # seconds of processor time in half a second: what a server that nobody asks uses


class Northbound:
    """OVN's northbound database, asked as simply as can be (RFC 7047, one question at a time)."""

    def __init__(self, state: StateFolder) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(state.socket("nb")))
        self._decoder = json.JSONDecoder()
        self._text = ""

    def count(self, table: str, *where: Any) -> int:
        """Return how many rows of a table fulfil the conditions."""
        select = {"op": "select", "table": table, "where": list(where), "columns": ["_uuid"]}
        question = {"method": "transact", "params": ["OVN_Northbound", select], "id": 1}
        self._socket.sendall(json.dumps(question).encode())
        while True:
            try:
                answer, end = self._decoder.raw_decode(self._text)
            except ValueError:
                self._text += self._socket.recv(1 << 16).decode()
                continue
            self._text = self._text[end:]
            if answer.get("id") == 1:
                return len(answer["result"][0]["rows"])

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


class Networking:
    """The calls, as one administrator, against the server process `pid`."""

    def __init__(self, state: StateFolder, client: Client, pid: int) -> None:
        self.state = state
        self.client = client
        self.pid = pid
        self.north = Northbound(state)
        client.issue()
        self.network = self._network("10.64.0.0/16")

    def figures(self) -> Iterator[Figure]:
        """Measure all, one line of the table after another."""
        try:
            yield measure("port create, singly", self.pid, self._port, SINGLY, reach_wall_ms=1000 / 150)
            yield self.row()
            yield self.bulk()
            self._settled("Logical_Switch_Port")
            come(self._rests, "rest after the ports were realised", seconds=PATIENCE, pause=LOOK)
            url = f"{NETWORK}/ports?limit={PORTS}"
            yield measure(
                f"port list, {PORTS}", self.pid, lambda: self.client.call("GET", url), 20, reach_cpu_ms=12
            )
            yield self.rules()
            yield from self.throughput()
        finally:
            self.north.close()

    def row(self) -> Figure:
        """Create ports, and look for each one's row as soon as it is answered."""
        times = []
        for _ in range(20):
            port = self._port()
            began = time.perf_counter()
            self._until(partial(self.north.count, "Logical_Switch_Port", ["name", "==", port]))
            times.append(time.perf_counter() - began)
        times.sort()
        took = times[len(times) // 2] * 1000
        return Figure(name="port create to its OVN row", count=20, value=took, unit="ms", reach=20)

    def bulk(self) -> Figure:
        """Create ports by the hundred."""
        body = {"ports": [{"network_id": self.network} for _ in range(BULK)]}
        spent, began = cpu_seconds(self.pid), time.perf_counter()
        for _ in range(PORTS // BULK):
            self._make("ports", body)
        seconds = time.perf_counter() - began
        return Figure(
            name=f"port create, {PORTS} in bulk",
            count=PORTS,
            cpu_ms=(cpu_seconds(self.pid) - spent) / PORTS * 1000,
            rate=PORTS / seconds,
            value=seconds,
            unit="s",
            reach=PORTS / 300,
        )

    def rules(self) -> Figure:
        """Give a security group that a port has very many rules in few requests, until OVN has all."""
        group = self._make("security-groups", {"security_group": {"name": "bench"}})["security_group"]["id"]
        self._make("ports", {"port": {"network_id": self.network, "security_groups": [group]}})
        rules = [
            {"security_group_id": group, "direction": "ingress", "protocol": "tcp", **_range(number)}
            for number in range(RULES)
        ]
        before = self._settled("ACL")
        began = time.perf_counter()
        for start in range(0, RULES, TOGETHER):
            self._make("security-group-rules", {"security_group_rules": rules[start : start + TOGETHER]})
        answered = time.perf_counter() - began
        self._until(lambda: self.north.count("ACL") >= before + RULES)
        seconds = time.perf_counter() - began
        name = f"security group, {RULES} rules in OVN"
        return Figure(name=name, wall_ms=answered * 1000, value=seconds, unit="s", reach=1.0)

    def throughput(self) -> Iterator[Figure]:
        """Measure what two guests send each other: on a network that filters nothing, and filtered."""
        plain = self._network("10.66.0.0/16", port_security_enabled=False)
        kinds = [
            [self._make("ports", {"port": {"network_id": network}})["port"] for _ in range(4)]
            for network in (plain, self.network)
        ]
        between = Throughput(self.state)
        try:
            yield from between.figures(*kinds)
        finally:
            between.close()

    def _network(self, cidr: str, **values: Any) -> str:
        """Make a network with one subnet; return its id."""
        made = self._make("networks", {"network": {"name": "bench", **values}})["network"]
        self._make("subnets", {"subnet": {"network_id": made["id"], "ip_version": 4, "cidr": cidr}})
        return str(made["id"])

    def _port(self) -> str:
        made = self._make("ports", {"port": {"network_id": self.network}})
        return str(made["port"]["id"])

    def _make(self, collection: str, body: Any) -> Any:
        return self.client.json("POST", f"{NETWORK}/{collection}", body)

    def _settled(self, table: str) -> int:
        """Return how many rows a table has, once that is the same for a while."""
        counts = [-1]
        while len(counts) < 5 or len(set(counts[-5:])) > 1:  # noqa: PLR2004  looks
            counts.append(self.north.count(table))
            time.sleep(0.1)
        return counts[-1]

    def _rests(self) -> bool:
        """Say, half a second later, whether the server has had next to nothing to do since."""
        before = cpu_seconds(self.pid)
        time.sleep(0.5)  # the span that is measured
        return cpu_seconds(self.pid) - before < REST

    def _until(self, condition: Callable[[], Any]) -> None:
        come(condition, "what OVN was to have", seconds=PATIENCE, pause=LOOK)


def _range(number: int) -> dict[str, int]:
    return {"port_range_min": 1000 + number, "port_range_max": 1000 + number}
