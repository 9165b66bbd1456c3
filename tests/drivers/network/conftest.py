import asyncio
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from cumulo.services.network.drivers.ovn import OvnDriver
from cumulo.testing import ovn
from cumulo.testing.site import HOST, Site


@pytest.fixture
def folder():
    """A short path: a Unix socket's may have 107 bytes only."""
    path = Path(tempfile.mkdtemp(prefix="net-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def central(folder):
    """The addresses of OVN databases of our own, with northd between them."""
    if not ovn.available():
        pytest.skip("Open vSwitch and OVN are not installed")
    with ovn.central(folder) as addresses:
        yield addresses


@pytest.fixture
async def ovn_driver(central):
    driver = OvnDriver(*central)
    await driver.start()
    yield driver
    await driver.stop()


@pytest.fixture
async def site(folder, central):
    north, south = central
    driver = OvnDriver(north, south)
    await driver.start()
    with ExitStack() as stack:
        host = await asyncio.to_thread(stack.enter_context, ovn.chassis(folder, south, f"{HOST}/24"))
        async with asyncio.timeout(20):
            await driver._ready()
            await driver._south.until(lambda: bool(driver._south.rows("Chassis")))
        yield Site(host, stack, driver, north)
        await driver.stop()
