"""Services, endpoints, regions, discovery, and the founding of a cloud."""

import asyncio
from typing import Any

from cumulo.services.identity.domain.catalog import filled
from cumulo.services.identity.model import Assignment, Endpoint, Role, User


async def test_a_service_and_its_endpoint_are_in_the_next_catalog(identity: Any, admin: Any) -> None:
    body = {"service": {"type": "orchestration", "name": "heat"}}
    service = (await admin.post("/services", body))["service"]
    assert service["enabled"] is True
    url = "http://x/$(tenant_id)s"
    body = {"endpoint": {"service_id": service["id"], "interface": "public", "url": url, "region": "r9"}}
    endpoint = (await admin.post("/endpoints", body))["endpoint"]
    assert endpoint["region"] == endpoint["region_id"] == "r9"
    assert (await admin.get("/regions/r9"))["region"]["parent_region_id"] is None
    token = (await identity.login()).json()["token"]
    (found,) = [entry for entry in token["catalog"] if entry["type"] == "orchestration"]
    assert found["endpoints"][0]["url"] == f"http://x/{token['project']['id']}"
    assert [e["id"] for e in (await admin.get("/endpoints?region_id=r9"))["endpoints"]] == [endpoint["id"]]
    assert [e["id"] for e in (await admin.get("/endpoints?region=r9"))["endpoints"]] == [endpoint["id"]]
    changed = {"endpoint": {"enabled": False, "region": "r8"}}
    shown = (await admin.patch(f"/endpoints/{endpoint['id']}", changed))["endpoint"]
    assert shown["region_id"] == "r8"
    await admin.delete("/regions/r8", 403)
    await admin.patch(f"/services/{service['id']}", {"service": {"name": "warm", "enabled": False}})
    types = {entry["type"] for entry in (await identity.login()).json()["token"]["catalog"]}
    assert "orchestration" not in types
    await admin.delete(f"/services/{service['id']}")
    await admin.get(f"/endpoints/{endpoint['id']}", 404)
    await admin.delete("/regions/r8")
    await admin.get("/regions/r8", 404)


async def test_an_endpoint_is_deleted_and_needs_a_service(admin: Any) -> None:
    (first, *_) = (await admin.get("/endpoints?interface=admin"))["endpoints"]
    await admin.delete(f"/endpoints/{first['id']}")
    body = {"endpoint": {"service_id": "nothing", "interface": "public", "url": "http://x"}}
    await admin.post("/endpoints", body, 404)
    body["endpoint"]["interface"] = "secret"
    await admin.post("/endpoints", body, 400)


async def test_endpoints_of_a_new_region_may_come_at_once(admin: Any) -> None:
    service = (await admin.post("/services", {"service": {"type": "dns", "name": "x"}}))["service"]
    body = {"service_id": service["id"], "url": "http://x", "region": "new"}
    kinds = ("public", "internal", "admin")
    each = (admin.post("/endpoints", {"endpoint": {**body, "interface": kind}}) for kind in kinds)
    assert {one["endpoint"]["region"] for one in await asyncio.gather(*each)} == {"new"}


async def test_regions_have_regions_below(admin: Any) -> None:
    await admin.post("/regions", {"region": {"id": "north", "description": "n"}})
    await admin.post("/regions", {"region": {"id": "north"}}, 409)
    await admin.post("/regions", {"region": {"id": "oslo", "parent_region_id": "north"}})
    await admin.post("/regions", {"region": {"parent_region_id": "nowhere"}}, 404)
    assert len((await admin.post("/regions", {"region": {}}))["region"]["id"]) == 32
    assert (await admin.put("/regions/bergen", 201, {"region": {}}))["region"]["id"] == "bergen"
    await admin.put("/regions/bergen", 409, {"region": {}})
    await admin.put("/regions/rome", 400, {"region": {"id": "paris"}})
    await admin.patch("/regions/oslo", {"region": {"description": "city"}})
    await admin.delete("/regions/north", 403)
    await admin.delete("/regions/oslo")
    await admin.delete("/regions/north")


async def test_ordinary_users_see_regions_but_no_services(identity: Any) -> None:
    await identity.user("ann", "member")
    ann = await identity.client("ann", "ann")
    await ann.get("/regions")
    await ann.get("/services", 403)
    await ann.get("/endpoints", 403)


async def test_versions_are_found_without_a_token(identity: Any) -> None:
    for path in ("/identity", "/identity/"):
        answer = await identity.http.get(path)
        assert answer.status_code == 300
        (version,) = answer.json()["versions"]["values"]
        assert version["status"] == "stable"
        assert version["links"][0]["href"] == "http://cloud/identity/v3/"
    assert (await identity.http.get("/identity/v3")).json()["version"]["id"].startswith("v3.")
    assert (await identity.http.get("/identity/v3/users")).status_code == 401
    assert (await identity.http.get("/identity/v3/nonsense")).status_code == 401


async def test_founding_again_changes_nothing(identity: Any) -> None:
    async def counts() -> list[int]:
        async with identity.database.read() as db:
            return [await db.count(model) for model in (User, Role, Assignment, Endpoint)]

    before = await counts()
    await identity.found()
    assert await counts() == before
    assert (await identity.login()).status_code == 201


async def test_founding_again_moves_endpoints_to_where_the_cloud_is_now(identity: Any) -> None:
    async with identity.database.begin() as tx:
        await tx.update(Endpoint, Endpoint.c.interface == "public", url="http://old")
    await identity.found()
    async with identity.database.read() as db:
        assert not await db.exists(Endpoint, Endpoint.c.url == "http://old")


def test_an_endpoints_url_is_filled_or_left_out() -> None:
    known = {"project_id": "p", "user_id": None}
    assert filled("http://x", known) == "http://x"
    assert filled("http://x/%(project_id)s/$(project_id)s", known) == "http://x/p/p"
    assert filled("http://x/$(user_id)s", known) is None
    assert filled("http://x/$(unknown)s", known) is None
