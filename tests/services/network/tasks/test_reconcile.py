"""The data plane follows the rows, whatever happens to either."""

import pytest

from cumulo.core.drivers import Permanent, Temporary
from cumulo.core.tasks import ReconcileRun, Tasks
from cumulo.services.network.config import NetworkSettings
from cumulo.services.network.domain import floating_ips, networks, ports, routers, security_groups, subnets
from cumulo.services.network.domain.changes import touch
from cumulo.services.network.drivers.fake import FakeDriver
from cumulo.services.network.drivers.specs import Driver, Kind, Use
from cumulo.services.network.model import Owner, Port, Realisation, SecurityGroup, Status
from cumulo.services.network.tasks import RECONCILERS, follow


@pytest.fixture
def driver():
    return FakeDriver()


@pytest.fixture
def tasks(database, driver):
    bindings = {Driver: driver, NetworkSettings: NetworkSettings(dns=["192.0.2.53", "2001:db8::53"])}
    made = Tasks(database, reconcilers=RECONCILERS, bindings=bindings)
    follow(driver, made.wake)
    return made


async def small_cloud(tasks):
    """A network with a subnet, a guest's port, a router to an external network and a floating IP."""
    async with tasks.work() as work:
        outside = await networks.create(
            work,
            "admin",
            {"name": "ext", "external": True, "provider_type": "flat", "physical_network": "external"},
        )
        cidr = {"cidr": "172.24.4.0/24", "ip_version": 4, "enable_dhcp": False}
        await subnets.create(work, outside, "admin", cidr)
        inside = await networks.create(work, "p1", {"name": "net"})
        subnet = await subnets.create(work, inside, "p1", {"cidr": "10.0.0.0/24", "ip_version": 4})
        router = await routers.create(work, "p1", {"name": "r"}, routers.Gateway(network_id=outside.id))
        await routers.add_subnet(work, router, subnet)
        guest = await ports.create(work, inside, "p1", host="host-a", device_owner="compute:nova")
        address = await floating_ips.create(work, outside, "p1")
        await floating_ips.associate(work, address, guest)
    return inside, subnet, router, guest, address


async def due(database):
    table = Realisation.c
    async with database.read() as db:
        return await db.all(Realisation, table.realised < table.revision)


async def test_everything_is_realised_once_and_noted(tasks, driver, database):
    inside, subnet, router, guest, address = await small_cloud(tasks)
    await tasks.settle()
    assert await due(database) == []
    port = driver.specs[Kind.PORT, guest.id]
    assert port.addresses == ((subnet.id, "10.0.0.3"),)
    assert port.dhcp_subnet_v4 == subnet.id
    assert len(port.security_groups) == 1
    described = driver.specs[Kind.SUBNET, subnet.id]
    assert described.metadata_address == "10.0.0.2"
    assert described.dns == ("192.0.2.53",)
    assert described.mtu == 1442
    metadata = [s for (kind, _), s in driver.specs.items() if kind == Kind.PORT and s.use is Use.METADATA]
    assert [spec.network_id for spec in metadata] == [inside.id]
    way = driver.specs[Kind.ROUTER, router.id]
    assert way.interfaces[0].networks == ("10.0.0.1/24",)
    assert way.gateway.next_hops == ("172.24.4.1",)
    assert way.gateway.snat_cidrs == ("10.0.0.0/24",)
    assert driver.specs[Kind.FLOATING_IP, address.id].fixed_address == "10.0.0.3"
    assert (Kind.PORT, router.gateway_port_id) not in driver.specs


async def test_a_port_with_a_host_becomes_active(tasks, database):
    *_, guest, _ = await small_cloud(tasks)
    await tasks.settle()
    async with database.read() as db:
        assert (await db.get(Port, guest.id)).status is Status.ACTIVE
    async with tasks.work() as work:
        await ports.update(work, await work.db.get(Port, guest.id), {"host": ""})
    await tasks.settle()
    async with database.read() as db:
        assert (await db.get(Port, guest.id)).status is Status.DOWN


async def test_wiring_that_could_not_be_noted_is_noted_later(tasks, driver, database, monkeypatch):
    *_, guest, _ = await small_cloud(tasks)
    up = driver.up

    async def fails(port_ids=None):
        raise Temporary("not now")

    monkeypatch.setattr(driver, "up", fails)
    with pytest.raises(Temporary):
        await _once(tasks, RECONCILERS[0])
    monkeypatch.setattr(driver, "up", up)
    await _once(tasks, RECONCILERS[0])
    async with database.read() as db:
        assert (await db.get(Port, guest.id)).status is Status.ACTIVE


