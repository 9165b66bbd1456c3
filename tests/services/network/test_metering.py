"""Metering labels: what of routers' traffic is counted, and how hosts' counts become theirs."""

from types import SimpleNamespace

import pytest

from cumulo.contracts.traffic import Count, Traffic
from cumulo.core.bus import Bus, LocalBus, verbs
from cumulo.services.network import SERVICE
from cumulo.services.network.drivers.specs import Driver, HostState, Kind
from cumulo.services.network.metering import Portion, portions
from cumulo.testing.cloud import Cloud


class Switch:
    """A host's switch whose counters a test sets."""

    def __init__(self):
        self.held = []

    async def counts(self):
        return self.held


@pytest.fixture
def switch():
    return Switch()


@pytest.fixture
async def cloud(database, driver, switch):
    await database.create_all()
    bus = LocalBus()
    await bus.serve("host1", verbs("traffic", Traffic, switch))
    async with Cloud([SERVICE], database, {Driver: driver, Bus: bus}) as running:
        yield running


@pytest.fixture
async def router(member, admin):
    outside = await admin.create("network", **{"router:external": True})
    await admin.create("subnet", network_id=outside["id"], cidr="192.0.2.0/24", ip_version=4)
    return await member.create("router", external_gateway_info={"network_id": outside["id"]})


async def label(admin, *prefixes, **values):
    body = {"metering_label": {"project_id": "p1", **values}}
    made = (await admin.call("POST", "/metering/metering-labels", body, expect=201))["metering_label"]
    for prefix in prefixes:
        await rule(admin, made, prefix)
    return made


async def rule(admin, label, prefix, expect=201, **values):
    given = {"metering_label_id": label["id"], "direction": "egress", "remote_ip_prefix": prefix, **values}
    path = "/metering/metering-label-rules"
    made = await admin.call("POST", path, {"metering_label_rule": given}, expect=expect)
    return made["metering_label_rule"] if expect == 201 else made["NeutronError"]


async def ask(cloud, driver):
    driver.known_hosts = [HostState(name="c1", host="host1")]
    for name in ("network.hosts", "network.meters"):
        cloud.tasks.wake(name)
        await cloud.tasks.settle()


async def counted(admin, label):
    shown = (await admin.show(f"/metering/metering-labels/{label['id']}"))["metering_label"]
    return shown["cumulo:packets"], shown["cumulo:bytes"]


async def test_what_hosts_count_is_added_to_each_label_that_counts_it(admin, router, cloud, driver, switch):
    wide, narrow = await label(admin, "0.0.0.0/0"), await label(admin, "198.51.100.0/24", name="office")
    await cloud.tasks.settle()
    meters = {meter.prefix: meter for meter in driver.specs[Kind.ROUTER, router["id"]].meters}
    marks = [meters[prefix].mark for prefix in ("0.0.0.0/0", "198.51.100.0/24")]
    switch.held = [Count(mark=mark, packets=n, bytes=n * 100) for n, mark in zip((5, 2), marks, strict=True)]
    await ask(cloud, driver)
    assert [await counted(admin, each) for each in (wide, narrow)] == [(7, 700), (2, 200)]
    await ask(cloud, driver)
    assert [await counted(admin, each) for each in (wide, narrow)] == [(7, 700), (2, 200)]
    switch.held = [Count(mark=marks[0], packets=8, bytes=900), Count(mark=marks[1], packets=1, bytes=60)]
    await ask(cloud, driver)  # the first went on, the second began anew
    assert [await counted(admin, each) for each in (wide, narrow)] == [(11, 1160), (3, 260)]


async def test_only_routers_of_the_project_are_metered_unless_the_label_is_shared(
    admin, router, cloud, driver
):
    other = await label(admin, "0.0.0.0/0", project_id="p2")
    await cloud.tasks.settle()
    assert driver.specs[Kind.ROUTER, router["id"]].meters == ()
    shared = await label(admin, "0.0.0.0/0", project_id="p2", shared=True)
    await cloud.tasks.settle()
    assert len(driver.specs[Kind.ROUTER, router["id"]].meters) == 1
    for made in (other, shared):
        await admin.delete(f"/metering/metering-labels/{made['id']}")
    await cloud.tasks.settle()
    assert driver.specs[Kind.ROUTER, router["id"]].meters == ()
    assert (await admin.show("/metering/metering-label-rules"))["metering_label_rules"] == []


async def test_rules_of_a_label_do_not_overlap_and_name_a_prefix(admin, member):
    made = await label(admin, "10.0.0.0/8")
    assert (await rule(admin, made, "10.1.0.0/16", 409))["type"] == "MeteringLabelRuleOverlaps"
    await rule(admin, made, "10.1.0.0/16", excluded=True)
    await rule(admin, made, "10.1.0.0/16", direction="ingress")
    assert "CIDR" in (await rule(admin, made, "ten", 400))["message"]
    assert (await rule(admin, {"id": "none"}, "10.0.0.0/8", 404))["type"] == "MeteringLabelNotFound"
    await rule(admin, made, "10.0.0.0/8", 400, direction="up")
    path = f"/metering/metering-label-rules?metering_label_id={made['id']}&direction=ingress"
    (found,) = (await admin.show(path))["metering_label_rules"]
    await admin.delete(f"/metering/metering-label-rules/{found['id']}")
    await member.call("POST", "/metering/metering-labels", {"metering_label": {}}, expect=403)
    await member.show(f"/metering/metering-labels/{made['id']}", expect=404)


def a_rule(label_id, prefix, *, excluded=False):
    return SimpleNamespace(label_id=label_id, direction="ingress", remote_ip_prefix=prefix, excluded=excluded)


def test_the_longest_prefix_says_whom_a_packet_counts_for():
    rules = [
        a_rule("all", "0.0.0.0/0"),
        a_rule("all", "10.1.0.0/16", excluded=True),
        a_rule("ten", "10.0.0.0/8"),
        a_rule("six", "2001:db8::/32"),
    ]
    assert portions(rules) == {
        Portion(True, "0.0.0.0/0"): {"all"},
        Portion(True, "10.0.0.0/8"): {"all", "ten"},
        Portion(True, "10.1.0.0/16"): {"ten"},
        Portion(True, "2001:db8::/32"): {"six"},
    }
