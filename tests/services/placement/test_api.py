from typing import Any

import httpx
import pytest

from cumulo.testing.cloud import Cloud

P1, P2 = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
C1, C2 = "c1111111-1111-4111-8111-111111111111", "c2222222-2222-4222-8222-222222222222"


def version(text: str) -> dict[str, str]:
    return {"OpenStack-API-Version": f"placement {text}"}


async def provider(api: httpx.AsyncClient, uuid: str = P1, **inventories: Any) -> None:
    answer = await api.post("/resource_providers", json={"name": uuid[:4], "uuid": uuid})
    assert answer.status_code == 200, answer.text
    body = {"resource_provider_generation": 0, "inventories": inventories}
    answer = await api.put(f"/resource_providers/{uuid}/inventories", json=body)
    assert answer.status_code == 200, answer.text


def claim(uuid: str = P1, generation: int | None = None, **resources: int) -> dict[str, Any]:
    return {
        "allocations": {uuid: {"resources": resources}},
        "project_id": "p1",
        "user_id": "u1",
        "consumer_generation": generation,
        "consumer_type": "INSTANCE",
    }


async def test_versions_are_open_to_all(cloud: Cloud) -> None:
    answer = await cloud.anonymous().get("/placement/")
    assert answer.status_code == 200
    [shown] = answer.json()["versions"]
    assert (shown["min_version"], shown["max_version"]) == ("1.0", "1.39")
    assert (await cloud.anonymous().get("/placement/resource_providers")).status_code == 401


async def test_ordinary_users_are_refused_in_placements_own_words(cloud: Cloud) -> None:
    answer = await cloud.member("p1").get("/placement/resource_providers")
    assert answer.status_code == 403
    [error] = answer.json()["errors"]
    assert error["status"] == 403
    assert error["title"] == "Forbidden"
    assert error["request_id"].startswith("req-")


async def test_a_version_out_of_range_is_answered_with_the_range(api: httpx.AsyncClient) -> None:
    answer = await api.get("/resource_providers", headers=version("1.99"))
    assert answer.status_code == 406
    [error] = answer.json()["errors"]
    assert (error["min_version"], error["max_version"]) == ("1.0", "1.39")


async def test_a_provider_lives(api: httpx.AsyncClient) -> None:
    answer = await api.post("/resource_providers", json={"name": "host", "uuid": P1})
    assert answer.status_code == 200
    assert answer.headers["Location"].endswith(f"/placement/resource_providers/{P1}")
    shown = answer.json()
    assert shown["generation"] == 0
    assert shown["root_provider_uuid"] == P1
    assert shown["parent_provider_uuid"] is None
    rels = {link["rel"]: link["href"] for link in shown["links"]}
    assert rels["inventories"] == f"/placement/resource_providers/{P1}/inventories"
    twice = await api.post("/resource_providers", json={"name": "host"})
    assert twice.status_code == 409
    assert twice.json()["errors"][0]["code"] == "placement.duplicate_name"
    renamed = await api.put(f"/resource_providers/{P1}", json={"name": "other"})
    assert renamed.json()["name"] == "other"
    listed = (await api.get("/resource_providers")).json()["resource_providers"]
    assert [one["name"] for one in listed] == ["other"]
    assert (await api.delete(f"/resource_providers/{P1}")).status_code == 204
    assert (await api.get(f"/resource_providers/{P1}")).status_code == 404


async def test_old_versions_answer_as_they_did(api: httpx.AsyncClient) -> None:
    old = version("1.0")
    answer = await api.post("/resource_providers", json={"name": "h", "uuid": P1}, headers=old)
    assert (answer.status_code, answer.content) == (201, b"")
    shown = (await api.get(f"/resource_providers/{P1}", headers=old)).json()
    assert shown.keys() == {"uuid", "name", "generation", "links"}
    assert [link["rel"] for link in shown["links"]] == ["self", "inventories", "usages"]
    assert (await api.get("/traits", headers=old)).status_code == 404
    refused = await api.post(
        "/resource_providers", json={"name": "c", "parent_provider_uuid": P1}, headers=old
    )
    assert refused.status_code == 400


