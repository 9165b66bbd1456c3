"""Calls that Nova gave up, or that nothing here has an engine for: each is told what it must be told."""

from typing import Any

import pytest
from tests.services.compute.fakes import NEWEST, ComputeCloud, create

from cumulo.services.compute.api.removed import REMOVED
from cumulo.services.compute.domain.audits import instant, month_before

URL = "/compute/v2.1"
OLD = {"X-OpenStack-Nova-API-Version": "2.1"}
VOLUME = "33333333-3333-4333-8333-333333333333"


@pytest.mark.parametrize(("method", "path", "release"), REMOVED)
async def test_what_is_removed_says_so(cloud: ComputeCloud, method: str, path: str, release: str):
    for headers in (OLD, NEWEST):
        answer = await cloud.member("p1").request(method, f"{URL}{path}", headers=headers)
        assert (answer.status_code, release in answer.text) == (410, True)


@pytest.mark.parametrize("action", ["resetNetwork", "os-getRDPConsole"])
async def test_removed_actions_say_so(cloud: ComputeCloud, action: str):
    client = cloud.member("p1")
    answer = await client.post(f"{URL}/servers/x/action", json={action: None}, headers=OLD)
    assert answer.status_code == 410


async def test_no_host_makes_audits_of_usage(cloud: ComputeCloud):
    client = cloud.admin()
    told = (await client.get(f"{URL}/os-instance_usage_audit_log")).json()["instance_usage_audit_logs"]
    assert (told["num_hosts"], told["hosts_not_run"]) == (1, ["h1"])
    url = f"{URL}/os-instance_usage_audit_log/2026-03-31 10:11:12.5"
    told = (await client.get(url)).json()["instance_usage_audit_log"]
    assert (told["period_beginning"], told["period_ending"]) == ("2026-02-01 00:00:00", "2026-03-01 00:00:00")
    for text in ("yesterday", "0001-01-01 00:00:00"):
        wrong = await client.get(f"{URL}/os-instance_usage_audit_log/{text}")
        assert (wrong.status_code, text in wrong.text) == (400, True)
    assert (await cloud.member("p1").get(f"{URL}/os-instance_usage_audit_log")).status_code == 403


def test_a_month_that_begins_now_is_not_over():
    begin, end = month_before(instant("2026-01-01 00:00:00"))
    assert (begin.isoformat(), end.isoformat()) == ("2025-11-01T00:00:00+00:00", "2025-12-01T00:00:00+00:00")


async def test_hosts_are_the_hypervisors_and_the_control_plane(cloud: ComputeCloud):
    client = cloud.admin()

    async def hosts(query: str = "") -> list[dict[str, Any]]:
        return list((await client.get(f"{URL}/os-hosts{query}", headers=OLD)).json()["hosts"])

    everyone = await hosts()
    assert [each["service"] for each in everyone] == ["conductor", "scheduler", "compute"]
    assert await hosts("?zone=") == everyone
    assert [each["host_name"] for each in await hosts("?zone=nova")] == ["h1"]
    assert {each["service"] for each in await hosts("?zone=internal")} == {"conductor", "scheduler"}
    assert await hosts("?zone=x") == []


@pytest.mark.parametrize("verb", ["reboot", "shutdown", "startup"])
async def test_hosts_are_neither_turned_on_nor_off(cloud: ComputeCloud, verb: str):
    admin, member = cloud.admin(), cloud.member("p1")
    assert (await admin.get(f"{URL}/os-hosts/h1/{verb}", headers=OLD)).status_code == 501
    assert (await admin.get(f"{URL}/os-hosts/nope/{verb}", headers=OLD)).status_code == 404
    assert (await member.get(f"{URL}/os-hosts/h1/{verb}", headers=OLD)).status_code == 403
    assert (await admin.get(f"{URL}/os-hosts/h1/{verb}", headers=NEWEST)).status_code == 404


async def test_there_are_no_bare_metal_nodes(cloud: ComputeCloud):
    client = cloud.admin()
    assert (await client.get(f"{URL}/os-baremetal-nodes", headers=OLD)).status_code == 501
    assert (await client.get(f"{URL}/os-baremetal-nodes/x", headers=OLD)).status_code == 501
    assert (await client.delete(f"{URL}/os-baremetal-nodes/x", headers=OLD)).status_code == 400
    assert (await client.get(f"{URL}/os-baremetal-nodes", headers=NEWEST)).status_code == 404


async def test_there_are_no_shares_to_attach(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await create(client)
    await cloud.settle()
    url = f"{URL}/servers/{server_id}/shares"
    assert (await client.get(url, headers=NEWEST)).json() == {"shares": []}
    body = {"share": {"share_id": VOLUME}}
    assert (await client.post(url, json=body, headers=NEWEST)).status_code == 409
    await client.post(f"{URL}/servers/{server_id}/action", json={"os-stop": None})
    await cloud.settle()
    refused = await client.post(url, json=body, headers=NEWEST)
    assert (refused.status_code, VOLUME in refused.text) == (404, True)
    assert (await client.post(url, json={"share": {"share_id": "x"}}, headers=NEWEST)).status_code == 400
    assert (await client.get(f"{url}/{VOLUME}", headers=NEWEST)).status_code == 404
    assert (await client.delete(f"{url}/{VOLUME}", headers=NEWEST)).status_code == 404
    assert (await client.get(url, headers={"X-OpenStack-Nova-API-Version": "2.96"})).status_code == 404


async def test_hosts_take_no_snapshots_of_volumes(cloud: ComputeCloud):
    client = cloud.admin()
    url = f"{URL}/os-assisted-volume-snapshots"
    info = {"snapshot_id": "s", "type": "qcow2", "new_file": "f"}
    body = {"snapshot": {"volume_id": VOLUME, "create_info": info}}
    assert (await client.post(url, json=body)).status_code == 404
    assert (await client.post(url, json={"snapshot": {"volume_id": VOLUME}})).status_code == 400
    assert (await client.delete(f"{url}/s")).status_code == 400
    assert (await client.delete(f"{url}/s", params={"delete_info": '{"x": ' + "[" * 5000})).status_code == 400
    named = {"delete_info": f'{{"volume_id": "{VOLUME}"}}'}
    assert (await client.delete(f"{url}/s", params=named)).status_code == 404
    assert (await cloud.member("p1").post(url, json=body)).status_code == 403


async def test_no_server_is_softly_deleted_and_none_restored(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await create(client)
    await cloud.settle()
    url = f"{URL}/servers/{server_id}/action"
    refused = await client.post(url, json={"restore": None})
    assert (refused.status_code, "vm_state active" in refused.text) == (409, True)


async def test_consoles_of_other_kinds_are_refused_by_name(cloud: ComputeCloud):
    action, kind, client = "os-getSPICEConsole", "spice-html5", cloud.member("p1")
    server_id = await create(client)
    await cloud.settle()
    url = f"{URL}/servers/{server_id}/action"
    refused = await client.post(url, json={action: {"type": kind}}, headers=OLD)
    assert (refused.status_code, kind in refused.text) == (400, True)
    assert (await client.post(url, json={action: {"type": kind}}, headers=NEWEST)).status_code in (400, 404)
