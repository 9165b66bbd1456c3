"""The network service alone, on the fake driver."""

import pytest

from cumulo.services.network import SERVICE
from cumulo.services.network.drivers.fake import FakeDriver
from cumulo.services.network.drivers.specs import Driver
from cumulo.testing.cloud import Cloud


@pytest.fixture
def driver():
    return FakeDriver()


@pytest.fixture
async def cloud(database, driver):
    await database.create_all()
    async with Cloud([SERVICE], database, {Driver: driver}) as running:
        yield running


@pytest.fixture
def member(cloud):
    return Neutron(cloud.member("p1"))


@pytest.fixture
def other(cloud):
    return Neutron(cloud.member("p2"))


@pytest.fixture
def admin(cloud):
    return Neutron(cloud.admin())


class Neutron:
    """A client of the network service that fails a test when an answer is not the expected one."""

    def __init__(self, client):
        self.client = client

    async def call(self, method, path, body=None, *, expect=None):
        answer = await self.client.request(method, f"/network/v2.0{path}", json=body)
        if expect is not None:
            assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    async def create(self, kind, expect=201, **values):
        path = f"/{kind.replace('_', '-')}s"
        made = await self.call("POST", path, {kind: values}, expect=expect)
        return made[kind] if expect == 201 else made["NeutronError"]

    async def show(self, path, expect=200):
        return await self.call("GET", path, expect=expect)

    async def delete(self, path, expect=204):
        return await self.call("DELETE", path, expect=expect)