async def test_providers_form_trees_without_loops(api: httpx.AsyncClient) -> None:
    await provider(api)
    child = {"name": "child", "uuid": P2, "parent_provider_uuid": P1}
    shown = (await api.post("/resource_providers", json=child)).json()
    assert (shown["parent_provider_uuid"], shown["root_provider_uuid"]) == (P1, P1)
    tree = (await api.get(f"/resource_providers?in_tree={P2}")).json()["resource_providers"]
    assert {one["uuid"] for one in tree} == {P1, P2}
    loop = {"name": "root", "parent_provider_uuid": P2}
    assert (await api.put(f"/resource_providers/{P1}", json=loop)).status_code == 400
    assert (await api.delete(f"/resource_providers/{P1}")).status_code == 409
    free = {"name": "child", "parent_provider_uuid": None}
    assert (await api.put(f"/resource_providers/{P2}", json=free)).json()["root_provider_uuid"] == P2
    orphan = {"name": "x", "parent_provider_uuid": C1}
    assert (await api.post("/resource_providers", json=orphan)).status_code == 400


async def test_inventories_are_set_whole_and_singly(api: httpx.AsyncClient) -> None:
    await provider(api, VCPU={"total": 8, "allocation_ratio": 4.0}, MEMORY_MB={"total": 1024})
    base = f"/resource_providers/{P1}/inventories"
    shown = (await api.get(base)).json()
    assert shown["resource_provider_generation"] == 1
    assert shown["inventories"]["VCPU"] == {
        "total": 8,
        "reserved": 0,
        "min_unit": 1,
        "max_unit": 2147483647,
        "step_size": 1,
        "allocation_ratio": 4.0,
    }
    one = {"resource_provider_generation": 1, "total": 50}
    assert (await api.put(f"{base}/DISK_GB", json=one)).status_code == 400  # there is none yet
    assert (await api.post(base, json={**one, "resource_class": "DISK_GB"})).status_code == 201
    one = {"resource_provider_generation": 2, "total": 100}
    assert (await api.put(f"{base}/DISK_GB", json=one)).json()["resource_provider_generation"] == 3
    assert (await api.get(f"{base}/DISK_GB")).json()["total"] == 100
    assert (await api.get(f"{base}/VGPU")).status_code == 404
    assert (await api.delete(f"{base}/DISK_GB")).status_code == 204
    assert (await api.delete(f"{base}/DISK_GB")).status_code == 404
    assert (await api.delete(base)).status_code == 204
    assert (await api.get(base)).json()["inventories"] == {}


@pytest.mark.parametrize(
    ("inventories", "status"),
    [
        ({"CUSTOM_ODD": {"total": 1}}, 400),
        ({"VCPU": {"total": 0}}, 400),
        ({"VCPU": {"total": 1, "reserved": 2}}, 400),
        ({"VCPU": {"total": 1, "shape": "round"}}, 400),
    ],
)
async def test_bad_inventories_are_refused(
    api: httpx.AsyncClient, inventories: dict[str, Any], status: int
) -> None:
    await provider(api)
    body = {"resource_provider_generation": 0, "inventories": inventories}
    answer = await api.put(f"/resource_providers/{P1}/inventories", json=body)
    assert answer.status_code == status


async def test_a_stale_generation_is_refused(api: httpx.AsyncClient) -> None:
    await provider(api, VCPU={"total": 8})
    body = {"resource_provider_generation": 0, "inventories": {}}
    answer = await api.put(f"/resource_providers/{P1}/inventories", json=body)
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "placement.concurrent_update"


