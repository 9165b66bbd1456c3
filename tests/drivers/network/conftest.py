import shutil
import tempfile
from pathlib import Path

import pytest

from cumulo.services.network.drivers.ovn import OvnDriver
from cumulo.testing import ovn


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
