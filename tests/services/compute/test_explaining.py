"""What the scheduler says of servers that nobody asked for."""

from typing import Any

import pytest
from tests.services.compute.fakes import IMAGE, ComputeCloud, create

from cumulo.services.compute.model import ComputeHost

PATH = "/compute/v2.1/OS-CUMULO/schedule/explain"


async def explained(cloud: ComputeCloud, status: int = 200, **question: Any) -> dict[str, Any]:
    response = await cloud.admin().post(PATH, json={"server": {"flavor": "c1", **question}})
    assert response.status_code == status, response.text
    found: dict[str, Any] = response.json()
    return found["schedule"] if status == 200 else found


async def test_each_host_is_told_with_its_weight_or_what_refuses_it(cloud: ComputeCloud):
    await cloud.add_host("h2", memory_mib=64)
    await cloud.add_host("h3")
    async with cloud.database.begin() as db:
        await db.update(ComputeHost, ComputeHost.c.host == "h3", disabled=True, disabled_reason="repairs")
    found = await explained(cloud, image=IMAGE)
    hosts = {host["host"]: host for host in found["hosts"]}
    assert hosts["h1"]["fits"] is True
    assert hosts["h1"]["free_share"] == {"MEMORY_MB": 1, "VCPU": 1, "DISK_GB": 1}
    assert (hosts["h2"]["filter"], hosts["h3"]["filter"]) == ("has room", "is enabled")
    assert hosts["h2"]["reason"].startswith("h2 ")
    assert hosts["h3"]["reason"] == "h3 is disabled (repairs)"
    assert found["conclusion"] == "The server would go to h1."
    assert found["resources"]["MEMORY_MB"] == 128


async def test_where_none_fits_the_conclusion_is_the_fault_of_a_server(cloud: ComputeCloud):
    found = await explained(cloud, zone="elsewhere")
    assert found["conclusion"] == "No valid host was found: h1 is in zone nova, not elsewhere."
    async with cloud.database.begin() as db:
        await db.update(ComputeHost, ComputeHost.c.host == "h1", forced_down=True)
    found = await explained(cloud)
    assert found["conclusion"] == "No valid host was found: h1 is down."


async def test_nothing_is_promised(cloud: ComputeCloud):
    await explained(cloud)
    assert cloud.placement.claims == {}


async def test_what_servers_take_makes_a_host_worth_less(cloud: ComputeCloud):
    before = (await explained(cloud))["hosts"][0]["weight"]
    await create(cloud.member("p1"))
    await cloud.settle()
    assert (await explained(cloud))["hosts"][0]["weight"] < before


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ({"flavor": "nope"}, 400),
        ({"image": "nope"}, 400),
        ({"host": "nope"}, 404),
        ({"zone": 7}, 400),
        ({"colour": "red"}, 400),
        ({"hints": {"different_host": 7}}, 400),
        ({"hints": {"same_host": "nope"}}, 400),
        ({"hints": {"query": "["}}, 400),
        ({"hints": {"group": "nope"}}, 400),
    ],
)
async def test_a_question_about_what_is_not_there_is_refused(
    cloud: ComputeCloud, question: dict[str, Any], status: int
):
    await explained(cloud, status, **question)


async def test_a_machine_that_cannot_be_built_is_refused_as_at_a_creation(cloud: ComputeCloud):
    path, specs = "/compute/v2.1/flavors/c1/os-extra_specs", {"hw:numa_nodes": "2"}
    assert (await cloud.admin().post(path, json={"extra_specs": specs})).status_code == 200
    refused = await explained(cloud, 400, image=IMAGE)
    assert "hw:numa_nodes" in refused["badRequest"]["message"]


async def test_only_administrators_ask(cloud: ComputeCloud):
    response = await cloud.member("p1").post(PATH, json={"server": {"flavor": "c1"}})
    assert response.status_code == 403
