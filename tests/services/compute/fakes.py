"""Fakes of what compute asks of the other services, and a cloud of compute alone on them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
from tests.services.compute.volumes import FakeVolumes

from cumulo.contracts.block_storage import Volumes
from cumulo.contracts.hypervisor import Hypervisor, LifecycleEvent
from cumulo.contracts.image import ImageRecord, Images, NewImage
from cumulo.contracts.network import (
    FixedIp,
    Group,
    MetadataNetwork,
    NetworkRequest,
    PortBinding,
    Ports,
    SecurityGroups,
    ServerAddress,
)
from cumulo.contracts.placement import Candidate, Inventory, Placement, Refusal
from cumulo.core import clock, ids
from cumulo.core.bus import Bus, LocalBus, verbs
from cumulo.core.db import Database, Reader, Transaction
from cumulo.core.drivers import Gone
from cumulo.core.errors import Conflict, Invalid, NotFound
from cumulo.core.tasks import ReconcileRun, StepRun
from cumulo.core.work import Work
from cumulo.node.hypervisor.fake import FakeHypervisor
from cumulo.services.compute import SERVICE
from cumulo.services.compute.domain.flavors import ensure_defaults
from cumulo.services.compute.model import ComputeHost, Server
from cumulo.services.compute.tasks import listen
from cumulo.services.compute.tasks.hosts import power_states
from cumulo.testing.cloud import Cloud

IMAGE = "11111111-1111-4111-8111-111111111111"
NETWORK = "22222222-2222-4222-8222-222222222222"
UNITS = {"VCPU": "vCPUs", "MEMORY_MB": "MiB of memory", "DISK_GB": "GiB of disk"}


class FakeImages:
    """One active image that all can see."""

    def __init__(self) -> None:
        self.images = {IMAGE: image(IMAGE)}
        self.data: dict[str, bytes] = {}

    async def create(self, work: Work, image: NewImage) -> str:
        """Record an image."""
        facts = {"name": image.name, "status": "active" if image.empty else "queued", "size": 0}
        made = image_of({**facts, "properties": image.properties, "path": None})
        work.after_commit(lambda: self.images.update({made.id: made}))
        return made.id

    async def fill(self, image_id: str, data: AsyncIterator[bytes]) -> None:
        """Take its data."""
        found = self.images.get(image_id)
        if found is None:
            raise Gone("the image was deleted")
        if found.status != "active":
            self.data[image_id] = b"".join([piece async for piece in data])
            self.images[image_id] = msgspec.structs.replace(found, status="active")

    async def discard(self, work: Work, image_id: str) -> None:
        """Forget it."""
        work.after_commit(lambda: self.images.pop(image_id, None))

    async def get(
        self, db: Reader, image_id: str, *, project_id: str | None, is_admin: bool = False
    ) -> ImageRecord:
        """Return an image."""
        if image_id not in self.images:
            raise NotFound(f"No image found with ID {image_id}")
        return self.images[image_id]


def image_of(facts: dict[str, Any]) -> ImageRecord:
    """Return an image with an id of its own."""
    return image(ids.dashed(), **facts)


def image(image_id: str, **changes: Any) -> ImageRecord:
    """Return an image of 1 MiB."""
    facts: dict[str, Any] = {
        "id": image_id,
        "name": "mini",
        "status": "active",
        "visibility": "public",
        "owner": "admin",
        "disk_format": "qcow2",
        "container_format": "bare",
        "size": 1 << 20,
        "virtual_size": 1 << 20,
        "min_disk": 0,
        "min_ram": 0,
        "checksum": None,
        "sha512": "ab",
        "properties": {},
        "path": "/images/mini",
    }
    return ImageRecord(**{**facts, **changes})


class FakePorts:
    """One network; ports in memory, by server."""

    def __init__(self) -> None:
        self.ports: dict[str, list[PortBinding]] = {}
        self.floating: dict[str, str] = {}  # server → floating address
        self.groups: dict[str, list[str]] = {}
        self.taken = 0

    async def check(
        self,
        db: Reader,
        requests: Sequence[NetworkRequest] | None,
        *,
        project_id: str,
        is_admin: bool,
        security_groups: Sequence[str] = (),
    ) -> tuple[list[NetworkRequest], list[str]]:
        """Take the one network for what is not said; refuse every other."""
        asked = [NetworkRequest(network_id=NETWORK)] if requests is None else list(requests)
        for request in asked:
            if request.network_id not in (None, NETWORK):
                raise Invalid(f"Network {request.network_id} could not be found.")
        return asked, list(security_groups)

    async def allocate(
        self,
        work: Work,
        server_id: str,
        requests: Sequence[NetworkRequest],
        *,
        project_id: str,
        host: str,
        hostname: str,
        security_group_ids: Sequence[str],
        zone: str,
    ) -> list[PortBinding]:
        """Make a port for each request, once."""
        if server_id not in self.ports:
            self.ports[server_id] = [self._port(request) for request in requests]
            self.groups[server_id] = list(security_group_ids) or ["default"]
        return self.ports[server_id]

    def _port(self, request: NetworkRequest) -> PortBinding:
        self.taken += 1
        address = FixedIp(
            subnet_id="s",
            address=request.fixed_ip or f"10.0.{self.taken // 250}.{self.taken % 250 + 2}",
            version=4,
            cidr="10.0.0.0/16",
            gateway="10.0.0.1",
        )
        return PortBinding(
            port_id=request.port_id or ids.dashed(),
            network_id=NETWORK,
            network_name="home",
            mac=f"fa:16:3e:00:{self.taken // 256:02x}:{self.taken % 256:02x}",
            mtu=1442,
            fixed_ips=(address,),
            created=request.port_id is None,
        )

    async def release(self, work: Work, server_id: str) -> None:
        """Forget a server's ports."""
        self.ports.pop(server_id, None)
        self.groups.pop(server_id, None)

    async def bindings(self, db: Reader, server_id: str) -> list[PortBinding]:
        """Return a server's ports."""
        return self.ports.get(server_id, [])

    async def addresses(self, db: Reader, server_ids: Sequence[str]) -> Mapping[str, list[ServerAddress]]:
        """Return fixed and floating addresses."""
        return {server_id: self._addresses(server_id) for server_id in server_ids}

    def _addresses(self, server_id: str) -> list[ServerAddress]:
        lines = []
        for port in self.ports.get(server_id, []):
            facts = {"network_name": port.network_name, "version": 4, "mac": port.mac}
            fixed = port.fixed_ips[0].address
            lines.append(ServerAddress(address=fixed, kind="fixed", port_id=port.port_id, **facts))
            if server_id in self.floating:
                outer = self.floating[server_id]
                lines.append(ServerAddress(address=outer, kind="floating", port_id=port.port_id, **facts))
        return lines

    async def security_groups(self, db: Reader, server_ids: Sequence[str]) -> Mapping[str, list[str]]:
        """Return group names."""
        return {server_id: self.groups.get(server_id, []) for server_id in server_ids}

    async def change_security_group(self, work: Work, server_id: str, group: str, *, present: bool) -> None:
        """Add or remove a group's name."""
        groups = self.groups.setdefault(server_id, [])
        if present:
            groups.append(group)
        elif group in groups:
            groups.remove(group)
        else:
            raise NotFound(f"Security group {group} not found.")

    async def groups_of_server(self, db: Reader, server_id: str) -> list[Group]:
        """Return a server's groups, without rules."""
        names = self.groups.get(server_id, [])
        return [Group(id=name, project_id="p1", name=name, description="") for name in names]

    async def active(self, db: Reader, port_ids: Sequence[str]) -> bool:
        """Say that all ports are wired."""
        return True

    async def server_at(self, db: Reader, network_id: str, address: str) -> str | None:
        """Find a server by a fixed address."""
        for server_id, ports in self.ports.items():
            if any(port.fixed_ips[0].address == address for port in ports):
                return server_id
        return None

    async def network_data(self, db: Reader, server_id: str) -> dict[str, Any]:
        """Return no links."""
        return {"links": [], "networks": [], "services": []}

    async def metadata_networks(self, db: Reader, host: str) -> list[MetadataNetwork]:
        """Return none."""
        return []


