"""What of identity goes with a project: roles, credentials, trusts, limits in all services."""

from typing import Any

from cumulo.core import clock
from cumulo.core.quota import QuotaLimit
from cumulo.services.identity.model import AccessToken, Consumer, RequestToken
from cumulo.services.identity.ownership import GrantsOwned
from cumulo.testing.ownership import check_ownership


async def one_of_everything(identity: Any, admin: Any, name: str) -> str:
    user = await identity.user(name, "member")
    project = str(user["default_project_id"])
    own = await identity.client(name, name)
    body: dict[str, Any] = {"application_credential": {"name": "robot"}}
    await own.post(f"/users/{user['id']}/application_credentials", body)
    await own.post(f"/users/{user['id']}/credentials/OS-EC2", {"tenant_id": project})
    trustee = (await admin.get("/users?name=admin"))["users"][0]["id"]
    trust = {"trustor_user_id": user["id"], "trustee_user_id": trustee, "impersonation": False}
    body = {"trust": {**trust, "project_id": project, "roles": [{"name": "member"}]}}
    await own.post("/OS-TRUST/trusts", body)
    await assign(identity, admin, name, user["id"], project)
    await limit(admin, project)
    async with identity.database.begin() as db:
        consumer = Consumer(sealed=b"x")
        told: dict[str, Any] = {"consumer_id": consumer.id, "project_id": project, "sealed": b"x"}
        await db.insert(consumer)
        await db.insert(AccessToken(**told, user_id=user["id"]))
        await db.insert(RequestToken(**told, expires_at=clock.now()))
        await db.insert(QuotaLimit(project_id=project, service="compute", resource="cores", value=1))
    return project


async def assign(identity: Any, admin: Any, name: str, user_id: str, project: str) -> None:
    group = (await admin.post("/groups", {"group": {"name": name}}))["group"]["id"]
    reader = await identity.role("reader")
    await admin.put(f"/projects/{project}/groups/{group}/roles/{reader}")
    inherited = f"/users/{user_id}/roles/{reader}/inherited_to_projects"
    await admin.put(f"/OS-INHERIT/projects/{project}{inherited}")


async def limit(admin: Any, project: str) -> None:
    service = (await admin.get("/services?type=compute"))["services"][0]["id"]
    place = {"service_id": service, "resource_name": "cores"}
    if not (await admin.get("/registered_limits"))["registered_limits"]:
        await admin.post("/registered_limits", {"registered_limits": [{**place, "default_limit": 5}]})
    await admin.post("/limits", {"limits": [{**place, "project_id": project, "resource_limit": 3}]})
    endpoint = (await admin.get("/endpoints"))["endpoints"][0]["id"]
    await admin.put(f"/OS-EP-FILTER/projects/{project}/endpoints/{endpoint}")
    group = {"name": project, "filters": {"interface": "public"}}
    made = await admin.post("/OS-EP-FILTER/endpoint_groups", {"endpoint_group": group})
    await admin.put(f"/OS-EP-FILTER/endpoint_groups/{made['endpoint_group']['id']}/projects/{project}")


async def test_all_that_goes_with_a_project_goes(identity: Any, admin: Any) -> None:
    mine = await one_of_everything(identity, admin, "ann")
    other = await one_of_everything(identity, admin, "bob")
    async with identity.database.read() as db:
        before = await GrantsOwned().owned(db, other)
    assert await check_ownership(identity.cloud.tasks, GrantsOwned(), mine, other) == [
        "access token",
        "application credential",
        "credential",
        "endpoint filter",
        "endpoint group filter",
        "limit",
        "quota",
        "request token",
        "role assignment",
        "trust",
    ]
    async with identity.database.read() as db:
        assert await GrantsOwned().owned(db, other) == before
    await identity.client("bob", "bob")
    refused = await identity.login("ann", "ann", project={"id": mine})
    assert refused.status_code == 401
