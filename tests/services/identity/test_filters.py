"""What a project sees of the catalog, which policy counts where, and domains' own configuration."""

import asyncio
from typing import Any

from cumulo.services.identity.model import DomainOption


async def endpoint(admin: Any, kind: str, interface: str = "public") -> dict[str, Any]:
    service = (await admin.get(f"/services?type={kind}"))["services"][0]["id"]
    query = f"/endpoints?service_id={service}&interface={interface}"
    return dict((await admin.get(query))["endpoints"][0])


async def seen(api: Any) -> set[str]:
    catalog = (await api.get("/auth/catalog"))["catalog"]
    return {endpoint["id"] for service in catalog for endpoint in service["endpoints"]}


async def test_a_project_sees_the_endpoints_that_it_is_shown(identity: Any, admin: Any) -> None:
    project = (await identity.user("ann", "reader"))["default_project_id"]
    ann = await identity.client("ann", "ann")
    everything = await seen(ann)
    compute = await endpoint(admin, "compute")
    path = f"/OS-EP-FILTER/projects/{project}/endpoints/{compute['id']}"
    await admin.get(path, 404)
    await ann.put(path, 403)
    await admin.put(path)
    await admin.put(path)
    await admin.head(path)
    assert await seen(ann) == {compute["id"]} < everything
    assert await seen(admin) >= everything - {compute["id"]}
    listed = await admin.get(f"/OS-EP-FILTER/projects/{project}/endpoints")
    assert [each["id"] for each in listed["endpoints"]] == [compute["id"]]
    listed = await admin.get(f"/OS-EP-FILTER/endpoints/{compute['id']}/projects")
    assert [each["id"] for each in listed["projects"]] == [project]
    await admin.delete(path)
    await admin.delete(path, 404)
    assert await seen(ann) == everything
    await admin.put(f"/OS-EP-FILTER/projects/{project}/endpoints/none", 404)


async def test_groups_of_endpoints_are_shown_together(identity: Any, admin: Any) -> None:
    project = (await identity.user("ann", "reader"))["default_project_id"]
    ann = await identity.client("ann", "ann")
    body = {"endpoint_group": {"name": "internals", "filters": {"interface": "internal"}}}
    made = (await admin.post("/OS-EP-FILTER/endpoint_groups", body))["endpoint_group"]
    path = f"/OS-EP-FILTER/endpoint_groups/{made['id']}"
    assert (await admin.get(path))["endpoint_group"] == made
    inside = {each["id"] for each in (await admin.get(f"{path}/endpoints"))["endpoints"]}
    await admin.put(f"{path}/projects/{project}")
    assert (await admin.get(f"{path}/projects/{project}"))["endpoint_group"]["id"] == made["id"]
    assert await seen(ann) == inside
    assert len((await admin.get(f"{path}/projects"))["projects"]) == 1
    listed = await admin.get(f"/OS-EP-FILTER/projects/{project}/endpoint_groups")
    assert [each["id"] for each in listed["endpoint_groups"]] == [made["id"]]
    change = {"endpoint_group": {"filters": {"interface": "admin"}}}
    await admin.patch(path, change)
    assert (await seen(ann)).isdisjoint(inside)
    await admin.patch(path, {"endpoint_group": {"filters": {"colour": "red"}}}, 400)
    await admin.delete(path)
    assert await seen(ann) > inside
    await admin.get(path, 404)


