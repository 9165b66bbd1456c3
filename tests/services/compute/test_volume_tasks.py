"""Each saga that handles a server's volumes survives failures and deaths at every moment."""

import msgspec
from tests.services.compute.fakes import IMAGE, ComputeCloud
from tests.services.compute.test_tasks import ACTION, SERVER, World

from cumulo.services.compute.model import BlockDeviceMapping, Server, ServerAction, VmState
from cumulo.services.compute.tasks import AttachVolume, CreateServer, DeleteServer, DetachVolume
from cumulo.testing.saga import check_saga

MAPPING = "77777777-7777-4777-8777-777777777777"


class Volumes:
    """A server and a volume for it, made anew before each run of a saga."""

    def __init__(self, cloud: ComputeCloud) -> None:
        self.cloud = cloud
        self.world = World(cloud)
        self.volume = ""

    async def clear(self) -> None:
        async with self.cloud.database.begin() as db:
            await db.delete(BlockDeviceMapping, BlockDeviceMapping.c.server_id == SERVER)
        volumes = self.cloud.volumes
        for kept in (volumes.volumes, volumes.held, volumes.exports):
            kept.clear()

    async def asked(self) -> None:
        """Have a new server ask for a root volume made from an image, and for one that exists."""
        await self.clear()
        await self.world.new()
        self.volume = self.cloud.volumes.add()
        root = BlockDeviceMapping(
            id=MAPPING,
            server_id=SERVER,
            source_type="image",
            image_id=IMAGE,
            size_gib=2,
            device_name="/dev/vda",
            boot_index=0,
            created=True,
        )
        async with self.cloud.database.begin() as db:
            held = await self.cloud.volumes.reserve(self.cloud.work(db), self.volume, SERVER)
            data = BlockDeviceMapping(
                server_id=SERVER, volume_id=self.volume, attachment_id=held.id, device_name="/dev/vdb"
            )
            await db.insert_all([root, data])

    async def reserved(self) -> None:
        """Have a running server for which a volume is reserved."""
        await self.clear()
        await self.world.running()
        self.volume = self.cloud.volumes.add()
        async with self.cloud.database.begin() as db:
            await db.update(ServerAction, ServerAction.c.id == ACTION, finished_at=None)
            held = await self.cloud.volumes.reserve(self.cloud.work(db), self.volume, SERVER)
            mapping = BlockDeviceMapping(
                id=MAPPING,
                server_id=SERVER,
                volume_id=self.volume,
                attachment_id=held.id,
                device_name="/dev/vdb",
            )
            await db.insert(mapping)

    async def attached(self) -> None:
        """Have a running server with a volume."""
        await self.reserved()
        tasks = self.world.tasks()
        await tasks.start_workers()
        async with self.cloud.database.begin() as db:
            saga = AttachVolume(server_id=SERVER, mapping_id=MAPPING, action_id=ACTION)
            await tasks.start(db, saga, request_id="req-prepare")
        await tasks.settle()
        await tasks.stop()
        assert self.devices() == ["vdb"]

    def devices(self) -> list[str]:
        return [disk.device for disk in self.cloud.hosts["h1"].guests_by_id[SERVER].spec.volumes]

    def status(self) -> str:
        return self.cloud.volumes.volumes[self.volume].status

    async def mappings(self) -> list[BlockDeviceMapping]:
        async with self.cloud.database.read() as db:
            return await db.all(BlockDeviceMapping, BlockDeviceMapping.c.server_id == SERVER)

    async def shown(self) -> list[str]:
        server = await self.cloud.server(SERVER)
        return [volume["id"] for volume in msgspec.json.decode(server.volumes)]


async def test_a_creation_with_volumes_survives_everything(cloud: ComputeCloud):
    volumes = Volumes(cloud)

    async def clean(succeeded: bool) -> None:
        server = await cloud.server(SERVER)
        if succeeded:
            assert server.vm_state is VmState.ACTIVE
            assert volumes.devices() == ["vda", "vdb"]
            assert {volume.status for volume in cloud.volumes.volumes.values()} == {"in-use"}
            assert len(cloud.volumes.volumes) == 2  # a killed step makes no second root
        else:
            assert server.vm_state is VmState.ERROR
            assert list(cloud.volumes.volumes) == [volumes.volume]
            assert volumes.status() == "available"
            assert cloud.volumes.nothing_held()
            assert await volumes.mappings() == []

    def saga() -> CreateServer:
        return CreateServer(server_id=SERVER, action_id=ACTION, volumes=True)

    await check_saga(volumes.world.tasks, saga, volumes.asked, clean)


async def test_giving_a_volume_survives_everything(cloud: ComputeCloud):
    volumes = Volumes(cloud)

    async def clean(succeeded: bool) -> None:
        action = await volumes.world.action()
        assert action.finished_at is not None
        if succeeded:
            assert (volumes.devices(), volumes.status()) == (["vdb"], "in-use")
            assert [mapping.attached for mapping in await volumes.mappings()] == [True]
        else:
            assert (volumes.devices(), volumes.status()) == ([], "available")
            assert cloud.volumes.nothing_held()
            assert await volumes.mappings() == []
            assert await volumes.shown() == []

    def saga() -> AttachVolume:
        return AttachVolume(server_id=SERVER, mapping_id=MAPPING, action_id=ACTION)

    await check_saga(volumes.world.tasks, saga, volumes.reserved, clean)


async def test_taking_a_volume_survives_everything(cloud: ComputeCloud):
    volumes = Volumes(cloud)

    async def clean(succeeded: bool) -> None:
        if succeeded:
            assert (volumes.devices(), volumes.status()) == ([], "available")
            assert cloud.volumes.nothing_held()
            assert await volumes.mappings() == []
        else:
            assert volumes.status() == "in-use"
            (mapping,) = await volumes.mappings()
            assert (mapping.attached, mapping.detaching) == (True, False)

    def saga() -> DetachVolume:
        return DetachVolume(server_id=SERVER, mapping_id=MAPPING, action_id=ACTION)

    await check_saga(volumes.world.tasks, saga, volumes.attached, clean)


async def test_deleting_a_server_with_volumes_survives_everything(cloud: ComputeCloud):
    volumes = Volumes(cloud)

    async def clean(succeeded: bool) -> None:
        server = await cloud.server(SERVER)
        if succeeded:
            assert server.vm_state is VmState.DELETED
            assert volumes.status() == "available"
            assert cloud.volumes.nothing_held()
            assert await volumes.mappings() == []
        else:
            assert server.vm_state is VmState.ERROR

    def saga() -> DeleteServer:
        return DeleteServer(server_id=SERVER, action_id=ACTION)

    await check_saga(volumes.world.tasks, saga, volumes.attached, clean)


async def test_a_volume_whose_server_is_deleted_meanwhile_is_free_again(cloud: ComputeCloud):
    volumes = Volumes(cloud)
    await volumes.reserved()
    async with cloud.database.begin() as db:
        await db.update(Server, Server.c.id == SERVER, deletion=ACTION)
    tasks = volumes.world.tasks()
    await tasks.start_workers()
    async with cloud.database.begin() as db:
        saga = AttachVolume(server_id=SERVER, mapping_id=MAPPING, action_id=ACTION)
        await tasks.start(db, saga, request_id="req-x")
    await tasks.settle()
    await tasks.stop()
    assert volumes.status() == "available"
    assert cloud.volumes.nothing_held()
