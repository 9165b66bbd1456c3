"""The domain alone, in a transaction of its own."""

import ipaddress

import pytest

from cumulo.core.tasks import Tasks
from cumulo.services.network.config import NetworkSettings
from cumulo.services.network.domain import networks, subnets
from cumulo.services.network.drivers.fake import FakeDriver
from cumulo.services.network.drivers.specs import Driver


@pytest.fixture
async def work(database):
    bindings = {Driver: FakeDriver(), NetworkSettings: NetworkSettings()}
    async with Tasks(database, bindings=bindings).work() as opened:
        yield opened


@pytest.fixture
async def network(work):
    return await networks.create(work, "p1", {"name": "net"})


@pytest.fixture
async def outside(work, subnet_of):
    made = await networks.create(work, "admin", {"name": "ext", "external": True})
    await subnet_of(made, "172.24.4.0/24")
    return made


@pytest.fixture
def subnet_of(work):
    """Make a subnet, without DHCP unless asked."""

    async def make(network, cidr="10.0.0.0/29", *, dhcp=False, **values):
        version = ipaddress.ip_network(cidr).version
        given = {"cidr": cidr, "ip_version": version, "enable_dhcp": dhcp, **values}
        return await subnets.create(work, network, "p1", given)

    return make
