"""Logs of security groups, and whose packets they are of."""

import pytest

from cumulo.services.network.drivers.specs import Kind, LogSpec

KIND = {"resource_type": "security_group"}


@pytest.fixture
async def group(member):
    return await member.create("security_group", name="web")


async def log(admin, expect=201, **values):
    made = await admin.call("POST", "/log/logs", {"log": {**KIND, **values}}, expect=expect)
    return made["log"] if expect == 201 else made["NeutronError"]


def logs_of(driver, group):
    return driver.specs[Kind.SECURITY_GROUP, group["id"]].logs


async def test_a_log_is_of_a_group_until_it_is_switched_off(admin, group, cloud, driver):
    made = await log(admin, resource_id=group["id"], event="DROP", name="drops")
    await cloud.tasks.settle()
    assert logs_of(driver, group) == (LogSpec(id=made["id"], passed=False),)
    path = f"/log/logs/{made['id']}"
    changed = (await admin.call("PUT", path, {"log": {"enabled": False}}, expect=200))["log"]
    assert (changed["enabled"], changed["revision_number"]) == (False, made["revision_number"] + 1)
    await cloud.tasks.settle()
    assert logs_of(driver, group) == ()
    assert (await admin.show("/log/logs?event=DROP&fields=name"))["logs"] == [{"name": "drops"}]
    stale = {"If-Match": "revision_number=1"}
    answer = await admin.client.request("DELETE", f"/network/v2.0{path}", headers=stale)
    assert answer.status_code == 412
    await admin.delete(path)


async def test_a_log_of_a_port_follows_it_through_its_groups(admin, member, group, cloud, driver):
    network = await member.create("network")
    port = await member.create("port", network_id=network["id"], security_groups=[group["id"]])
    made = await log(admin, target_id=port["id"], event="ACCEPT")
    spec = LogSpec(id=made["id"], dropped=False, port=port["id"])
    await cloud.tasks.settle()
    assert logs_of(driver, group) == (spec,)
    other = await member.create("security_group", name="other")
    body = {"port": {"security_groups": [other["id"]]}}
    await member.call("PUT", f"/ports/{port['id']}", body, expect=200)
    await cloud.tasks.settle()
    assert (logs_of(driver, group), logs_of(driver, other)) == ((), (spec,))
    await member.delete(f"/ports/{port['id']}")
    await cloud.tasks.settle()
    assert logs_of(driver, other) == ()
    assert (await admin.show("/log/logs"))["logs"] == []


async def test_a_log_of_a_project_is_of_all_its_groups(admin, other, group, cloud, driver):
    theirs = await other.create("security_group", name="theirs")
    made = await log(admin, project_id="p1")
    await cloud.tasks.settle()
    assert logs_of(driver, group) == (LogSpec(id=made["id"]),)
    assert logs_of(driver, theirs) == ()


async def test_what_cannot_be_logged_is_refused(admin, member, group):
    assert (await log(admin, 400, resource_type="router"))["type"] == "InvalidLogResourceType"
    assert (await log(admin, 404, resource_id="none"))["type"] == "ResourceNotFound"
    assert (await log(admin, 404, target_id="none"))["type"] == "TargetResourceNotFound"
    network = await member.create("network")
    port = await member.create("port", network_id=network["id"])
    apart = await log(admin, 400, resource_id=group["id"], target_id=port["id"])
    assert apart["type"] == "InvalidResourceConstraint"
    await log(admin, 400, event="SOME")


async def test_logs_are_for_administrators(admin, member, group):
    made = await log(admin, resource_id=group["id"])
    await member.call("POST", "/log/logs", {"log": {**KIND, "resource_id": group["id"]}}, expect=403)
    await member.show(f"/log/logs/{made['id']}", expect=404)
    assert (await member.show("/log/logs"))["logs"] == []
    kinds = (await admin.show("/log/loggable-resources"))["loggable_resources"]
    assert kinds == [{"type": "security_group"}]
    await member.delete(f"/security-groups/{group['id']}")
    await admin.show(f"/log/logs/{made['id']}", expect=404)
