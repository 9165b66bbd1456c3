"""Roles, implications, grants and the list of assignments."""

import asyncio
from typing import Any

import pytest


async def test_a_role_is_made_changed_and_deleted(admin: Any) -> None:
    role = (await admin.post("/roles", {"role": {"name": "boss"}}))["role"]
    assert role["domain_id"] is None
    assert role["description"] is None
    await admin.post("/roles", {"role": {"name": "boss"}}, 409)
    await admin.patch(f"/roles/{role['id']}", {"role": {"name": "member"}}, 409)
    changed = (await admin.patch(f"/roles/{role['id']}", {"role": {"description": "x"}}))["role"]
    assert changed["description"] == "x"
    await admin.delete(f"/roles/{role['id']}")
    await admin.get(f"/roles/{role['id']}", 404)


async def test_a_domains_own_roles_are_listed_only_when_asked_for(admin: Any) -> None:
    role = {"role": {"name": "member", "domain_id": "default"}}
    await admin.post("/roles", role)
    await admin.post("/roles", role, 409)
    names = [r["name"] for r in (await admin.get("/roles"))["roles"]]
    assert sorted(names) == ["admin", "manager", "member", "reader", "service"]
    assert len((await admin.get("/roles?domain_id=default"))["roles"]) == 1
    await admin.post("/roles", {"role": {"name": "x", "domain_id": "nowhere"}}, 404)


async def test_implications_are_made_seen_and_ended(identity: Any, admin: Any) -> None:
    boss = (await admin.post("/roles", {"role": {"name": "boss"}}))["role"]["id"]
    admin_role, reader = await identity.role("admin"), await identity.role("reader")
    one = f"/roles/{boss}/implies/{admin_role}"
    await admin.head(one, 404)
    made = await admin.put(one, 201)
    assert made["role_inference"]["prior_role"]["name"] == "boss"
    assert made["role_inference"]["implies"]["name"] == "admin"
    await admin.head(one)
    assert (await admin.get(one))["role_inference"]["implies"]["id"] == admin_role
    implied = (await admin.get(f"/roles/{boss}/implies"))["role_inference"]["implies"]
    assert [role["name"] for role in implied] == ["admin"]
    rules = (await admin.get("/role_inferences"))["role_inferences"]
    assert {r["prior_role"]["name"] for r in rules} == {"admin", "boss", "manager", "member"}
    assert (await admin.get(f"/roles/{reader}/implies"))["role_inference"]["implies"] == []
    await admin.put(f"/roles/{reader}/implies/{boss}", 403)
    await admin.put(f"/roles/{boss}/implies/{boss}", 403)
    await admin.delete(one)
    await admin.delete(one, 404)


@pytest.mark.parametrize("actor", ["user", "group"])
@pytest.mark.parametrize(
    "place", ["/projects/{project}", "/domains/default", "/system", "/OS-INHERIT/domains/default"]
)
async def test_a_role_is_assigned_checked_listed_and_taken_away(
    identity: Any, admin: Any, actor: str, place: str
) -> None:
    project = (await admin.post("/projects", {"project": {"name": "p"}}))["project"]["id"]
    whom = (await admin.post(f"/{actor}s", {actor: {"name": "x"}}))[actor]["id"]
    role = await identity.role("reader")
    tail = "/inherited_to_projects" if "INHERIT" in place else ""
    many = f"{place.format(project=project)}/{actor}s/{whom}/roles"
    one = f"{many}/{role}{tail}"
    await admin.head(one, 404)
    await asyncio.gather(*(admin.put(one) for _ in range(4)))
    await admin.put(one)
    await admin.head(one)
    await admin.get(one, 204)
    assert [r["id"] for r in (await admin.get(many + tail))["roles"]] == [role]
    await admin.delete(one)
    await admin.delete(one, 404)
    await admin.put(one.replace(whom, "nobody"), 404)
    await admin.put(one.replace(role, "nothing"), 404)