async def test_the_nearest_policy_counts_for_an_endpoint(admin: Any) -> None:
    compute = await endpoint(admin, "compute")
    where = f"/endpoints/{compute['id']}/OS-ENDPOINT-POLICY/policy"
    await admin.get(where, 404)
    places = (
        f"services/{compute['service_id']}",
        f"services/{compute['service_id']}/regions/RegionOne",
        f"endpoints/{compute['id']}",
    )
    made = []
    for place in places:
        body = {"policy": {"type": "json", "blob": place}}
        policy = (await admin.post("/policies", body))["policy"]["id"]
        made.append(policy)
        path = f"/policies/{policy}/OS-ENDPOINT-POLICY/{place}"
        await admin.get(path, 404)
        await admin.put(path)
        await admin.head(path)
        assert (await admin.get(where))["policy"]["id"] == policy
    listed = await admin.get(f"/policies/{made[0]}/OS-ENDPOINT-POLICY/endpoints")
    assert listed["endpoints"] == []
    for policy, place in zip(made[:0:-1], places[:0:-1], strict=True):
        await admin.delete(f"/policies/{policy}/OS-ENDPOINT-POLICY/{place}")
    assert (await admin.get(where))["policy"]["id"] == made[0]
    listed = await admin.get(f"/policies/{made[0]}/OS-ENDPOINT-POLICY/endpoints")
    assert compute["id"] in [each["id"] for each in listed["endpoints"]]
    await admin.put(f"/policies/none/OS-ENDPOINT-POLICY/{places[0]}", 404)
    await admin.put(f"/policies/{made[0]}/OS-ENDPOINT-POLICY/services/none", 404)


async def test_policies_that_are_put_at_one_place_at_once_leave_one(admin: Any) -> None:
    place = f"endpoints/{(await endpoint(admin, 'compute'))['id']}"
    policies = [
        (await admin.post("/policies", {"policy": {"type": "json", "blob": name}}))["policy"]["id"]
        for name in "abcd"
    ]
    paths = [f"/identity/v3/policies/{each}/OS-ENDPOINT-POLICY/{place}" for each in policies]
    answers = await asyncio.gather(*(admin.http.put(path) for path in paths))
    assert [answer.status_code for answer in answers] == [204] * 4
    looks = await asyncio.gather(*(admin.http.get(path) for path in paths))
    assert sorted(look.status_code for look in looks) == [204, 404, 404, 404]


async def test_a_domain_is_configured_whole_by_group_and_by_option(identity: Any, admin: Any) -> None:
    path = "/domains/default/config"
    await admin.get(path, 404)
    config = {"identity": {"driver": "ldap"}, "ldap": {"url": "ldap://x", "password": "planted"}}
    shown = {"identity": {"driver": "ldap"}, "ldap": {"url": "ldap://x"}}
    assert (await admin.put(path, 201, {"config": config}))["config"] == shown
    assert (await admin.put(path, 200, {"config": config}))["config"] == shown
    assert (await admin.get(f"{path}/ldap"))["config"] == {"ldap": {"url": "ldap://x"}}
    assert (await admin.get(f"{path}/ldap/url"))["config"] == {"url": "ldap://x"}
    changed = await admin.patch(f"{path}/ldap/url", {"config": {"url": "ldap://y"}})
    assert changed["config"]["ldap"] == {"url": "ldap://y"}
    await admin.patch(f"{path}/ldap/url", {"config": {"user": "x"}}, 403)
    await admin.patch(f"{path}/identity", {"config": {"identity": {"list_limit": 5}}})
    await admin.delete(f"{path}/identity/driver")
    await admin.get(f"{path}/identity/driver", 404)
    await admin.put(path, 403, {"config": {"oslo": {"x": 1}}})
    await admin.put(path, 403, {"config": {"ldap": {"x": 1}}})
    async with identity.database.read() as db:
        assert "planted" not in str(await db.all(DomainOption))
    await admin.delete(path)
    await admin.delete(path, 404)
    assert (await admin.get("/domains/config/default"))["config"]["identity"]["driver"] == "sql"
    assert (await admin.get("/domains/config/identity/default"))["config"]["identity"]["driver"] == "sql"
    assert (await admin.get("/domains/config/ldap/url/default"))["config"] == {"url": None}
    compliance = await admin.get(f"{path}/security_compliance")
    assert compliance["config"]["security_compliance"]["password_regex"] is None


async def test_a_configuration_that_several_set_at_once_is_that_of_the_last(admin: Any) -> None:
    config = {"ldap": {"url": "ldap://x"}}
    path = "/identity/v3/domains/default/config"
    answers = await asyncio.gather(*(admin.http.put(path, json={"config": config}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
