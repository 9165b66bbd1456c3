"""The short sagas, which tell a host something, survive everything, too; and no saga lacks its test."""

import re
from pathlib import Path

from tests.services.compute.fakes import IMAGE, ComputeCloud
from tests.services.compute.test_tasks import ACTION, SERVER, World
from tests.services.compute.test_volume_tasks import MAPPING, Volumes

from cumulo.contracts.hypervisor import DiskSpec
from cumulo.services.compute.tasks import SAGAS, CacheImage, GrowVolume
from cumulo.testing.saga import check_saga


async def test_telling_a_guest_of_a_larger_volume_survives_everything(cloud: ComputeCloud):
    volumes = Volumes(cloud)

    async def clean(succeeded: bool) -> None:
        assert (volumes.devices(), volumes.status()) == (["vdb"], "in-use")
        action = await volumes.world.action()
        assert action.finished_at is not None
        assert succeeded or action.message

    def saga() -> GrowVolume:
        return GrowVolume(server_id=SERVER, mapping_id=MAPPING, action_id=ACTION, size_gib=2)

    await check_saga(volumes.world.tasks, saga, volumes.attached, clean)


async def test_having_an_image_ready_survives_everything(cloud: ComputeCloud):
    world, host = World(cloud), cloud.hosts["h1"]

    async def prepare() -> None:
        host.cached.clear()

    async def clean(succeeded: bool) -> None:
        assert host.cached == {IMAGE} or (not succeeded and not host.cached - {IMAGE})  # it may stay

    def saga() -> CacheImage:
        return CacheImage(host="h1", disk=DiskSpec(image_id=IMAGE, image_path="/images/mini"))

    await check_saga(world.tasks, saga, prepare, clean)


def test_every_saga_of_compute_is_put_through_its_disturbances():
    sources = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    checked = {name for text in sources if "check_saga(" in text for name in re.findall(r"-> (\w+):", text)}
    assert {saga.__name__ for saga in SAGAS} - checked == set()
