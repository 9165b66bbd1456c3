"""Where upstream is strict, and what each version says and asks for."""

from typing import Any

import httpx
import pytest
from tests.services.placement.test_api import C1, C2, P1, P2, claim, provider, version
from tests.services.placement.test_trees import P3, below, candidates, served, traits

from cumulo.services.placement.api import allocations


@pytest.mark.parametrize("lost", ["consumer_generation", "consumer_type"])
async def test_what_a_version_asks_for_is_asked_for(api: httpx.AsyncClient, lost: str) -> None:
    await provider(api, VCPU={"total": 8})
    body = {name: value for name, value in claim(VCPU=1).items() if name != lost}
    refused = [
        await api.put(f"/allocations/{C1}", json=body),
        await api.post("/allocations", json={C1: body}),
        await api.post("/reshaper", json={"inventories": {}, "allocations": {C1: body}}),
    ]
    assert [answer.status_code for answer in refused] == [400, 400, 400]
    assert all(lost in answer.text for answer in refused)


async def test_owners_are_asked_for_since_there_are_any(api: httpx.AsyncClient) -> None:
    await provider(api, VCPU={"total": 8})
    body = {"allocations": [{"resource_provider": {"uuid": P1}, "resources": {"VCPU": 1}}]}
    assert (await api.put(f"/allocations/{C1}", json=body, headers=version("1.8"))).status_code == 400
    assert (await api.put(f"/allocations/{C1}", json=body, headers=version("1.7"))).status_code == 204


async def test_consumers_are_uuids(api: httpx.AsyncClient) -> None:
    await provider(api, VCPU={"total": 8})
    assert (await api.put("/allocations/nobody", json=claim(VCPU=1))).status_code == 400
    assert (await api.post("/allocations", json={"nobody": claim(VCPU=1)})).status_code == 400
    assert (await api.post("/allocations", json={})).status_code == 400
    assert (await api.get("/allocations/nobody")).json() == {"allocations": {}}


async def test_a_consumer_keeps_its_type_under_old_clients(api: httpx.AsyncClient) -> None:
    await provider(api, VCPU={"total": 8})
    await api.put(f"/allocations/{C1}", json=claim(VCPU=1))
    old = {name: value for name, value in claim(generation=1, VCPU=2).items() if name != "consumer_type"}
    assert (await api.put(f"/allocations/{C1}", json=old, headers=version("1.36"))).status_code == 204
    assert (await api.get(f"/allocations/{C1}")).json()["consumer_type"] == "INSTANCE"


async def test_each_consumer_counts_whatever_it_uses(api: httpx.AsyncClient) -> None:
    await provider(api, VCPU={"total": 8}, DISK_GB={"total": 10})
    await api.put(f"/allocations/{C1}", json=claim(VCPU=2))
    await api.put(f"/allocations/{C2}", json=claim(DISK_GB=3))
    for kind, name in (("", "INSTANCE"), ("&consumer_type=all", "all"), ("&consumer_type=INSTANCE",) * 2):
        found = (await api.get(f"/usages?project_id=p1{kind}")).json()["usages"]
        assert found[name.removeprefix("&consumer_type=")] == {"consumer_count": 2, "VCPU": 2, "DISK_GB": 3}


