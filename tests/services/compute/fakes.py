"""Fakes of what compute asks of the other services, and a cloud of compute alone on them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import msgspec
from tests.services.compute.neighbours import FakePlacement, FakePorts
from tests.services.compute.volumes import FakeVolumes

from cumulo.contracts.block_storage import Volumes
from cumulo.contracts.hypervisor import Hypervisor, LifecycleEvent
from cumulo.contracts.image import ImageRecord, Images, NewImage
from cumulo.contracts.migration import LiveMigration
from cumulo.contracts.network import (
    Ports,
    SecurityGroups,
)
from cumulo.contracts.placement import Placement
from cumulo.core import clock, ids
from cumulo.core.auth.tokens import Keyring
from cumulo.core.bus import Bus, LocalBus, verbs
from cumulo.core.db import Database, Reader, Transaction
from cumulo.core.drivers import Gone
from cumulo.core.errors import NotFound
from cumulo.core.tasks import ReconcileRun, StepRun
from cumulo.core.work import Work
from cumulo.node.hypervisor.fake import FakeHypervisor
from cumulo.services.compute import SERVICE
from cumulo.services.compute.domain.flavors import ensure_defaults
from cumulo.services.compute.model import ComputeHost, Server
from cumulo.services.compute.passwords import ServerKeys
from cumulo.services.compute.tasks import listen
from cumulo.services.compute.tasks.hosts import power_states
from cumulo.testing.cloud import Cloud

IMAGE = "11111111-1111-4111-8111-111111111111"


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

    async def backups(self, db: Reader, server_id: str, kind: str, *, owner: str) -> list[str]:
        """Return the ids of backups, the newest first."""
        wanted = {"image_type": "backup", "instance_uuid": server_id, "backup_type": kind}
        return [
            id_ for id_, image in reversed(self.images.items()) if wanted.items() <= image.properties.items()
        ]

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
        "digest": "ab",
        "properties": {},
        "path": "/images/mini",
    }
    return ImageRecord(**{**facts, **changes})


class ComputeCloud(Cloud):
    """Compute on fakes of all that it asks, with hosts of fake guests."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self.images, self.ports, self.placement = FakeImages(), FakePorts(), FakePlacement()
        self.volumes = FakeVolumes()
        self.bus = LocalBus()
        self.hosts: dict[str, FakeHypervisor] = {}
        bindings: dict[type, Any] = {Images: self.images, Placement: self.placement, Bus: self.bus}
        bindings |= {Ports: self.ports, SecurityGroups: self.ports, Volumes: self.volumes}
        bindings[Keyring] = keyring
        bindings[ServerKeys] = ServerKeys(bindings.__getitem__)
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
        await self.bus.serve(name, verbs("livemigration", LiveMigration, host))
        await self.beat(name)

    async def beat(self, *names: str) -> None:
        """Have hosts report."""
        for name in names:
            await self.bus.publish("host.report", await self.hosts[name].report())
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
    with TemporaryDirectory() as folder:
        async with ComputeCloud(database, Keyring(Path(folder) / "token-keys")) as cloud:
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
