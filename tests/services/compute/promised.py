"""Compute with the real network and placement services, on hosts whose networks may promise something."""

from collections.abc import Mapping
from typing import Any

from tests.services.compute.fakes import ComputeCloud, FakeImages
from tests.services.compute.test_tasks import ACTION, SERVER, just_asked
from tests.services.compute.volumes import FakeVolumes

from cumulo.contracts.block_storage import Volumes
from cumulo.contracts.image import Images
from cumulo.contracts.network import NetworkRequest, Ports, SecurityGroups
from cumulo.contracts.placement import Placement
from cumulo.core import clock
from cumulo.core.auth.tokens import Keyring
from cumulo.core.bus import Bus, LocalBus
from cumulo.core.db import Database
from cumulo.core.tasks import Tasks
from cumulo.services import compute, network, placement
from cumulo.services.compute.model import Migration, Server, ServerAction, VmState
from cumulo.services.compute.passwords import ServerKeys
from cumulo.services.compute.tasks import CreateServer, listen
from cumulo.services.network.adapter import PortsAdapter, SecurityGroupsAdapter
from cumulo.services.network.drivers.fake import FakeDriver
from cumulo.services.network.drivers.specs import Capacity, Driver, HostState, Link
from cumulo.services.placement.adapter import PlacementAdapter
from cumulo.services.placement.surveying import Surveyor
from cumulo.testing.cloud import Cloud

NET, PLACEMENT = "/network/v2.0", "/placement"
CAPACITY = Capacity(
    links=(Link(bridge="br-ex", physical_networks=("external",), egress=10_000, ingress=10_000),),
    packets={"any": 500},
)
BANDWIDTH, PACKETS = "NET_BW_IGR_KILOBIT_PER_SEC", "NET_PACKET_RATE_KILOPACKET_PER_SEC"