async def test_a_consumer_gets_exactly_what_is_put(api: httpx.AsyncClient) -> None:
    await provider(api, VCPU={"total": 8}, MEMORY_MB={"total": 1024})
    answer = await api.put(f"/allocations/{C1}", json=claim(VCPU=2, MEMORY_MB=512))
    assert (answer.status_code, answer.content) == (204, b"")
    shown = (await api.get(f"/allocations/{C1}")).json()
    assert shown["allocations"][P1]["resources"] == {"VCPU": 2, "MEMORY_MB": 512}
    assert shown["project_id"] == "p1"
    assert shown["consumer_generation"] == 1
    assert shown["consumer_type"] == "INSTANCE"
    used = (await api.get(f"/resource_providers/{P1}/usages")).json()["usages"]
    assert used == {"VCPU": 2, "MEMORY_MB": 512}
    held = (await api.get(f"/resource_providers/{P1}/allocations")).json()["allocations"]
    assert held == {C1: {"resources": {"VCPU": 2, "MEMORY_MB": 512}, "consumer_generation": 1}}
    assert (await api.put(f"/allocations/{C1}", json=claim(VCPU=1))).status_code == 409
    assert (await api.put(f"/allocations/{C1}", json=claim(generation=1, VCPU=1))).status_code == 204
    assert (await api.delete(f"/resource_providers/{P1}")).status_code == 409
    empty = {"resource_provider_generation": 3, "inventories": {}}
    refused = await api.put(f"/resource_providers/{P1}/inventories", json=empty)
    assert refused.json()["errors"][0]["code"] == "placement.inventory.inuse"
    assert (await api.delete(f"/allocations/{C1}")).status_code == 204
    assert (await api.delete(f"/allocations/{C1}")).status_code == 404
    assert (await api.get(f"/allocations/{C1}")).json() == {"allocations": {}}


async def test_what_does_not_fit_is_a_conflict_that_says_why(api: httpx.AsyncClient) -> None:
    await provider(api, VCPU={"total": 2})
    answer = await api.put(f"/allocations/{C1}", json=claim(VCPU=3))
    assert answer.status_code == 409
    assert "lacks 3 vCPUs (2 of 2 free)" in answer.json()["errors"][0]["detail"]
    for bad in (claim(P2, VCPU=1), claim(CUSTOM_ODD=1), claim(VCPU=0)):
        assert (await api.put(f"/allocations/{C1}", json=bad)).status_code == 400


async def test_old_allocations_are_lists(api: httpx.AsyncClient) -> None:
    await provider(api, VCPU={"total": 2})
    body = {"allocations": [{"resource_provider": {"uuid": P1}, "resources": {"VCPU": 1}}]}
    answer = await api.put(f"/allocations/{C1}", json=body, headers=version("1.0"))
    assert answer.status_code == 204
    shown = (await api.get(f"/allocations/{C1}", headers=version("1.0"))).json()
    assert shown.keys() == {"allocations"}
    middle = (await api.get(f"/allocations/{C1}", headers=version("1.12"))).json()
    assert middle.keys() == {"allocations", "project_id", "user_id"}


async def test_many_consumers_are_served_at_once_or_none(api: httpx.AsyncClient) -> None:
    await provider(api, VCPU={"total": 3})
    both = {C1: claim(VCPU=2), C2: claim(VCPU=2)}
    assert (await api.post("/allocations", json=both)).status_code == 409
    assert (await api.get(f"/allocations/{C1}")).json() == {"allocations": {}}
    both[C2] = claim(VCPU=1)
    assert (await api.post("/allocations", json=both)).status_code == 204
    swapped = {C1: {**claim(generation=1), "allocations": {}}, C2: claim(generation=1, VCPU=3)}
    assert (await api.post("/allocations", json=swapped)).status_code == 204


async def test_usages_are_a_projects(cloud: Cloud, api: httpx.AsyncClient) -> None:
    await provider(api, VCPU={"total": 8})
    await api.put(f"/allocations/{C1}", json=claim(VCPU=2))
    new = (await api.get("/usages?project_id=p1")).json()
    assert new == {"usages": {"INSTANCE": {"consumer_count": 1, "VCPU": 2}}}
    every = (await api.get("/usages?project_id=p1&consumer_type=all")).json()
    assert every == {"usages": {"all": {"consumer_count": 1, "VCPU": 2}}}
    old = await api.get("/usages?project_id=p1&user_id=u1", headers=version("1.9"))
    assert old.json() == {"usages": {"VCPU": 2}}
    assert (await api.get("/usages")).status_code == 400
    own = cloud.reader("p1")
    own.headers.update(version("1.39"))
    assert (await own.get("/placement/usages?project_id=p1")).status_code == 200
    assert (await own.get("/placement/usages?project_id=p2")).status_code == 403


