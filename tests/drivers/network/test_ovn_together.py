"""Many resources at once in OVN's real databases."""

import asyncio
import subprocess

import pytest

from cumulo.core.drivers import Permanent
from cumulo.services.network.drivers.ovn import places
from cumulo.testing.network import GROUP, INSIDE, SUBNET, port

pytestmark = pytest.mark.engines


@pytest.fixture
async def driver(ovn_driver):
    for spec in (INSIDE, SUBNET, GROUP):
        await ovn_driver.ensure(spec)
    return ovn_driver


def acls(driver):
    held = driver._inventory.of(places.DROP.owner).items()
    return {place.key: row["match"] for place, row in held if place.table == "ACL"}


async def test_ports_that_come_at_once_are_all_there_and_in_their_groups(driver):
    numbers = range(11, 31)
    await asyncio.gather(*(driver.ensure(port(number)) for number in numbers))
    assert await driver.up() == {f"port-{number}": False for number in numbers}
    for number in numbers:
        assert await driver.differences(port(number)) == []
    members = driver._inventory.find(places.DROP)["ports"]
    assert len(members) == len(numbers)
    await asyncio.gather(*(driver.remove(port(number).kind, f"port-{number}") for number in numbers))
    assert await driver.up() == {}


async def test_one_that_ovn_refuses_holds_back_no_other(driver):
    await driver.ensure(port(11))
    odd = port(12, parent="port-11", tag=9999)  # more than a VLAN's tag may be
    outcomes = await asyncio.gather(
        *(driver.ensure(spec) for spec in (port(13), odd, port(14))), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), Permanent, type(None)]
    assert set(await driver.up()) == {"port-11", "port-13", "port-14"}


async def test_what_drops_all_else_is_put_back_by_the_next_port(driver, central):
    await driver.ensure(port(11))
    whole = acls(driver)
    nbctl = ["ovn-nbctl", "--timeout=10", f"--db={central[0]}"]
    found = [*nbctl, "--bare", "--columns=_uuid", "find", "ACL", "priority=1000"]
    listed = await asyncio.to_thread(subprocess.check_output, found, text=True)
    await asyncio.to_thread(
        subprocess.run, [*nbctl, "set", "ACL", listed.split()[0], "action=allow", "match=ip6"], check=True
    )
    await driver._north.until(lambda: acls(driver) != whole)
    for number in (12, 13):  # the second finds it whole
        await driver.ensure(port(number))
        assert acls(driver) == whole
