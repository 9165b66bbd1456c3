"""What is measured: everyday calls, on a cloud whose fake hypervisor takes any number of servers."""

import copy
import threading
import time
from collections.abc import Iterator
from functools import partial

from cumulo.runtime.bench.client import Client
from cumulo.runtime.bench.meter import Figure, cpu_seconds, measure

SERVERS = 1000
BATCH = 50
PATIENCE = 120.0  # seconds for servers to become ACTIVE
LOOK = 0.01  # seconds between two looks at servers in the making
SETTINGS = """
[engines]
start = false
[node]
hypervisor = "fake"
[compute]
cpu_allocation_ratio = 1000.0
memory_allocation_ratio = 100.0
disk_allocation_ratio = 1000.0
[quota.limits.compute]
instances = -1
cores = -1
ram = -1
[quota.limits.network]
port = -1
[log]
level = "WARNING"
"""
COMPUTE = "/compute/v2.1"


class Workload:
    """The calls, as one administrator, against the server process `pid`."""

    def __init__(self, client: Client, pid: int) -> None:
        self.client = client
        self.pid = pid
        self.made = 0
        client.issue()
        flavor = {"flavor": {"name": "bench", "ram": 128, "vcpus": 1, "disk": 1, "id": "bench"}}
        client.call("POST", f"{COMPUTE}/flavors", flavor)
        self.image = client.json(
            "POST", "/image/v2/images", {"name": "bench", "disk_format": "raw", "container_format": "bare"}
        )["id"]
        data = {"Content-Type": "application/octet-stream"}
        client.call("PUT", f"/image/v2/images/{self.image}/file", bytes(1 << 20), data)
        network = {"network": {"name": "bench"}}
        self.network = client.json("POST", "/network/v2.0/networks", network)["network"]["id"]
        subnet = {"network_id": self.network, "ip_version": 4, "cidr": "10.64.0.0/16"}
        client.call("POST", "/network/v2.0/subnets", {"subnet": subnet})

    def figures(self) -> Iterator[Figure]:
        """Measure all, one line of the table after another."""
        yield self.tokens()
        yield self.ports()
        yield self.one_server()
        yield self.many_servers()
        yield self.all_at_once()
        yield from self.lists()

    def tokens(self) -> Figure:
        """Log in with a password."""
        return measure("token issue (password)", self.pid, self.client.issue, 20)

    def ports(self) -> Figure:
        """Create a port."""
        body = {"port": {"network_id": self.network}}

        def create() -> None:
            self.client.call("POST", "/network/v2.0/ports", body)

        return measure("port create", self.pid, create, 100)

    def create_server(self, count: int = 1) -> str:
        """Ask for servers; return the id of the first."""
        self.made += count
        body = {
            "server": {
                "name": f"bench-{self.made}",
                "flavorRef": "bench",
                "imageRef": self.image,
                "networks": [{"uuid": self.network}],
                "min_count": count,
                "max_count": count,
            }
        }
        return str(self.client.json("POST", f"{COMPUTE}/servers", body)["server"]["id"])

    def wait(self, server: str) -> None:
        """Wait until a server is ACTIVE. Raises RuntimeError when it will never be."""
        give_up = time.monotonic() + PATIENCE
        while (status := self._status(server)) != "ACTIVE":
            if status == "ERROR" or time.monotonic() > give_up:
                raise RuntimeError(f"server {server} is {status}")
            time.sleep(0.001)

    def _status(self, server: str) -> str:
        return str(self.client.json("GET", f"{COMPUTE}/servers/{server}")["server"]["status"])

    def one_server(self) -> Figure:
        """Create a server and wait until it is ACTIVE."""
        return measure(
            "server create to ACTIVE, one",
            self.pid,
            lambda: self.wait(self.create_server()),
            20,
            reach_wall_ms=30,
        )

    def many_servers(self) -> Figure:
        """Create servers side by side, each by a request of its own, until a look finds all ACTIVE.

        One looks for all: fifty who did would keep the server busier than fifty servers that are made.
        """
        clients, made = [self._twin() for _ in range(BATCH)], list[str]()
        spent, began = cpu_seconds(self.pid), time.perf_counter()
        threads = [
            threading.Thread(target=lambda each=each: made.append(each.create_server())) for each in clients
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._settled(BATCH, LOOK)
        total = time.perf_counter() - began
        if len(made) != BATCH:
            raise RuntimeError(f"only {len(made)} of {BATCH} servers were made")
        return Figure(
            name=f"server create to ACTIVE, {BATCH} at once",
            count=BATCH,
            cpu_ms=(cpu_seconds(self.pid) - spent) / BATCH * 1000,
            rate=BATCH / total,
            value=total,
            unit="s",
            reach=0.6,
        )

    def _settled(self, wanted: int, pause: float) -> None:
        """Look each `pause` seconds until no server is in the making. RuntimeError when one failed."""
        give_up = time.monotonic() + PATIENCE
        left = wanted
        while left:
            time.sleep(pause)  # a command polls; no event loop is here
            url = f"{COMPUTE}/servers?limit={2 * SERVERS}&status="
            left = len(self.client.json("GET", f"{url}BUILD")["servers"])
            failed = self.client.json("GET", f"{url}ERROR")["servers"]
            if failed or time.monotonic() > give_up:
                raise RuntimeError(f"{len(failed)} of {wanted} servers failed, {left} are not there")

    def _twin(self) -> "Workload":
        """Return this workload on a connection of its own."""
        twin = copy.copy(self)
        twin.client = self.client.twin()
        return twin

    def all_at_once(self) -> Figure:
        """Create as many servers as a page of the list holds by one request; none may fail."""
        began = time.perf_counter()
        self.create_server(SERVERS)
        self._settled(SERVERS, 1)
        seconds = time.perf_counter() - began
        name = f"server create to ACTIVE, {SERVERS:,} at once"
        return Figure(name=name, count=SERVERS, rate=SERVERS / seconds, value=seconds, unit="s")

    def lists(self) -> Iterator[Figure]:
        """List the servers, briefly and in detail."""
        for name, path, reach in (("list", "servers", None), ("detail", "servers/detail", 15.0)):
            url = f"{COMPUTE}/{path}?limit={SERVERS}"
            yield measure(
                f"server {name}, {SERVERS}",
                self.pid,
                partial(self.client.call, "GET", url),
                20,
                reach_cpu_ms=reach,
            )