class FakePlacement:
    """Providers and claims in memory."""

    def __init__(self) -> None:
        self.providers: dict[str, tuple[str, dict[str, Inventory]]] = {}
        self.claims: dict[str, tuple[str, dict[str, int]]] = {}

    async def ensure_provider(
        self,
        work: Work,
        provider_id: str,
        name: str,
        inventories: Mapping[str, Inventory],
        traits: frozenset[str] = frozenset(),
    ) -> None:
        """Make the provider be so."""
        self.providers[provider_id] = (name, dict(inventories))

    async def remove_provider(self, work: Work, provider_id: str) -> None:
        """Forget a provider."""
        self.providers.pop(provider_id, None)

    async def candidates(
        self,
        db: Reader,
        resources: Mapping[str, int],
        required: frozenset[str] = frozenset(),
        forbidden: frozenset[str] = frozenset(),
    ) -> tuple[list[Candidate], list[Refusal]]:
        """Return providers with room, and why the others have none."""
        found, refused = [], []
        for provider_id, (name, inventories) in self.providers.items():
            capacity = {k: int(i.total * i.allocation_ratio) - i.reserved for k, i in inventories.items()}
            free = {k: n - self._used(provider_id, k) for k, n in capacity.items()}
            lacking = [k for k, n in resources.items() if free.get(k, 0) < n]
            if lacking:
                clauses = [f"{resources[k] - free[k]} {UNITS[k]}" for k in lacking]
                refused.append(Refusal(name=name, reason=f"lacks {' and '.join(clauses)}"))
            else:
                found.append(Candidate(provider_id=provider_id, name=name, free=free, capacity=capacity))
        return found, refused

    def _used(self, provider_id: str, resource: str) -> int:
        return sum(c.get(resource, 0) for p, c in self.claims.values() if p == provider_id)

    async def claim(
        self,
        work: Work,
        consumer_id: str,
        provider_id: str,
        resources: Mapping[str, int],
        *,
        project_id: str,
        user_id: str,
    ) -> None:
        """Allocate."""
        if provider_id not in self.providers:
            raise Conflict("no such provider")
        self.claims[consumer_id] = (provider_id, dict(resources))

    async def release(self, work: Work, consumer_id: str) -> None:
        """Give all back."""
        self.claims.pop(consumer_id, None)


