"""A host's pools on the bus, and the settings that make them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cumulo.contracts.volumes import PoolReport, VolumePool
from cumulo.core import errors
from cumulo.core.bus import LocalBus, remote
from cumulo.core.config import BadSetting, load
from cumulo.core.drivers import Gone, Temporary
from cumulo.node.volumes.drivers import Site, pools_of
from cumulo.node.volumes.fake import FakePool
from cumulo.node.volumes.files.pool import FilePool
from cumulo.node.volumes.host import PREFIX, REPORT, VolumeHost
from cumulo.node.volumes.rbd.pool import RbdPool
from cumulo.node.volumes.settings import VolumesSettings
from cumulo.testing.volumes import a_volume


class LatePool(FakePool):
    """A pool whose engine comes late."""

    def __init__(self) -> None:
        super().__init__("host1", "late")
        self.refusals = 2

    async def start(self) -> None:
        if self.refusals:
            self.refusals -= 1
            raise Temporary("the engine is away")


@pytest.fixture
def bus() -> LocalBus:
    return LocalBus()


@pytest.fixture
async def volumes(bus: LocalBus) -> AsyncIterator[VolumeHost]:
    pools = {"a": FakePool("host1", "a"), "late": LatePool()}
    volumes = VolumeHost("host1", bus, pools, report_every=10)
    yield volumes
    await volumes.stop()


def there(bus: LocalBus, host: str) -> VolumePool:
    return remote(bus, host, VolumePool, prefix=PREFIX)


async def test_a_pool_is_reached_as_host_at_backend(bus: LocalBus, volumes: VolumeHost):
    await volumes.start()
    spec = a_volume()
    await there(bus, "host1@a").create(spec)
    assert [one.volume_id for one in await there(bus, "host1@a").stored()] == [spec.volume_id]
    with pytest.raises(Gone):
        await there(bus, "host1@a").extend("unknown", 2)


@pytest.mark.looptime
async def test_pools_report_themselves_and_one_that_is_late_comes_later(
    bus: LocalBus, volumes: VolumeHost, looptime: float
):
    heard: asyncio.Queue[PoolReport] = asyncio.Queue()
    bus.subscribe(REPORT, PoolReport, heard.put)
    await volumes.start()
    assert (await heard.get()).backend == "a"
    with pytest.raises(errors.Unavailable):
        await there(bus, "host1@late").report()
    assert {(await heard.get()).backend for _ in range(3)} == {"a", "late"}
    assert looptime == pytest.approx(20)


async def test_a_stopped_host_has_no_pools(bus: LocalBus, volumes: VolumeHost):
    await volumes.start()
    await volumes.stop()
    with pytest.raises(errors.Unavailable):
        await there(bus, "host1@a").report()


def settings(folder: Path, text: str) -> VolumesSettings:
    file = folder / "config.toml"
    file.write_text(text)
    found = load(file, [VolumesSettings])[VolumesSettings]
    assert isinstance(found, VolumesSettings)
    return found


def test_without_settings_there_is_one_local_pool(tmp_path: Path):
    site = Site("host1", tmp_path, tmp_path)
    pools = pools_of(settings(tmp_path, ""), site, engines=True)
    assert {name: type(pool) for name, pool in pools.items()} == {"local": FilePool}
    assert isinstance(pools_of(VolumesSettings(), site, engines=False)["local"], FakePool)


async def test_settings_name_backends_and_say_how_full_they_may_get(tmp_path: Path):
    text = """
    [volumes.backends.fast]
    driver = "local"
    path = "fast"
    reserved_percentage = 5
    [volumes.backends.toy]
    driver = "fake"
    total_gib = 7
    """
    pools = pools_of(settings(tmp_path, text), Site("host1", tmp_path, tmp_path / "run"), engines=True)
    await pools["fast"].start()
    report = await pools["fast"].report()
    await pools["fast"].stop()
    assert (report.host, report.backend, report.pool, report.driver) == ("host1", "fast", "volumes", "local")
    assert report.reserved_percentage == 5
    assert (tmp_path / "fast" / "volumes").is_dir()
    assert (await pools["toy"].report()).total_gib == 7


def test_shares_and_clusters_are_named_in_settings(tmp_path: Path):
    text = """
    [volumes.backends.share]
    driver = "nfs"
    server = "198.18.0.1"
    export = "/share"
    [volumes.backends.ceph]
    driver = "rbd"
    [volumes.backends.target]
    driver = "iscsi"
    """
    pools = pools_of(settings(tmp_path, text), Site("host1", tmp_path, tmp_path), engines=True)
    assert {name: type(pool) for name, pool in pools.items()} == {
        "share": FilePool,
        "ceph": RbdPool,
        "target": FilePool,
    }


@pytest.mark.parametrize("line", ['driver = "tape"', 'driver = "local"\nsize = 5', "reserved_percentage = 5"])
def test_a_backend_that_is_not_understood_is_refused(tmp_path: Path, line: str):
    with pytest.raises(BadSetting):
        settings(tmp_path, f"[volumes.backends.x]\n{line}\n")


class Waiting(FakePool):
    """A pool whose engine is slow: it begins once another pool has begun."""

    def __init__(self, other: asyncio.Event, own: asyncio.Event) -> None:
        super().__init__("host1", "slow")
        self.other, self.own = other, own

    async def start(self) -> None:
        self.own.set()
        await self.other.wait()


async def test_no_pool_waits_for_anothers_engine(bus: LocalBus):
    first, second = asyncio.Event(), asyncio.Event()
    pools = {"a": Waiting(second, first), "b": Waiting(first, second)}
    volumes = VolumeHost("host1", bus, pools)
    async with asyncio.timeout(20):
        await volumes.start()
    await there(bus, "host1@a").stored()
    await volumes.stop()
