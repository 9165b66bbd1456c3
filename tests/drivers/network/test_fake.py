"""The fake data plane passes the contract, breaks when told to, and wires ports that have a host."""

import pytest

from cumulo.core.drivers import Temporary
from cumulo.services.network.drivers.fake import FakeDriver
from cumulo.testing.network import ALL, GROUP, INSIDE, SUBNET, NetworkDriverContract, port


@pytest.fixture
def driver() -> FakeDriver:
    return FakeDriver()


class TestFakeDriver(NetworkDriverContract):
    pass


async def test_a_port_with_a_host_is_up_and_its_change_is_told_once(driver):
    called = []
    driver.follow(ports=lambda: called.append("ports"), stale=lambda: called.append("stale"))
    for spec in (INSIDE, SUBNET, GROUP, port(11), port(11, host="h1")):
        await driver.ensure(spec)
    assert called == ["ports"]
    assert driver.take_changed() == {"port-11"}
    assert driver.take_changed() == set()
    assert await driver.up() == {"port-11": True}
    driver.forget_all()
    assert called == ["ports", "stale"]


async def test_a_broken_one_raises_temporary(driver):
    driver.broken = True
    with pytest.raises(Temporary):
        await driver.ensure(ALL[0])
