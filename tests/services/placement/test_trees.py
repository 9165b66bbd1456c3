"""Trees, aggregates, groups of resources and the reshaper, over HTTP."""

from typing import Any

import httpx
import pytest
from tests.services.placement.test_api import C1, C2, P1, P2, claim, provider, version

from cumulo.services.placement.domain import Room
from cumulo.services.placement.model import Provider, Stock
from cumulo.services.placement.trees import Group, Landscape, Request, ways

P3, P4 = "33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444"
A1, A2 = "a1111111-1111-4111-8111-111111111111", "a2222222-2222-4222-8222-222222222222"
SHARING = "MISC_SHARES_VIA_AGGREGATE"


async def below(api: httpx.AsyncClient, uuid: str, parent: str, **inventories: Any) -> None:
    await provider(api, uuid, **inventories)
    body = {"name": uuid[:4], "parent_provider_uuid": parent}
    assert (await api.put(f"/resource_providers/{uuid}", json=body)).status_code == 200


async def generation(api: httpx.AsyncClient, uuid: str) -> int:
    shown: int = (await api.get(f"/resource_providers/{uuid}")).json()["generation"]
    return shown


async def aggregates(api: httpx.AsyncClient, uuid: str, *names: str) -> None:
    now = await generation(api, uuid)
    body = {"resource_provider_generation": now, "aggregates": list(names)}
    answer = await api.put(f"/resource_providers/{uuid}/aggregates", json=body)
    assert answer.status_code == 200, answer.text


async def traits(api: httpx.AsyncClient, uuid: str, *names: str) -> None:
    now = await generation(api, uuid)
    body = {"resource_provider_generation": now, "traits": list(names)}
    answer = await api.put(f"/resource_providers/{uuid}/traits", json=body)
    assert answer.status_code == 200, answer.text


