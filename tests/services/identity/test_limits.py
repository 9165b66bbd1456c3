"""Unified limits: registered, given to projects and domains, seen by those they are for."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from cumulo.services.identity.config import IdentitySettings


@pytest.fixture
async def compute(admin: Any) -> str:
    return str((await admin.get("/services?type=compute"))["services"][0]["id"])


@pytest.fixture
async def strict(identity: Any) -> AsyncIterator[None]:
    identity.cloud.bindings[IdentitySettings] = IdentitySettings(limit_model="strict_two_level")
    yield
    identity.cloud.bindings[IdentitySettings] = IdentitySettings()


async def register(admin: Any, service_id: str, limit: int = 10, status: int = 201, **more: Any) -> Any:
    body = {"service_id": service_id, "resource_name": "cores", "default_limit": limit, **more}
    answer = await admin.post("/registered_limits", {"registered_limits": [body]}, status)
    return answer["registered_limits"][0] if status == 201 else None


async def limit(admin: Any, service_id: str, amount: int, status: int = 201, **whose: Any) -> Any:
    body = {"service_id": service_id, "resource_name": "cores", "resource_limit": amount, **whose}
    answer = await admin.post("/limits", {"limits": [body]}, status)
    return answer["limits"][0] if status == 201 else None


async def test_limits_are_registered_changed_and_deleted(identity: Any, admin: Any, compute: str) -> None:
    made = await register(admin, compute)
    path = f"/registered_limits/{made['id']}"
    assert made["region_id"] is None
    await register(admin, compute, status=409)
    await register(admin, "no-service", status=404)
    await register(admin, compute, region_id="no-region", status=404)
    await register(admin, compute, region_id="RegionOne")
    await identity.user("ann", "reader")
    ann = await identity.client("ann", "ann")
    assert (await ann.get(path))["registered_limit"] == made
    assert len((await ann.get("/registered_limits?resource_name=cores"))["registered_limits"]) == 2
    await ann.patch(path, {"registered_limit": {"default_limit": 5}}, 403)
    changed = await admin.patch(path, {"registered_limit": {"default_limit": 5}})
    assert changed["registered_limit"]["default_limit"] == 5
    await admin.patch(path, {"registered_limit": {"region_id": "RegionOne"}}, 409)
    await admin.delete(path)
    await admin.get(path, 404)


async def test_of_limits_that_are_moved_to_one_place_at_once_one_comes_there(
    admin: Any, compute: str
) -> None:
    made = [await register(admin, compute, resource_name=name) for name in ("a", "b", "c")]
    paths = [f"/identity/v3/registered_limits/{each['id']}" for each in made]
    body = {"registered_limit": {"resource_name": "cores"}}
    answers = await asyncio.gather(*(admin.http.patch(path, json=body) for path in paths))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert len((await admin.get("/registered_limits?resource_name=cores"))["registered_limits"]) == 1


async def test_limits_go_with_their_service_or_region(identity: Any, admin: Any, compute: str) -> None:
    """Which Keystone deletes in spite of them, too."""
    project = (await identity.user("ann", "reader"))["default_project_id"]
    service = (await admin.post("/services", {"service": {"type": "dns", "name": "x"}}))["service"]["id"]
    await admin.post("/regions", {"region": {"id": "north"}})
    kept = await register(admin, compute)
    for service_id, region in ((service, None), (compute, "north")):
        await register(admin, service_id, region_id=region)
        await limit(admin, service_id, 20, project_id=project, region_id=region)
    await admin.delete(f"/services/{service}")
    await admin.delete("/regions/north")
    assert (await admin.get("/registered_limits"))["registered_limits"] == [kept]
    assert (await admin.get("/limits"))["limits"] == []


async def test_projects_and_domains_have_limits_of_their_own(identity: Any, admin: Any, compute: str) -> None:
    registered = await register(admin, compute)
    ann_project = (await identity.user("ann", "reader"))["default_project_id"]
    bob_project = (await identity.user("bob", "reader"))["default_project_id"]
    made = await limit(admin, compute, 20, project_id=ann_project)
    assert made["service_id"] == compute
    assert made["resource_name"] == "cores"
    await limit(admin, compute, 20, 409, project_id=ann_project)
    await limit(admin, compute, 20, 400)
    await limit(admin, compute, 20, 403, project_id=bob_project, resource_name="ram")
    await limit(admin, compute, 20, 404, project_id="nowhere")
    await limit(admin, compute, 30, domain_id="default")
    ann, bob = await identity.client("ann", "ann"), await identity.client("bob", "bob")
    assert [each["id"] for each in (await ann.get("/limits"))["limits"]] == [made["id"]]
    assert (await bob.get("/limits"))["limits"] == []
    assert len((await admin.get(f"/limits?service_id={compute}"))["limits"]) == 2
    assert len((await admin.get(f"/limits?project_id={ann_project}"))["limits"]) == 1
    path = f"/limits/{made['id']}"
    assert (await ann.get(path))["limit"]["resource_limit"] == 20
    await bob.get(path, 403)
    await ann.patch(path, {"limit": {"resource_limit": 99}}, 403)
    assert (await admin.patch(path, {"limit": {"resource_limit": 5}}))["limit"]["resource_limit"] == 5
    await admin.delete(f"/registered_limits/{registered['id']}", 403)
    await admin.delete(path)
    assert (await ann.get("/limits/model"))["model"]["name"] == "flat"


@pytest.mark.usefixtures("strict")
async def test_in_the_strict_model_no_child_has_more_than_its_parent(admin: Any, compute: str) -> None:
    await register(admin, compute)
    body = {"project": {"name": "parent"}}
    parent = (await admin.post("/projects", body))["project"]["id"]
    body = {"project": {"name": "child", "parent_id": parent}}
    child = (await admin.post("/projects", body))["project"]["id"]
    await limit(admin, compute, 11, 403, project_id=parent)
    await limit(admin, compute, 20, domain_id="default")
    of_parent = await limit(admin, compute, 15, project_id=parent)
    await limit(admin, compute, 16, 403, project_id=child)
    await limit(admin, compute, 12, project_id=child)
    path = f"/limits/{of_parent['id']}"
    await admin.patch(path, {"limit": {"resource_limit": 11}}, 403)
    await admin.patch(path, {"limit": {"resource_limit": 21}}, 403)
    await admin.patch(path, {"limit": {"resource_limit": 12}})
    assert (await admin.get("/limits/model"))["model"]["name"] == "strict_two_level"