class ComputeCloud(Cloud):
    """Compute on fakes of all that it asks, with hosts of fake guests."""

    def __init__(self, database: Database) -> None:
        self.images, self.ports, self.placement = FakeImages(), FakePorts(), FakePlacement()
        self.volumes = FakeVolumes()
        self.bus = LocalBus()
        self.hosts: dict[str, FakeHypervisor] = {}
        bindings: dict[type, Any] = {Images: self.images, Placement: self.placement, Bus: self.bus}
        bindings |= {Ports: self.ports, SecurityGroups: self.ports, Volumes: self.volumes}
        super().__init__([SERVICE], database, bindings)
        self.database = database
        listen(self.bus, self.tasks)

    async def add_host(self, name: str, **capacity: int) -> FakeHypervisor:
        """Start a host and wait until compute knows it."""
        host = FakeHypervisor(name, **capacity)
        host.subscribe(self._tell)
        self.hosts[name] = host
        await self.return_host(name)
        return host

    async def _tell(self, event: LifecycleEvent) -> None:
        await self.bus.publish("host.lifecycle", event)

    async def return_host(self, name: str) -> None:
        """Have a host answer and report, for the first time or again."""
        host = self.hosts[name]
        await self.bus.serve(name, verbs("hypervisor", Hypervisor, host))
        await self.bus.publish("host.report", await host.report())
        await self.bus.settle()

    async def reconcile(self) -> None:
        """Look at every host's guests."""
        await power_states(ReconcileRun(self.tasks, ids.request()))

    async def forget_heartbeat(self, name: str) -> None:
        """Let a host have been silent for an hour."""
        async with self.database.begin() as db:
            long_ago = clock.now().replace(year=2020)
            await db.update(ComputeHost, ComputeHost.c.host == name, seen_at=long_ago)

    async def server(self, server_id: str) -> Server:
        """Return a server's row."""
        async with self.database.read() as db:
            row = await db.get(Server, server_id)
        assert row is not None
        return row

    async def called(self, host: str, verb: str) -> None:
        """Wait until a host has been asked for something."""
        async with asyncio.timeout(10):
            while verb not in {said for said, _ in self.hosts[host].calls}:  # noqa: ASYNC110  no event tells
                await asyncio.sleep(0)

    def work(self, db: Transaction) -> StepRun:
        """Return a transaction with ways to ask and to promise, as another service would have."""
        return StepRun(db, self.tasks, ids.request())

    def nothing_left_of(self, server_id: str) -> bool:
        """Say whether no guest, port or claim of the server is left anywhere."""
        guests = any(server_id in host.guests_by_id for host in self.hosts.values())
        return not guests and server_id not in self.ports.ports and server_id not in self.placement.claims


@asynccontextmanager
async def compute_cloud(database: Database, hosts: Sequence[str] = ("h1",)) -> AsyncIterator[ComputeCloud]:
    """Start compute with the default flavors and these hosts."""
    async with database.begin() as db:
        await ensure_defaults(db)
    async with ComputeCloud(database) as cloud:
        for host in hosts:
            await cloud.add_host(host)
        yield cloud


BODY = {"name": "web", "imageRef": IMAGE, "flavorRef": "c1", "networks": "auto"}
NEWEST = {"X-OpenStack-Nova-API-Version": "2.104"}


async def create(client: httpx.AsyncClient, **changes: Any) -> str:
    """Ask for a server; return its id."""
    body = {"server": {**BODY, **changes}}
    response = await client.post("/compute/v2.1/servers", json=body, headers=NEWEST)
    assert response.status_code == 202, response.text
    server_id: str = response.json()["server"]["id"]
    return server_id


async def show(client: httpx.AsyncClient, server_id: str, version: str = "2.104") -> dict[str, Any]:
    """Return a server's document."""
    headers = {"X-OpenStack-Nova-API-Version": version}
    response = await client.get(f"/compute/v2.1/servers/{server_id}", headers=headers)
    assert response.status_code == 200, response.text
    document: dict[str, Any] = msgspec.json.decode(response.content)["server"]
    return document