async def candidates(api: httpx.AsyncClient, query: str) -> list[dict[str, Any]]:
    answer = await api.get(f"/allocation_candidates?{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["allocation_requests"]
    return found


async def served(api: httpx.AsyncClient, query: str) -> list[dict[str, list[str]]]:
    """Return which providers serve which group, for each candidate."""
    return [request["mappings"] for request in await candidates(api, query)]


async def test_aggregates_are_set_by_generation(api: httpx.AsyncClient) -> None:
    await provider(api, P1, VCPU={"total": 4})
    before = await generation(api, P1)
    await aggregates(api, P1, A1, A2)
    shown = (await api.get(f"/resource_providers/{P1}/aggregates")).json()
    assert shown == {"aggregates": [A1, A2], "resource_provider_generation": before + 1}
    stale = {"resource_provider_generation": before, "aggregates": []}
    assert (await api.put(f"/resource_providers/{P1}/aggregates", json=stale)).status_code == 409
    old = await api.put(f"/resource_providers/{P1}/aggregates", json=[A2], headers=version("1.1"))
    assert old.json() == {"aggregates": [A2]}
    assert await generation(api, P1) == before + 1  # until 1.18 setting them does not count
    bad = await api.put(f"/resource_providers/{P1}/aggregates", json=["x"], headers=version("1.1"))
    assert bad.status_code == 400


async def test_providers_are_listed_by_aggregate(api: httpx.AsyncClient) -> None:
    for uuid, names in ((P1, [A1]), (P2, [A2]), (P3, [])):
        await provider(api, uuid, VCPU={"total": 4})
        await aggregates(api, uuid, *names)

    async def listed(query: str) -> set[str]:
        answer = await api.get(f"/resource_providers?{query}")
        assert answer.status_code == 200, answer.text
        return {each["uuid"] for each in answer.json()["resource_providers"]}

    assert await listed(f"member_of={A1}") == {P1}
    assert await listed(f"member_of=in:{A1},{A2}") == {P1, P2}
    assert await listed(f"member_of=!{A1}") == {P2, P3}
    assert await listed(f"member_of=!in:{A1},{A2}") == {P3}
    old = await api.get(f"/resource_providers?member_of=!{A1}", headers=version("1.31"))
    assert old.status_code == 400


async def test_what_the_unnamed_group_asks_for_may_come_from_all_over_a_tree(api: httpx.AsyncClient) -> None:
    await provider(api, P1, VCPU={"total": 4}, MEMORY_MB={"total": 1024})
    await below(api, P2, P1, VGPU={"total": 1})
    (found,) = await candidates(api, "resources=VCPU:1,VGPU:1")
    assert found["allocations"] == {P1: {"resources": {"VCPU": 1}}, P2: {"resources": {"VGPU": 1}}}
    assert sorted(found["mappings"][""]) == [P1, P2]
    whole = (await api.get("/allocation_candidates?resources=VCPU:1")).json()["provider_summaries"]
    assert set(whole) == {P1, P2}  # all of the tree since 1.29
    headers = version("1.28")
    old = await api.get("/allocation_candidates?resources=VCPU:1,VGPU:1", headers=headers)
    assert old.json()["allocation_requests"] == []


async def test_named_groups_come_from_one_provider_each(api: httpx.AsyncClient) -> None:
    await provider(api, P1, VCPU={"total": 4})
    for uuid in (P2, P3):
        await below(api, uuid, P1, SRIOV_NET_VF={"total": 2})
    await traits(api, P3, "HW_CPU_X86_AVX")
    base = "resources=VCPU:1&resources1=SRIOV_NET_VF:1&resources2=SRIOV_NET_VF:1"
    apart = await served(api, f"{base}&group_policy=isolate")
    assert {(each["1"][0], each["2"][0]) for each in apart} == {(P2, P3), (P3, P2)}
    assert len(await served(api, f"{base}&group_policy=none")) == 4
    assert await served(api, "resources1=SRIOV_NET_VF:1&required1=HW_CPU_X86_AVX") == [{"1": [P3]}]
    assert await served(api, "resources1=SRIOV_NET_VF:1&required1=!HW_CPU_X86_AVX") == [{"1": [P2]}]
    assert await served(api, "resources_NIC=SRIOV_NET_VF:1&required_NIC=HW_CPU_X86_AVX") == [{"_NIC": [P3]}]
    full = f"{base}&resources3=SRIOV_NET_VF:2&group_policy=none"
    assert all(each["1"] == each["2"] != each["3"] for each in await served(api, full))


@pytest.mark.parametrize("isolate", [False, True])
def test_as_many_groups_as_there_are_providers_find_each_its_own(isolate: bool) -> None:
    cards = [f"card{number}" for number in range(9)]
    providers = {id_: Provider(id=id_, name=id_, parent_id="host", root_id="host") for id_ in cards}
    providers["host"] = Provider(id="host", name="host", root_id="host")
    each = 2 if isolate else 1
    rooms = {id_: {"VGPU": Room(Stock(provider_id=id_, resource="VGPU", total=each), 0)} for id_ in cards}
    groups = [Group(suffix=id_, resources={"VGPU": 1}) for id_ in cards]
    land = Landscape(providers, rooms, {}, {})
    (found,) = ways(land, Request(groups=groups, isolate=isolate, limit=1))
    assert found.amounts == {id_: {"VGPU": 1} for id_ in cards}
    rooms["card0"]["VGPU"] = Room(rooms["card0"]["VGPU"].stock, each)
    assert ways(land, Request(groups=groups, isolate=isolate, limit=1)) == []  # soon


async def test_a_tree_a_root_and_an_aggregate_can_be_asked_for(api: httpx.AsyncClient) -> None:
    await provider(api, P1, VCPU={"total": 4})
    await provider(api, P2, VCPU={"total": 4})
    await below(api, P3, P2, VGPU={"total": 1})
    await aggregates(api, P2, A1)
    await traits(api, P2, "HW_CPU_X86_AVX")

    async def hosts(query: str) -> set[str]:
        return {ids[0] for each in await served(api, query) for ids in each.values()}

    assert await hosts(f"resources=VCPU:1&in_tree={P3}") == {P2}
    assert await hosts(f"resources=VCPU:1&member_of={A1}") == {P2}
    assert await hosts(f"resources=VCPU:1&member_of=!{A1}") == {P1}
    assert await hosts(f"resources1=VGPU:1&member_of1={A1}") == {P3}  # by its root
    assert await hosts("resources=VCPU:1&root_required=HW_CPU_X86_AVX") == {P2}
    assert await hosts("resources=VCPU:1&root_required=!HW_CPU_X86_AVX") == {P1}
    assert await hosts("resources=VCPU:1&required=in:HW_CPU_X86_AVX,HW_CPU_X86_SSE") == {P2}
    assert len(await candidates(api, "resources=VCPU:1&limit=1")) == 1


async def test_groups_can_be_asked_for_below_one_provider(api: httpx.AsyncClient) -> None:
    await provider(api, P1, MEMORY_MB={"total": 1024})
    for uuid in (P2, P3):
        await below(api, uuid, P1, VCPU={"total": 4})
    await below(api, P4, P3, VGPU={"total": 1})
    query = "resources_A=VCPU:1&resources_B=VGPU:1&group_policy=none"
    assert len(await served(api, query)) == 2
    assert await served(api, f"{query}&same_subtree=_A,_B") == [{"_A": [P3], "_B": [P4]}]


async def test_what_is_shared_by_an_aggregate_serves_its_trees(api: httpx.AsyncClient) -> None:
    await provider(api, P1, VCPU={"total": 4})
    await provider(api, P2, VCPU={"total": 4})
    await provider(api, P3, DISK_GB={"total": 100})
    await aggregates(api, P1, A1)
    await aggregates(api, P3, A1)
    assert await served(api, "resources=VCPU:1,DISK_GB:10") == []
    await traits(api, P3, SHARING)
    assert [sorted(each[""]) for each in await served(api, "resources=VCPU:1,DISK_GB:10")] == [[P1, P3]]


@pytest.mark.parametrize(
    ("query", "microversion"),
    [
        ("", "1.39"),
        ("required=HW_CPU_X86_AVX", "1.39"),
        ("resources=VCPU", "1.39"),
        ("resources=NOTHING:1", "1.39"),
        ("resources=VCPU:1&required=NOTHING", "1.39"),
        ("resources=VCPU:1&required=HW_CPU_X86_AVX,!HW_CPU_X86_AVX", "1.39"),
        ("resources=VCPU:1&required=in:HW_CPU_X86_AVX", "1.38"),
        ("resources=VCPU:1&member_of=x", "1.39"),
        ("resources=VCPU:1&odd=1", "1.39"),
        ("resources1=VCPU:1&resources2=VCPU:1", "1.39"),
        ("resources1=VCPU:1&group_policy=some", "1.39"),
        ("resources1=VCPU:1", "1.24"),
        ("resources_A=VCPU:1", "1.32"),
        ("resources=VCPU:1&same_subtree=_A", "1.39"),
        ("resources=VCPU:1&root_required=HW_CPU_X86_AVX", "1.34"),
        ("resources=VCPU:1&limit=0", "1.39"),
    ],
)
async def test_a_request_that_means_nothing_is_refused(
    api: httpx.AsyncClient, query: str, microversion: str
) -> None:
    answer = await api.get(f"/allocation_candidates?{query}", headers=version(microversion))
    assert answer.status_code == 400, answer.text


def stocked(now: int, **inventories: Any) -> dict[str, Any]:
    return {"resource_provider_generation": now, "inventories": inventories}


async def test_the_reshaper_moves_inventory_with_what_is_allocated_from_it(api: httpx.AsyncClient) -> None:
    await provider(api, P1, VCPU={"total": 4}, VGPU={"total": 2})
    await below(api, P2, P1)
    assert (await api.put(f"/allocations/{C1}", json=claim(VCPU=1, VGPU=2))).status_code == 204
    moved = {
        **claim(generation=1),
        "allocations": {P1: {"resources": {"VCPU": 1}}, P2: {"resources": {"VGPU": 2}}},
    }
    body = {
        "inventories": {
            P1: stocked(await generation(api, P1), VCPU={"total": 4}),
            P2: stocked(await generation(api, P2), VGPU={"total": 2}),
        },
        "allocations": {C1: moved},
    }
    assert (await api.post("/reshaper", json=body, headers=version("1.29"))).status_code == 404
    assert (await api.post("/reshaper", json=body)).status_code == 204
    usages = (await api.get(f"/resource_providers/{P2}/usages")).json()["usages"]
    assert usages == {"VGPU": 2}
    left = (await api.get(f"/resource_providers/{P1}/inventories")).json()["inventories"]
    assert set(left) == {"VCPU"}
    assert (await api.post("/reshaper", json=body)).status_code == 409  # the generations are of before


async def test_the_reshaper_leaves_nobody_without_inventory(api: httpx.AsyncClient) -> None:
    await provider(api, P1, VCPU={"total": 4})
    await api.put(f"/allocations/{C1}", json=claim(VCPU=3))
    await api.put(f"/allocations/{C2}", json=claim(VCPU=1))
    for inventories in ({"VCPU": {"total": 2}}, {}):
        now = await generation(api, P1)
        body = {"inventories": {P1: stocked(now, **inventories)}, "allocations": {}}
        assert (await api.post("/reshaper", json=body)).status_code == 409
        kept = (await api.get(f"/resource_providers/{P1}/inventories")).json()["inventories"]
        assert kept["VCPU"]["total"] == 4


async def test_an_inventory_is_added_once(api: httpx.AsyncClient) -> None:
    await provider(api, P1)
    now = await generation(api, P1)
    body = {"resource_provider_generation": now, "resource_class": "VCPU", "total": 4}
    made = await api.post(f"/resource_providers/{P1}/inventories", json=body)
    assert (made.status_code, made.json()["total"]) == (201, 4)
    again = {**body, "resource_provider_generation": await generation(api, P1)}
    assert (await api.post(f"/resource_providers/{P1}/inventories", json=again)).status_code == 409


async def test_old_clients_rename_their_resource_classes(api: httpx.AsyncClient) -> None:
    await api.put("/resource_classes/CUSTOM_OLD")
    await provider(api, P1, CUSTOM_OLD={"total": 4})
    renamed = await api.put(
        "/resource_classes/CUSTOM_OLD", json={"name": "CUSTOM_NEW"}, headers=version("1.6")
    )
    assert renamed.json()["name"] == "CUSTOM_NEW"
    assert (await api.get("/resource_classes/CUSTOM_OLD")).status_code == 404
    kept = (await api.get(f"/resource_providers/{P1}/inventories")).json()["inventories"]
    assert set(kept) == {"CUSTOM_NEW"}


def test_a_provider_that_came_while_the_others_were_read_is_not_there_yet() -> None:
    """Its traits may have been read already."""
    one = Provider(id=P1, name="one", root_id=P1)
    land = Landscape({P1: one}, {}, {P2: {SHARING}}, {P1: {A1}, P2: {A1}})
    assert ways(land, Request(groups=[Group(resources={"VCPU": 1})])) == []