async def test_what_is_deleted_leaves_nothing(tasks, driver, database):
    inside, subnet, router, guest, address = await small_cloud(tasks)
    await tasks.settle()
    async with tasks.work() as work:
        await floating_ips.delete(work, address)
        await ports.delete(work, guest)
        await routers.remove_interface(work, router, subnet_id=subnet.id, port_id=None)
        await routers.delete(work, router)
        await subnets.delete(work, subnet)
        await networks.delete(work, inside)
    await tasks.settle()
    kinds = {kind for kind, _ in driver.specs}
    assert kinds == {Kind.NETWORK, Kind.SUBNET, Kind.SECURITY_GROUP}  # the external ones, two default groups
    async with database.read() as db:
        left = {(row.kind, row.id) for row in await db.all(Realisation)}
    assert left == {(kind.value, id_) for kind, id_ in driver.specs}


async def test_a_broken_data_plane_is_tried_again(tasks, driver, database):
    driver.broken = True
    await small_cloud(tasks)
    for declared in (RECONCILERS[0], RECONCILERS[-1]):
        await _once(tasks, declared)
    waiting = await due(database)
    assert waiting
    assert all("broken" in row.error and row.attempts == 1 for row in waiting)
    driver.broken = False
    async with tasks.work() as work:
        for row in waiting:
            await touch(work, Kind(row.kind), row.id)
    await tasks.settle()
    assert await due(database) == []


async def test_a_failure_does_not_hold_back_what_changed_since(tasks, driver):
    driver.broken = True
    inside, *_ = await small_cloud(tasks)
    await _once(tasks, RECONCILERS[0])
    async with tasks.work() as work:
        await touch(work, Kind.NETWORK, inside.id)
    driver.broken = False
    await _once(tasks, RECONCILERS[-1])
    await _once(tasks, RECONCILERS[0])
    assert (Kind.NETWORK, inside.id) in driver.specs


async def test_what_was_realised_is_not_done_again_before_it_is_written_down(tasks, driver):
    await small_cloud(tasks)
    await _once(tasks, RECONCILERS[0])
    calls = driver.calls
    await _once(tasks, RECONCILERS[0])
    assert driver.calls == calls
    await tasks.settle()
    assert driver.calls == calls


async def _once(tasks, declared):
    await declared(ReconcileRun(tasks, "req-test"))


async def test_one_that_cannot_be_realised_holds_nothing_else_up(tasks, driver, database, monkeypatch):
    await small_cloud(tasks)
    ensure = driver.ensure

    async def picky(spec):
        if spec.kind is Kind.SECURITY_GROUP and spec.name == "odd":
            raise Permanent("no such thing")
        await ensure(spec)

    monkeypatch.setattr(driver, "ensure", picky)
    async with tasks.work() as work:
        odd = await security_groups.create(work, "p1", {"name": "odd"})
        fine = await security_groups.create(work, "p1", {"name": "fine"})
    await tasks.settle()
    (stuck,) = await due(database)
    assert (stuck.kind, stuck.id) == ("security_group", odd.id)
    assert stuck.error == "no such thing"
    assert (Kind.SECURITY_GROUP, fine.id) in driver.specs


async def test_a_lost_data_plane_is_made_anew(tasks, driver):
    await small_cloud(tasks)
    await tasks.settle()
    before = dict(driver.specs)
    driver.forget_all()
    assert driver.specs == {}
    await tasks.settle()
    assert driver.specs == before


async def test_what_nobody_wants_is_removed_from_the_data_plane(tasks, driver, database):
    *_, guest, _ = await small_cloud(tasks)
    await tasks.settle()
    async with database.begin() as tx:  # as if the note of its removal had been lost
        await tx.execute(
            Port.table.update().where(Port.c.id == guest.id).values(device_owner=Owner.FLOATING_IP.value)
        )
    assert (Kind.PORT, guest.id) in driver.specs
    await _once(tasks, RECONCILERS[1])
    assert (Kind.PORT, guest.id) not in driver.specs


async def test_a_change_while_it_is_realised_stays_due(tasks, driver, database, monkeypatch):
    async with tasks.work() as work:
        group = await security_groups.create(work, "p1", {"name": "busy"})
    ensure = driver.ensure
    changed = []

    async def racing(spec):
        await ensure(spec)
        if not changed:
            changed.append(spec.id)
            async with tasks.work() as work:
                row = await work.db.get(SecurityGroup, group.id)
                await security_groups.update(work, row, {"name": "renamed"})

    monkeypatch.setattr(driver, "ensure", racing)
    await _once(tasks, RECONCILERS[0])
    assert [row.id for row in await due(database)] == [group.id]
    await tasks.settle()
    assert driver.specs[Kind.SECURITY_GROUP, group.id].name == "renamed"
    assert await due(database) == []
