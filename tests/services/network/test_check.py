"""Administrators see where the data plane differs, and have it mended."""

import msgspec
import pytest

from cumulo.runtime.cli.network import lines
from cumulo.services.network.drivers.specs import Kind, NetworkSpec

PATH = "/OS-CUMULO/check"


@pytest.fixture
async def settled(member, cloud):
    network = await member.create("network", name="home")
    await member.create("subnet", network_id=network["id"], ip_version=4, cidr="10.5.0.0/24")
    await cloud.tasks.settle()
    return network["id"]


async def test_nothing_differs_when_nothing_was_touched(admin, settled):
    report = (await admin.show(PATH))["check"]
    assert (report["differences"], report["unwired"]) == ([], [])
    assert report["compared"] == 4  # network, subnet, security group, metadata's port


async def test_what_is_lost_changed_or_foreign_is_shown_and_mended(admin, settled, driver):
    spec = driver.specs[Kind.NETWORK, settled]
    driver.specs[Kind.NETWORK, settled] = msgspec.structs.replace(spec, mtu=9000)
    (group,) = (key for key in driver.specs if key[0] is Kind.SECURITY_GROUP)
    del driver.specs[group]
    driver.specs[Kind.NETWORK, "stranger"] = NetworkSpec(id="stranger", name="x", mtu=1500)
    found = (await admin.show(PATH))["check"]["differences"]
    assert {(each["kind"], each["id"]) for each in found} == {
        ("network", settled),
        ("network", "stranger"),
        ("security_group", group[1]),
    }
    assert not any(each["mended"] for each in found)
    assert (Kind.NETWORK, "stranger") in driver.specs
    report = (await admin.call("POST", PATH, expect=200))["check"]
    assert len(report["differences"]) == 3
    assert all(each["mended"] for each in report["differences"])
    assert (await admin.show(PATH))["check"]["differences"] == []
    assert driver.specs[Kind.NETWORK, settled] == spec


async def test_a_report_is_told_in_lines():
    difference = {"kind": "port", "id": "p", "differences": ["no row"], "mended": False, "error": "not now"}
    report = {"compared": 3, "differences": [difference], "unwired": ["q"]}
    told = list(lines(report))
    assert told[0].split() == ["port", "p"]
    assert told[1].strip() == "no row"
    assert "not now" in told[2]
    assert "q" in told[3]
    assert told[4] == "3 compared, 1 with differences"


async def test_an_engine_that_is_silent_is_said_to_be(admin, member, settled, driver):
    driver.broken = True
    answer = await admin.show(PATH, expect=503)
    assert answer["NeutronError"]["type"] == "NetworkEngineSilent"
    driver.broken = False
    await member.show(PATH, expect=403)
