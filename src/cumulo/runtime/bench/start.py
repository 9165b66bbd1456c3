"""How long a real guest takes from its request to running, beside the same domain started by hand.

Each round creates a server of the built-in image on a network, waits until it is ACTIVE, stops it, has
libvirt create the very same domain (its own definition, disks and taps), and deletes the server. What the
service, the scheduler, OVN, the disk and the journal cost is the difference.
"""

import statistics
import time
from collections.abc import Iterator
from typing import Any

import libvirt

from cumulo.runtime.bench.client import Client
from cumulo.runtime.bench.meter import Figure, come
from cumulo.runtime.bench.workload import COMPUTE, LOOK, PATIENCE, Workload
from cumulo.runtime.engines.libvirt import uri
from cumulo.runtime.guests import connected
from cumulo.runtime.state import StateFolder

ROUNDS = 5  # after one that has the host's copy of the image made
REACH = 300.0  # ms more than by hand
WAIT = {"seconds": PATIENCE, "pause": LOOK}


class GuestStart(Workload):
    """An administrator's servers, one at a time, on a cloud with all its engines."""

    def __init__(self, state: StateFolder, client: Client, pid: int) -> None:
        super().__init__(client, pid)
        self.state = state
        self.image = self._mini()

    def figures(self) -> Iterator[Figure]:
        """Start guests both ways, and compare."""
        rounds = [self._round() for _ in range(ROUNDS + 1)][1:]
        created, by_hand = (statistics.median(times) * 1000 for times in zip(*rounds, strict=True))
        yield Figure(name="guest: started by hand", count=ROUNDS, value=by_hand, unit="ms")
        yield Figure(
            name="guest: create to running",
            count=ROUNDS,
            wall_ms=created,
            value=created - by_hand,
            unit="ms more",
            reach=REACH,
        )

    def _round(self) -> tuple[float, float]:
        """Return how many seconds a guest takes both ways."""
        began = time.perf_counter()
        server = self.create_server()
        self.wait(server)
        created = time.perf_counter() - began
        self.client.call("POST", f"{COMPUTE}/servers/{server}/action", {"os-stop": None})
        self._until(server, "SHUTOFF")
        by_hand = self._by_hand(server)
        self.client.call("DELETE", f"{COMPUTE}/servers/{server}")
        self._until(server, "")
        return created, by_hand

    def _by_hand(self, server: str) -> float:
        with connected(uri(self.state)) as connection:
            definition = connection.lookupByUUIDString(server).XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE)
            began = time.perf_counter()
            domain = connection.createXML(definition)
            took = time.perf_counter() - began
            domain.destroy()
        return took

    def _mini(self) -> str:
        path = "/image/v2/images?name=mini&status=active"
        found: list[Any] = come(lambda: self.client.json("GET", path)["images"], "the image", **WAIT)
        return str(found[0]["id"])

    def _until(self, server: str, status: str) -> None:
        """Wait until a server has a status; "": until it is gone."""

        def has_it() -> bool:
            found = self.client.json("GET", f"{COMPUTE}/servers/detail")["servers"]
            return bool({one["id"]: one["status"] for one in found}.get(server, "") == status)

        come(has_it, f"server {server} {status or 'gone'}", **WAIT)
