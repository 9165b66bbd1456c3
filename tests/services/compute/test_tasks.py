"""Each saga survives failures and deaths at every moment."""

import msgspec
from tests.services.compute.fakes import ComputeCloud
from tests.services.compute.neighbours import NETWORK

from cumulo.contracts.network import NetworkRequest
from cumulo.core.tasks import Tasks
from cumulo.services.compute import SERVICE
from cumulo.services.compute.model import Asked, EmbeddedFlavor, Server, ServerAction, TaskState, VmState
from cumulo.services.compute.tasks import Change, ChangePower, CreateServer, DeleteServer
from cumulo.testing.saga import check_saga

SERVER = "33333333-3333-4333-8333-333333333333"
ACTION = "44444444-4444-4444-8444-444444444444"
FLAVOR = EmbeddedFlavor(vcpus=1, ram=128, disk=1, ephemeral=0, swap=0, original_name="mini")


def just_asked(network: NetworkRequest) -> tuple[Server, ServerAction]:
    """Return the rows of a server on a network that nothing was done for yet."""
    owner = {"project_id": "p1", "user_id": "u1"}
    server = Server(
        id=SERVER,
        name="web",
        hostname="web",
        flavor_id="c1",
        flavor=msgspec.Raw(msgspec.json.encode(FLAVOR)),
        vcpus=1,
        memory_mib=128,
        disk_gib=1,
        asked=msgspec.Raw(msgspec.json.encode(Asked(networks=[network]))),
        **owner,
    )
    return server, ServerAction(id=ACTION, server_id=SERVER, action="create", request_id="r", **owner)


class World:
    """One server on the cloud of fakes, made anew before each run of a saga."""

    def __init__(self, cloud: ComputeCloud) -> None:
        self.cloud = cloud

    def tasks(self) -> Tasks:
        return Tasks(self.cloud.database, sagas=list(SERVICE.sagas), bindings=self.cloud.bindings)

    async def new(self) -> None:
        """Write down a server that was just asked for, and that nothing was done for yet."""
        server, action = just_asked(NetworkRequest(network_id=NETWORK))
        await self.clear()
        await self.cloud.beat(*self.cloud.hosts)  # a proof of many runs lasts longer than hosts may be silent
        async with self.cloud.database.begin() as db:
            await db.insert(server)
            await db.insert(action)

    async def clear(self) -> None:
        async with self.cloud.database.begin() as db:
            await db.delete(Server, Server.c.id == SERVER)
            await db.delete(ServerAction, ServerAction.c.id == ACTION)
        for host in self.cloud.hosts.values():
            host.guests_by_id.clear()
        self.cloud.ports.ports.clear()
        self.cloud.placement.claims.clear()

    async def running(self) -> None:
        """Have the server run."""
        await self.new()
        tasks = self.tasks()
        await tasks.start_workers()
        async with self.cloud.database.begin() as db:
            saga = CreateServer(server_id=SERVER, action_id=ACTION)
            await tasks.start(db, saga, request_id="req-prepare")
        await tasks.settle()
        await tasks.stop()
        assert (await self.cloud.server(SERVER)).vm_state is VmState.ACTIVE

    async def action(self) -> ServerAction:
        async with self.cloud.database.read() as db:
            row = await db.get(ServerAction, ACTION)
        assert row is not None
        return row


async def test_a_creation_survives_everything(cloud: ComputeCloud):
    world = World(cloud)

    async def clean(succeeded: bool) -> None:
        server, action = await cloud.server(SERVER), await world.action()
        assert server.task_state is None
        assert server.operation is None
        assert action.finished_at is not None
        if succeeded:
            assert server.vm_state is VmState.ACTIVE
            assert cloud.hosts["h1"].guests_by_id[SERVER].boots == 1
            assert [event.result for event in action.events] == ["Success"] * 3
            assert bytes(server.addresses) != b"{}"
        else:
            assert server.vm_state is VmState.ERROR
            assert server.host is None
            assert server.fault is not None
            assert action.message == "Error"
            assert bytes(server.addresses) == b"{}"
            assert cloud.nothing_left_of(SERVER)

    def saga() -> CreateServer:
        return CreateServer(server_id=SERVER, action_id=ACTION)

    await check_saga(world.tasks, saga, world.new, clean)


async def test_a_deletion_survives_everything(cloud: ComputeCloud):
    world = World(cloud)

    async def clean(succeeded: bool) -> None:
        server = await cloud.server(SERVER)
        assert server.operation is None
        if succeeded:
            assert server.vm_state is VmState.DELETED
            assert server.deleted_at is not None
            assert cloud.nothing_left_of(SERVER)
        else:
            assert server.vm_state is VmState.ERROR
            assert server.task_state is None

    def saga() -> DeleteServer:
        return DeleteServer(server_id=SERVER, action_id=ACTION)

    await check_saga(world.tasks, saga, world.running, clean)


async def test_a_stop_survives_everything(cloud: ComputeCloud):
    world = World(cloud)

    async def clean(succeeded: bool) -> None:
        server = await cloud.server(SERVER)
        assert (server.task_state, server.operation) == (None, None)
        assert server.vm_state is (VmState.STOPPED if succeeded else VmState.ACTIVE)

    def saga() -> ChangePower:
        return ChangePower(server_id=SERVER, action_id=ACTION, change=Change.STOP)

    await check_saga(world.tasks, saga, world.running, clean)


async def test_a_hard_reboot_survives_everything(cloud: ComputeCloud):
    world = World(cloud)

    async def clean(succeeded: bool) -> None:
        server = await cloud.server(SERVER)
        assert (server.task_state, server.operation) == (None, None)
        assert server.vm_state is (VmState.ACTIVE if succeeded else VmState.ERROR)

    def saga() -> ChangePower:
        return ChangePower(server_id=SERVER, action_id=ACTION, change=Change.HARD_REBOOT)

    await check_saga(world.tasks, saga, world.running, clean)


async def test_a_creation_whose_server_is_to_be_deleted_unwinds_and_begins_the_deletion(
    cloud: ComputeCloud,
):
    world = World(cloud)

    async def doomed() -> None:
        await world.new()
        async with cloud.database.begin() as db:
            doom = {"deletion": ACTION, "task_state": TaskState.DELETING}
            await db.update(Server, Server.c.id == SERVER, **doom)

    await doomed()
    tasks = world.tasks()
    await tasks.start_workers()
    async with cloud.database.begin() as db:
        await tasks.start(db, CreateServer(server_id=SERVER, action_id=ACTION), request_id="req-x")
    await tasks.settle()
    await tasks.stop()
    assert (await cloud.server(SERVER)).vm_state is VmState.DELETED
    assert cloud.nothing_left_of(SERVER)