async def test_a_consumer_may_come_while_usages_are_summed_up(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await provider(api, VCPU={"total": 8})
    used = allocations.used

    async def and_then_one_comes(ctx: Any, *by: Any) -> Any:
        found = await used(ctx, *by)
        await api.put(f"/allocations/{C1}", json=claim(VCPU=2))
        return found

    monkeypatch.setattr(allocations, "used", and_then_one_comes)
    assert (await api.get("/usages?project_id=p1")).json()["usages"]["INSTANCE"]["VCPU"] == 2


@pytest.mark.parametrize(
    ("query", "since"),
    [
        ("names=x", ""),
        ("required=HW_NUMA_ROOT", "1.18"),
        (f"in_tree={P1}", "1.14"),
        ("resources=VCPU:1", "1.4"),
    ],
)
async def test_a_list_knows_its_parameters(api: httpx.AsyncClient, query: str, since: str) -> None:
    before = version(f"1.{int(since[2:]) - 1}") if since else {}
    assert (await api.get(f"/resource_providers?{query}", headers=before)).status_code == 400
    if since:
        assert (await api.get(f"/resource_providers?{query}", headers=version(since))).status_code == 200


@pytest.mark.parametrize("name", ["uuid", "in_tree"])
async def test_a_uuid_is_one(api: httpx.AsyncClient, name: str) -> None:
    assert (await api.get(f"/resource_providers?{name}=none")).status_code == 400
    if name == "in_tree":
        assert (await api.get("/allocation_candidates?resources=VCPU:1&in_tree=none")).status_code == 400


async def test_a_ratio_beyond_all_numbers_is_refused_and_a_large_one_is_bearable(
    api: httpx.AsyncClient,
) -> None:
    await provider(api)
    body: dict[str, Any] = {"resource_provider_generation": 0}
    body["inventories"] = {"VCPU": {"total": 2, "allocation_ratio": 1e308}}
    url = f"/resource_providers/{P1}/inventories"
    assert (await api.put(url, json=body)).status_code == 400
    body["inventories"]["VCPU"]["allocation_ratio"] = 3e38
    assert (await api.put(url, json=body)).status_code == 200
    [found] = await candidates(api, "resources=VCPU:1")
    assert found["mappings"] == {"": [P1]}
    assert (await api.put(f"/allocations/{C1}", json=claim(VCPU=1))).status_code == 204


async def test_all_may_be_reserved_since_it_may(api: httpx.AsyncClient) -> None:
    await provider(api)
    body = {"resource_provider_generation": 0, "inventories": {"VCPU": {"total": 2, "reserved": 2}}}
    url = f"/resource_providers/{P1}/inventories"
    assert (await api.put(url, json=body, headers=version("1.25"))).status_code == 400
    assert (await api.put(url, json=body, headers=version("1.26"))).status_code == 200


async def test_what_others_may_reserve_does_not_keep_old_clients_from_the_rest(
    api: httpx.AsyncClient,
) -> None:
    await provider(api, P1, VCPU={"total": 2}, DISK_GB={"total": 9, "reserved": 9})
    url, old = f"/resource_providers/{P1}/inventories", version("1.25")
    body = {"resource_provider_generation": 1, "total": 4}
    assert (await api.put(f"{url}/VCPU", json=body, headers=old)).status_code == 200
    body |= {"resource_provider_generation": 2, "resource_class": "MEMORY_MB"}
    assert (await api.post(url, json=body, headers=old)).status_code == 201
    assert (await api.put(f"{url}/DISK_GB", json=body, headers=old)).status_code == 400


async def test_a_provider_is_moved_only_since_it_may(api: httpx.AsyncClient) -> None:
    for uuid in (P1, P2):
        await provider(api, uuid)
    body: dict[str, Any] = {"name": "child", "parent_provider_uuid": P1}
    assert (await api.put(f"/resource_providers/{P2}", json=body, headers=version("1.36"))).status_code == 200
    body["parent_provider_uuid"] = None
    assert (await api.put(f"/resource_providers/{P2}", json=body, headers=version("1.36"))).status_code == 400
    assert (await api.put(f"/resource_providers/{P2}", json=body, headers=version("1.37"))).status_code == 200


async def test_a_group_without_resources_only_has_to_be_there(api: httpx.AsyncClient) -> None:
    await provider(api, P1, VCPU={"total": 4})
    await below(api, P2, P1, VGPU={"total": 1})
    await traits(api, P1, "HW_NUMA_ROOT")
    groups = "resources_gpu=VGPU:1&required_root=HW_NUMA_ROOT&group_policy=none"
    assert (await api.get(f"/allocation_candidates?{groups}")).status_code == 400
    together = f"{groups}&same_subtree=_gpu,_root"
    assert await served(api, together) == [{"_gpu": [P2], "_root": [P1]}]
    [found] = await candidates(api, together)
    assert found["allocations"] == {P2: {"resources": {"VGPU": 1}}}
    unnamed = "resources=VCPU:1&same_subtree=_root,&required_root=HW_NUMA_ROOT&group_policy=none"
    assert (await api.get(f"/allocation_candidates?{unnamed}")).status_code == 400


async def test_names_are_no_longer_than_they_may_be(api: httpx.AsyncClient) -> None:
    for kind in ("traits", "resource_classes"):
        assert (await api.put(f"/{kind}/CUSTOM_{'A' * 248}")).status_code == 201
        assert (await api.put(f"/{kind}/CUSTOM_{'A' * 249}")).status_code == 400
    again = await api.post("/resource_classes", json={"name": f"CUSTOM_{'A' * 248}"})
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "placement.undefined_code")


async def test_old_versions_find_as_many_as_they_ask_for_among_those_they_know(
    api: httpx.AsyncClient,
) -> None:
    await provider(api, P1)
    await below(api, P2, P1, VCPU={"total": 4})
    await provider(api, P3, VCPU={"total": 4})
    found = await api.get("/allocation_candidates?resources=VCPU:1&limit=1", headers=version("1.28"))
    assert [list(one["allocations"]) for one in found.json()["allocation_requests"]] == [[P3]]
    assert await served(api, "resources=VCPU:1&limit=1") == [{"": [P2]}]


async def test_what_must_not_be_is_asked_for_since_it_may(api: httpx.AsyncClient) -> None:
    for path in ("resource_providers?", "allocation_candidates?resources=VCPU:1&"):
        for minor, status in ((21, 400), (22, 200)):
            answer = await api.get(f"/{path}required=!HW_NUMA_ROOT", headers=version(f"1.{minor}"))
            assert answer.status_code == status


async def test_a_reshaping_may_be_of_many(api: httpx.AsyncClient) -> None:
    await provider(api, VCPU={"total": 4000})
    many = {f"c1111111-1111-4111-8111-{number:012}": claim(VCPU=1) for number in range(800)}
    assert (await api.post("/allocations", json=many)).status_code == 204
    assert (await api.get(f"/resource_providers/{P1}/usages")).json()["usages"] == {"VCPU": 800}


@pytest.mark.parametrize("path", ["traits?names=in:A", "usages?project_id=p1&projects=p2"])
async def test_what_is_no_parameter_is_refused(api: httpx.AsyncClient, path: str) -> None:
    assert (await api.get(f"/{path}")).status_code == 400


async def test_usages_are_of_a_type_since_there_are_types(api: httpx.AsyncClient) -> None:
    typed = "/usages?project_id=p1&consumer_type=INSTANCE"
    assert (await api.get(typed, headers=version("1.37"))).status_code == 400
    assert (await api.get(typed, headers=version("1.38"))).status_code == 200


async def test_a_class_can_be_added_to_an_inventory_without_a_generation(api: httpx.AsyncClient) -> None:
    await provider(api, VCPU={"total": 8})
    url = f"/resource_providers/{P1}/inventories"
    made = await api.post(url, json={"resource_class": "DISK_GB", "total": 10})
    assert (made.status_code, made.json()["total"]) == (201, 10)
    assert made.json()["resource_provider_generation"] == 2
    outdated = {"resource_class": "MEMORY_MB", "total": 10, "resource_provider_generation": 1}
    assert (await api.post(url, json=outdated)).status_code == 409
    assert (await api.put(f"{url}/DISK_GB", json={"total": 11})).status_code == 400