async def test_candidates_have_room_and_traits(api: httpx.AsyncClient) -> None:
    await provider(api, P1, VCPU={"total": 2}, MEMORY_MB={"total": 1024})
    await provider(api, P2, VCPU={"total": 8})
    traits = {"resource_provider_generation": 1, "traits": ["HW_CPU_X86_AVX2"]}
    assert (await api.put(f"/resource_providers/{P2}/traits", json=traits)).status_code == 200
    found = (await api.get("/allocation_candidates?resources=VCPU:2")).json()
    assert {tuple(one["allocations"]) for one in found["allocation_requests"]} == {(P1,), (P2,)}
    [one] = (await api.get("/allocation_candidates?resources=VCPU:2,MEMORY_MB:512")).json()[
        "allocation_requests"
    ]
    assert one == {
        "allocations": {P1: {"resources": {"VCPU": 2, "MEMORY_MB": 512}}},
        "mappings": {"": [P1]},
    }
    found = (await api.get("/allocation_candidates?resources=VCPU:1&required=HW_CPU_X86_AVX2")).json()
    assert found["provider_summaries"] == {
        P2: {
            "resources": {"VCPU": {"capacity": 8, "used": 0}},
            "traits": ["HW_CPU_X86_AVX2"],
            "parent_provider_uuid": None,
            "root_provider_uuid": P2,
        }
    }
    vast = await api.get(f"/allocation_candidates?resources=VCPU:1&limit={'9' * 40}")
    assert len(vast.json()["allocation_requests"]) > 1
    limited = await api.get("/allocation_candidates?resources=VCPU:1&limit=1")
    assert len(limited.json()["allocation_requests"]) == 1
    listed = await api.get("/allocation_candidates?resources=VCPU:4", headers=version("1.10"))
    assert listed.json()["allocation_requests"][0]["allocations"] == [
        {"resource_provider": {"uuid": P2}, "resources": {"VCPU": 4}}
    ]
    for bad in ("", "resources=VCPU", "resources=CUSTOM_ODD:1", "resources=VCPU:1&required=ODD"):
        assert (await api.get(f"/allocation_candidates?{bad}")).status_code == 400


async def test_providers_are_filtered_by_room_and_traits(api: httpx.AsyncClient) -> None:
    await provider(api, P1, VCPU={"total": 2})
    await provider(api, P2, VCPU={"total": 8})
    await api.put(f"/allocations/{C1}", json=claim(P2, VCPU=7))
    traits = {"resource_provider_generation": 2, "traits": ["HW_CPU_X86_AVX2"]}
    assert (await api.put(f"/resource_providers/{P2}/traits", json=traits)).status_code == 200

    async def names(query: str) -> set[str]:
        listed = (await api.get(f"/resource_providers?{query}")).json()["resource_providers"]
        return {one["uuid"] for one in listed}

    assert await names("resources=VCPU:1") == {P1, P2}
    assert await names("resources=VCPU:2") == {P1}
    assert await names("resources=VCPU:3") == set()
    assert await names("required=HW_CPU_X86_AVX2") == {P2}
    assert await names("required=!HW_CPU_X86_AVX2") == {P1}
    assert await names("name=2222") == {P2}
    assert await names(f"uuid={P1}") == {P1}
    assert await names(f"member_of={C1}") == set()
    for odd in ("resources=CUSTOM_ODD:1", "required=CUSTOM_ODD", "required=!CUSTOM_ODD"):
        refused = await api.get(f"/resource_providers?{odd}")
        assert (refused.status_code, "CUSTOM_ODD" in refused.text) == (400, True)


