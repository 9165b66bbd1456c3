"""Whatever happens to OVN, it comes back to what the database says, and guests keep their addresses."""

import asyncio
import sys
from contextlib import ExitStack

import msgspec
import pytest

from cumulo.core.drivers import DriverError
from cumulo.core.tasks import Tasks
from cumulo.services.network.config import NetworkSettings
from cumulo.services.network.domain import networks, ports, security_groups, subnets
from cumulo.services.network.drivers.ovn import OvnDriver
from cumulo.services.network.drivers.specs import Driver, Kind
from cumulo.services.network.tasks import RECONCILERS, Checker, follow
from cumulo.services.network.tasks.desired import load
from cumulo.testing import ovn
from cumulo.testing.database import sqlite_database
from cumulo.testing.site import DHCP, HOST, Site

pytestmark = pytest.mark.engines


class Central:
    """OVN's databases and ovn-northd, which can be ended and started one by one."""

    def __init__(self, folder):
        self.folder = folder
        self.parts = {}
        self.addresses = tuple(f"unix:{folder / name}.sock" for name in ("nb", "sb"))

    def start(self, name):
        part = ExitStack()
        if name == "northd":
            databases = zip(("nb", "sb"), self.addresses, strict=True)
            options = [f"--ovn{which}-db={address}" for which, address in databases]
            child = part.enter_context(ovn.process(self.folder, ["ovn-northd", *options], name=name))
            part.callback(child.kill)
        else:
            part.enter_context(ovn.ovsdb(self.folder, name))
        self.parts[name] = part

    def end(self, name):
        self.parts.pop(name).close()


@pytest.fixture
def central(folder):
    if not ovn.available():
        pytest.skip("Open vSwitch and OVN are not installed")
    made = Central(folder)
    try:
        for name in ("nb", "sb", "northd"):
            made.start(name)
        yield made
    finally:
        for name in reversed(list(made.parts)):
            made.end(name)


@pytest.fixture
async def opened(tmp_path):
    async with sqlite_database(tmp_path) as database:
        yield database


class Lab:
    """Two guests on a network that reconcilers keep."""

    def __init__(self, central, site, tasks):
        self.central, self.site, self.tasks = central, site, tasks
        self.guests = {}

    async def fill(self):
        async with self.tasks.work() as work:
            network = await networks.create(work, "p1", {"name": "net", "dns_domain": "lab.example."})
            await subnets.create(work, network, "p1", {"cidr": "10.7.0.0/24", "ip_version": 4})
            group = await security_groups.ensure_default(work, "p1")
            host = self.site.host.namespace  # OVN has a guest's port where its host is
            values = {"group_ids": [group], "host": host, "device_owner": "compute:here"}
            made = [await ports.create(work, network, "p1", dns_name=name, **values) for name in ("a", "b")]
        await self.tasks.settle()
        async with self.tasks.database.read() as db:
            specs = await load(db, NetworkSettings(), Kind.PORT, [port.id for port in made])
        for number, spec in enumerate(specs.values()):
            named = msgspec.structs.replace(spec, id=f"port-{number}")
            namespace = await asyncio.to_thread(
                self.site.stack.enter_context, self.site.host.guest(str(number), spec.id, spec.mac)
            )
            address = named.addresses[0][1]
            await self.site.ip(namespace, "address", "add", f"{address}/24", "dev", "eth0")
            self.guests[namespace] = (address, spec.mac)

    async def differences(self):
        read = self.tasks.database.read
        checker = Checker(read, self.site.driver, NetworkSettings(), mend=False)
        return (await checker.run()).differences

    async def comes_back(self):
        """Wait until OVN agrees with the database, and the guests talk and are told their old addresses."""
        (one, (_, mac)), (_, (other, _)) = self.guests.items()
        async with asyncio.timeout(60):
            while not await self.agrees() or not await self.site.pings(one, other, patience=1):
                await self.tasks.pause(0.1)
        command = ["ip", "netns", "exec", one, sys.executable, "-c", DHCP, mac]
        told = await asyncio.to_thread(ovn.run, *command)
        assert told.split()[0] == self.guests[one][0]

    async def agrees(self):
        try:
            return await self.differences() == []
        except DriverError:
            return False

    async def nbctl(self, *words):
        command = ["ovn-nbctl", "--timeout=20", f"--db={self.central.addresses[0]}", *words]
        return await asyncio.to_thread(ovn.run, *command)


@pytest.fixture
async def lab(folder, central, opened):
    driver = OvnDriver(*central.addresses)
    await driver.start()
    bindings = {Driver: driver, NetworkSettings: NetworkSettings()}
    tasks = Tasks(opened, reconcilers=RECONCILERS, bindings=bindings)
    follow(driver, tasks.wake)
    with ExitStack() as stack:
        south = central.addresses[1]
        host = await asyncio.to_thread(stack.enter_context, ovn.chassis(folder, south, f"{HOST}/24"))
        made = Lab(central, Site(host, stack, driver, central.addresses[0]), tasks)
        await made.fill()
        await tasks.start_workers()
        try:
            await made.comes_back()
            yield made
        finally:
            await tasks.stop()
            await driver.stop()


async def test_a_wiped_database_is_filled_again(lab):
    lab.central.end("nb")
    (lab.central.folder / "nb.db").unlink()
    lab.central.start("nb")
    await lab.comes_back()


async def test_rows_that_somebody_removed_come_back(lab):
    for table in ("DNS", "DHCP_Options", "Port_Group"):
        await lab.nbctl("--all", "destroy", table)
        await lab.comes_back()
    switch = (await lab.nbctl("--bare", "--columns=name", "list", "Logical_Switch")).split()[0]
    for name in (await lab.nbctl("--bare", "--columns=name", "list", "Logical_Switch_Port")).split():
        await lab.nbctl("lsp-del", name)
    await lab.comes_back()
    await lab.nbctl("ls-del", switch)
    await lab.comes_back()


async def test_what_somebody_changed_is_shown_and_mended(lab):
    (row,) = (await lab.nbctl("--bare", "--columns=_uuid", "list", "DHCP_Options")).split()
    await lab.nbctl("dhcp-options-set-options", row, "lease_time=7")
    async with asyncio.timeout(10):
        while not (found := await lab.differences()):
            await lab.tasks.pause(0.05)
    assert [each.kind for each in found] == ["subnet"]
    assert "differs in options" in found[0].differences[0]
    checker = Checker(lab.tasks.database.read, lab.site.driver, NetworkSettings(), mend=True)
    assert [each.mended for each in (await checker.run()).differences] == [True]
    await lab.comes_back()


async def test_killed_daemons_leave_guests_their_addresses(lab):
    lab.central.end("northd")
    lab.central.start("northd")
    await lab.comes_back()
    for daemon in ("ovn-controller", "ovs-vswitchd"):
        await asyncio.to_thread(lab.site.host.start, daemon, lab.site.host.vswitch)
        await lab.comes_back()
