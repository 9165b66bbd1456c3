"""Whether memory creeps up: servers and ports that come and go, and very many requests, all on fakes."""

import itertools
import time
from collections.abc import Callable, Iterator

from cumulo.runtime.bench.meter import Figure, memory_mb
from cumulo.runtime.bench.workload import COMPUTE, PATIENCE, Workload

ROUNDS = 10
TENTH = 100_000  # requests, with a tenth of the 10,000 servers and 20,000 ports that a million come with
_SERVERS, _PORTS, _LOGIN = 100, 50, 500  # requests for each server, port and token
_TOGETHER = 50
_READ = (
    f"{COMPUTE}/servers?limit=20",
    f"{COMPUTE}/servers/detail?limit=5",
    f"{COMPUTE}/flavors/detail",
    "/network/v2.0/ports?limit=20",
    "/network/v2.0/networks",
    "/network/v2.0/security-groups",
    "/image/v2/images",
    "/identity/v3/auth/catalog",
    "/identity/v3/projects",
    "/volume/v3/types",
)


class Memory:
    """Rounds of the same work: what the server process uses after the first is the measure."""

    def __init__(self, workload: Workload, requests: int = TENTH) -> None:
        self.workload = workload
        self.client = workload.client
        self.requests = requests
        self.sent = 0
        self._reads = itertools.cycle(_READ)

    def figures(self) -> Iterator[Figure]:
        """Do the work; tell what memory was used after the first round and after the last."""
        used = []
        for _ in range(ROUNDS):
            self._round(self.requests // ROUNDS)
            used.append(memory_mb(self.workload.pid))
        first, last = used[0], used[-1]
        yield Figure(name=f"memory after {self.sent // ROUNDS} requests", value=first, unit="MB")
        yield Figure(name=f"memory after {self.sent} requests", value=last, unit="MB")
        yield Figure(name="memory that crept up", value=(last / first - 1) * 100, unit="%", reach=20)

    def _round(self, count: int) -> None:
        """Make servers and ports, ask for everything again and again, and remove what was made."""
        ends = self.sent + count
        servers = [self._call(self._server) for _ in range(count // _SERVERS // _TOGETHER)]
        ports = [self._call(self._port) for _ in range(count // _PORTS)]
        for server in servers:
            self.workload.wait(server)
        removing = len(ports) + len(servers) * (_TOGETHER + 1)
        while self.sent < ends - removing:
            if self.sent % _LOGIN == 0:
                self.client.issue()
            self._send("GET", next(self._reads))
        for port in ports:
            self._send("DELETE", f"/network/v2.0/ports/{port}")
        if servers:
            self._remove_servers()

    def _call(self, make: Callable[[], str]) -> str:
        self.sent += 1
        return make()

    def _server(self) -> str:
        return self.workload.create_server(_TOGETHER)

    def _port(self) -> str:
        body = {"port": {"network_id": self.workload.network}}
        return str(self.client.json("POST", "/network/v2.0/ports", body)["port"]["id"])

    def _remove_servers(self) -> None:
        """Delete every server, and wait until none is left. RuntimeError when one stays."""
        asked: set[str] = set()
        give_up = time.monotonic() + PATIENCE * ROUNDS
        while left := self.client.json("GET", f"{COMPUTE}/servers?limit=1000")["servers"]:
            for server in (each["id"] for each in left if each["id"] not in asked):
                self._send("DELETE", f"{COMPUTE}/servers/{server}")
                asked.add(server)
            if time.monotonic() > give_up:
                raise RuntimeError(f"{len(left)} servers cannot be deleted")

    def _send(self, method: str, path: str) -> None:
        self.sent += 1
        self.client.call(method, path)
