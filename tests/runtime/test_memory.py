"""What remembering drivers remember outlives their server, where that is wanted."""

import uuid

import pytest

from cumulo.contracts.hypervisor import GuestSpec, PowerState
from cumulo.contracts.volumes import VolumeSpec
from cumulo.core.drivers import DriverError
from cumulo.node.hypervisor.fake import FakeHypervisor
from cumulo.node.volumes.fake import FakePool
from cumulo.runtime.memory import HYPERVISOR, POOL, Memory, read

SERVER, VOLUME = str(uuid.uuid4()), str(uuid.uuid4())


def spec(server_id=SERVER):
    return GuestSpec(server_id=server_id, name="a", project_id="p", vcpus=1, memory_mib=64)


def hypervisor(memory):
    return memory.keep("hypervisor a", FakeHypervisor("a"), HYPERVISOR)


async def test_a_guest_is_there_when_the_server_was_killed_right_after(tmp_path):
    await hypervisor(Memory(tmp_path / "fakes")).ensure(spec())
    again = hypervisor(Memory(tmp_path / "fakes"))
    assert (await again.describe(SERVER)).power is PowerState.RUNNING
    await again.remove(SERVER)
    assert read(tmp_path / "fakes")["hypervisor a"]["guests_by_id"] == {}


async def test_newer_fences_are_remembered(tmp_path):
    await hypervisor(Memory(tmp_path / "fakes")).ensure(spec(), fence=7)
    with pytest.raises(DriverError):
        await hypervisor(Memory(tmp_path / "fakes")).remove(SERVER, fence=6)


async def test_an_open_volume_is_read_through_its_export_after_a_restart(tmp_path):
    pool = Memory(tmp_path / "fakes").keep("pool", FakePool(), POOL)
    await pool.create(VolumeSpec(volume_id=VOLUME, size_gib=1))
    await pool.write(VOLUME, 5, b"kept")
    access = await pool.open(VOLUME, "export")
    again = Memory(tmp_path / "fakes").keep("pool", FakePool(), POOL)
    await again.start()
    copy = VolumeSpec(volume_id=str(uuid.uuid4()), size_gib=1)
    await again.fill(copy, access)
    assert again.volumes[copy.volume_id].content.read(5, 4) == b"kept"


async def test_a_guest_lands_on_a_host_that_was_started_anew_meanwhile(tmp_path):
    def hosts():
        memory = Memory(tmp_path / "fakes")
        return [memory.keep(name, FakeHypervisor(name), HYPERVISOR) for name in "ab"]

    source, destination = hosts()
    await source.ensure(spec())
    landing = await destination.prepare(spec(), [])
    del source, destination
    source, destination = hosts()
    for host in (source, destination):
        await host.start()
    await source.migrate(SERVER, landing, [])
    _, after = hosts()
    assert (await after.describe(SERVER)).power is PowerState.RUNNING


async def test_without_a_file_nothing_stands_before_a_fake():
    fake = FakeHypervisor()
    assert Memory(None).keep("hypervisor", fake, HYPERVISOR) is fake