async def test_a_role_inherited_from_the_domain_counts_on_its_projects_only(
    identity: Any, admin: Any
) -> None:
    user = await identity.user("ann")
    role = await identity.role("reader")
    top = user["default_project_id"]
    below = (await admin.post("/projects", {"project": {"name": "below", "parent_id": top}}))["project"]["id"]
    await admin.put(f"/OS-INHERIT/domains/default/users/{user['id']}/roles/{role}/inherited_to_projects")
    for project in (top, below):
        assert (await identity.login("ann", "ann", project={"id": project})).status_code == 201
    names = {p["name"] for p in (await admin.get(f"/users/{user['id']}/projects"))["projects"]}
    assert {"of-ann", "below", "admin"} <= names
    await admin.delete(f"/OS-INHERIT/domains/default/users/{user['id']}/roles/{role}/inherited_to_projects")
    await admin.put(f"/OS-INHERIT/projects/{top}/users/{user['id']}/roles/{role}/inherited_to_projects")
    assert (await identity.login("ann", "ann", project={"id": top})).status_code == 401
    assert (await identity.login("ann", "ann", project={"id": below})).status_code == 201
    projects = (await admin.get(f"/users/{user['id']}/projects"))["projects"]
    assert [p["name"] for p in projects] == ["below"]


async def test_assignments_are_listed_with_names_and_in_effect(identity: Any, admin: Any) -> None:
    user = await identity.user("ann")
    project = user["default_project_id"]
    group = (await admin.post("/groups", {"group": {"name": "staff"}}))["group"]["id"]
    await admin.put(f"/groups/{group}/users/{user['id']}")
    await admin.put(f"/projects/{project}/groups/{group}/roles/{await identity.role('member')}")
    stored = (await admin.get(f"/role_assignments?group.id={group}&include_names"))["role_assignments"]
    link = f"/identity/v3/projects/{project}/groups/{group}/roles/{await identity.role('member')}"
    assert stored == [
        {
            "role": {"id": await identity.role("member"), "name": "member"},
            "group": {"id": group, "name": "staff", "domain": {"id": "default", "name": "Default"}},
            "scope": {
                "project": {
                    "id": project,
                    "name": "of-ann",
                    "domain": {"id": "default", "name": "Default"},
                }
            },
            "links": {"assignment": f"http://cloud{link}"},
        }
    ]
    query = f"/role_assignments?user.id={user['id']}&effective&scope.project.id={project}"
    held = (await admin.get(query))["role_assignments"]
    assert {row["role"]["id"] for row in held} == {
        await identity.role("member"),
        await identity.role("reader"),
    }
    assert all("membership" in row["links"] for row in held)
    assert sum("prior_role" in row["links"] for row in held) == 1
    assert (await admin.get("/role_assignments?scope.system=all"))["role_assignments"][0]["scope"] == {
        "system": {"all": True}
    }


async def test_inherited_assignments_are_marked_and_spread_in_effect(identity: Any, admin: Any) -> None:
    user = await identity.user("ann")
    role = await identity.role("reader")
    await admin.put(f"/OS-INHERIT/domains/default/users/{user['id']}/roles/{role}/inherited_to_projects")
    query = f"/role_assignments?user.id={user['id']}"
    (stored,) = (await admin.get(query))["role_assignments"]
    assert stored["scope"] == {"domain": {"id": "default"}, "OS-INHERIT:inherited_to": "projects"}
    held = (await admin.get(f"{query}&effective"))["role_assignments"]
    assert {"project"} == {next(iter(row["scope"])) for row in held}
    assert len(held) == 3  # admin, service, of-ann


async def test_taking_a_role_away_takes_the_application_credentials_of_the_project(
    identity: Any, admin: Any
) -> None:
    user = await identity.user("ann", "member")
    ann = await identity.client("ann", "ann")
    path = f"/users/{user['id']}/application_credentials"
    await ann.post(path, {"application_credential": {"name": "c"}})
    place = f"/projects/{user['default_project_id']}/users/{user['id']}/roles"
    await admin.delete(f"{place}/{await identity.role('member')}")
    assert (await admin.get(path))["application_credentials"] == []