async def test_traits_of_ones_own_come_and_go(api: httpx.AsyncClient) -> None:
    await provider(api)
    assert (await api.put("/traits/CUSTOM_GOLD")).status_code == 201
    assert (await api.put("/traits/CUSTOM_GOLD")).status_code == 204
    assert (await api.get("/traits/CUSTOM_GOLD")).status_code == 204
    assert (await api.get("/traits/CUSTOM_SILVER")).status_code == 404
    for bad in ("GOLD", "HW_CPU_X86_AVX2", "CUSTOM_gold"):
        assert (await api.put(f"/traits/{bad}")).status_code == 400
    listed = (await api.get("/traits?name=startswith:CUSTOM_")).json()
    assert listed == {"traits": ["CUSTOM_GOLD"]}
    named = (await api.get("/traits?name=in:CUSTOM_GOLD,HW_CPU_X86_AVX,X")).json()
    assert named == {"traits": ["CUSTOM_GOLD", "HW_CPU_X86_AVX"]}
    body = {"resource_provider_generation": 0, "traits": ["CUSTOM_GOLD"]}
    answer = await api.put(f"/resource_providers/{P1}/traits", json=body)
    assert answer.json() == {"resource_provider_generation": 1, "traits": ["CUSTOM_GOLD"]}
    assert (await api.get("/traits?associated=true")).json() == {"traits": ["CUSTOM_GOLD"]}
    assert (await api.delete("/traits/CUSTOM_GOLD")).status_code == 409
    assert (await api.delete(f"/resource_providers/{P1}/traits")).status_code == 204
    assert (await api.delete("/traits/CUSTOM_GOLD")).status_code == 204
    assert (await api.delete("/traits/HW_CPU_X86_AVX2")).status_code == 400
    body = {"resource_provider_generation": 2, "traits": ["CUSTOM_GONE"]}
    assert (await api.put(f"/resource_providers/{P1}/traits", json=body)).status_code == 400


async def test_classes_of_ones_own_come_and_go(api: httpx.AsyncClient) -> None:
    listed = (await api.get("/resource_classes")).json()["resource_classes"]
    assert listed[0] == {
        "name": "VCPU",
        "links": [{"rel": "self", "href": "/placement/resource_classes/VCPU"}],
    }
    assert (await api.post("/resource_classes", json={"name": "CUSTOM_GOLD"})).status_code == 201
    assert (await api.post("/resource_classes", json={"name": "CUSTOM_GOLD"})).status_code == 409
    assert (await api.post("/resource_classes", json={"name": "GOLD"})).status_code == 400
    assert (await api.put("/resource_classes/CUSTOM_GOLD")).status_code == 204
    assert (await api.put("/resource_classes/CUSTOM_TIN")).status_code == 201
    assert (await api.get("/resource_classes/CUSTOM_TIN")).json()["name"] == "CUSTOM_TIN"
    assert (await api.get("/resource_classes/CUSTOM_LEAD")).status_code == 404
    await provider(api, CUSTOM_GOLD={"total": 1})
    assert (await api.delete("/resource_classes/CUSTOM_GOLD")).status_code == 409
    assert (await api.delete("/resource_classes/CUSTOM_TIN")).status_code == 204
    assert (await api.delete("/resource_classes/VCPU")).status_code == 400


async def test_answers_say_their_age_since_it_was_asked_for(api: httpx.AsyncClient) -> None:
    await provider(api, VCPU={"total": 8})
    paths = (
        "/resource_providers",
        f"/resource_providers/{P1}",
        f"/resource_providers/{P1}/inventories",
        f"/resource_providers/{P1}/usages",
        f"/allocations/{C1}",
        "/traits",
        "/resource_classes",
        "/allocation_candidates?resources=VCPU:1",
    )
    for path in paths:
        answer = await api.get(path)
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["Last-Modified"].endswith(" GMT")
        old = await api.get(path, headers=version("1.14"))
        assert old.status_code == 200
        assert "Last-Modified" not in old.headers