class PromisingCloud(ComputeCloud):
    """Compute, network and placement."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self.images, self.volumes = FakeImages(), FakeVolumes()
        self.bus, self.hosts, self.driver = LocalBus(), {}, FakeDriver()
        bindings: dict[type, Any] = {Images: self.images, Volumes: self.volumes, Bus: self.bus}
        bindings |= {Ports: PortsAdapter(), SecurityGroups: SecurityGroupsAdapter()}
        bindings |= {Placement: PlacementAdapter(), Surveyor: Surveyor(), Driver: self.driver}
        bindings[Keyring] = keyring
        bindings[ServerKeys] = ServerKeys(bindings.__getitem__)
        services = [service.SERVICE for service in (compute, network, placement)]
        Cloud.__init__(self, services, database, bindings)
        self.database = database
        listen(self.bus, self.tasks)

    async def has(self, *names: str, capacity: Capacity = CAPACITY) -> None:
        """Have hosts that may promise this."""
        for name in names:
            if name not in self.hosts:
                await self.add_host(name)
        now = clock.now()
        self.driver.known_hosts = [
            HostState(name=f"chassis-{name}", host=name, capacity=capacity, seen_at=now) for name in names
        ]
        self.tasks.wake("network.hosts")
        await self.settle()
        self.tasks.wake("network.capacities")
        await self.settle()

    async def ask(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """Ask as an administrator; return the answer's document."""
        headers = {
            "OpenStack-API-Version": "placement 1.39",
            "X-OpenStack-Nova-API-Version": "2.104",
        }
        answer = await self.admin().request(method, path, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def policy(self, *, kbps: int = 0, kpps: int = 0, way: str = "ingress") -> str:
        """Return a policy that promises this."""
        made = await self.ask("POST", f"{NET}/qos/policies", {"policy": {"shared": True}}, status=201)
        path = f"{NET}/qos/policies/{made['policy']['id']}"
        rules: list[tuple[str, dict[str, Any]]] = []
        if kbps:
            rules.append(("minimum_bandwidth_rule", {"min_kbps": kbps, "direction": way}))
        if kpps:
            rules.append(("minimum_packet_rate_rule", {"min_kpps": kpps, "direction": "any"}))
        for kind, values in rules:
            await self.ask("POST", f"{path}/{kind}s", {kind: values}, status=201)
        return str(made["policy"]["id"])

    async def network(self, **facts: Any) -> str:
        """Return a shared network on the hosts' physical one, or only `inside` the cloud."""
        where = {"network_type": "vlan", "physical_network": "external", "segmentation_id": 3000}
        there = {} if facts.pop("inside", False) else {f"provider:{k}": v for k, v in where.items()}
        body = {"network": {"shared": True, **there, **facts}}
        made = (await self.ask("POST", f"{NET}/networks", body, status=201))["network"]["id"]
        subnet = {"network_id": made, "cidr": "10.5.0.0/24", "ip_version": 4}
        await self.ask("POST", f"{NET}/subnets", {"subnet": subnet}, status=201)
        return str(made)

    async def port(self, network_id: str, policy: str | None = None) -> str:
        """Return a port of project p1."""
        body = {"port": {"network_id": network_id, "qos_policy_id": policy, "project_id": "p1"}}
        return str((await self.ask("POST", f"{NET}/ports", body, status=201))["port"]["id"])

    async def held(self, consumer: str = SERVER) -> dict[str, dict[str, int]]:
        """Return what a consumer has, by the names of providers."""
        found = await self.ask("GET", f"{PLACEMENT}/allocations/{consumer}")
        names = {
            each["uuid"]: each["name"]
            for each in (await self.ask("GET", f"{PLACEMENT}/resource_providers"))["resource_providers"]
        }
        return {names[id_]: of["resources"] for id_, of in found["allocations"].items()}

    async def shown(self, port_id: str) -> dict[str, Any]:
        """Return a port's document."""
        document: dict[str, Any] = (await self.ask("GET", f"{NET}/ports/{port_id}"))["port"]
        return document

    async def keeper(self, port_id: str) -> set[str]:
        """Return the names of the providers that a port's profile says keep its promises."""
        profile = (await self.shown(port_id))["binding:profile"]
        found = set()
        for id_ in profile.get("allocation", {}).values():
            found.add((await self.ask("GET", f"{PLACEMENT}/resource_providers/{id_}"))["name"])
        return found


def promised(held: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return what of a consumer's allocations are promises, by classes."""
    return {name: n for has in held.values() for name, n in has.items() if name.startswith("NET_")}


class World:
    """One server with a port that is promised something, made anew before each run of a saga."""

    def __init__(self, cloud: PromisingCloud) -> None:
        self.cloud, self.port_id = cloud, ""

    def tasks(self) -> Tasks:
        """Return a worker with nothing but sagas."""
        sagas = list(compute.SERVICE.sagas)
        return Tasks(self.cloud.database, sagas=sagas, bindings=self.cloud.bindings)

    async def new(self) -> None:
        """Write down a server that was just asked for."""
        if not self.port_id:
            policy = await self.cloud.policy(kbps=1000, kpps=100)
            self.port_id = await self.cloud.port(await self.cloud.network(), policy)
        await self.clear()
        await self.cloud.beat(*self.cloud.hosts)
        server, action = just_asked(NetworkRequest(port_id=self.port_id))
        async with self.cloud.database.begin() as db:
            await db.insert(server)
            await db.insert(action)

    async def clear(self) -> None:
        """Have no server, and nothing of it."""
        async with self.cloud.database.begin() as db:
            work = self.cloud.work(db)
            await self.cloud.bindings[Ports].release(work, SERVER)
            for row in await db.all(Migration, Migration.c.server_id == SERVER):
                await self.cloud.bindings[Placement].release(work, row.id)
            await self.cloud.bindings[Placement].release(work, SERVER)
            await db.delete(Migration, Migration.c.server_id == SERVER)
            await db.delete(Server, Server.c.id == SERVER)
            await db.delete(ServerAction, ServerAction.c.id == ACTION)
        for host in self.cloud.hosts.values():
            host.guests_by_id.clear()
            host.kept.clear()
            host.received.clear()

    async def running(self) -> None:
        """Have the server run."""
        await self.new()
        await self.through(CreateServer(server_id=SERVER, action_id=ACTION))
        assert (await self.cloud.server(SERVER)).vm_state is VmState.ACTIVE

    async def through(self, saga: Any) -> None:
        """Have a saga run to its end."""
        tasks = self.tasks()
        await tasks.start_workers()
        async with self.cloud.database.begin() as db:
            await tasks.start(db, saga, request_id="req-prepare")
        await tasks.settle()
        await tasks.stop()

    async def migrating(self, id: str, kind: str) -> None:
        """Have the server run, with a migration written down."""
        await self.running()
        async with self.cloud.database.begin() as db:
            of = {"server_id": SERVER, "project_id": "p1", "user_id": "u1"}
            await db.insert(Migration(id=id, kind=kind, source="h1", **of))

    async def is_kept_at(self, host: str) -> None:
        """Check that the server's host keeps the promises, that the port says so, and no one else has any."""
        held = await self.cloud.held()
        switch = f"{host}:OVN Controller agent"
        assert held[f"{switch}:br-ex"] == {BANDWIDTH: 1000}
        assert held[switch] == {PACKETS: 100}
        assert held[host]["VCPU"] == 1
        assert await self.cloud.keeper(self.port_id) == {switch, f"{switch}:br-ex"}

    async def is_given_back(self) -> None:
        """Check that nobody has anything of any host's network."""
        assert await self.cloud.held() == {}
        assert (await self.cloud.shown(self.port_id))["binding:profile"] == {}
        found = await self.cloud.ask("GET", f"{PLACEMENT}/resource_providers")
        for each in found["resource_providers"]:
            path = f"{PLACEMENT}/resource_providers/{each['uuid']}/usages"
            usages = (await self.cloud.ask("GET", path))["usages"]
            assert set(usages.values()) <= {0}, each
