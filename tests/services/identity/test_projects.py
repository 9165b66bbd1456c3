"""Domains, projects, tags, and what a domain's own manager may do."""

from typing import Any

import pytest
from tests.services.identity.conftest import PASSWORD


async def test_a_project_is_shown_in_keystones_words(admin: Any) -> None:
    project = (await admin.post("/projects", {"project": {"name": "p", "tags": ["a"]}}))["project"]
    assert project == {
        "id": project["id"],
        "name": "p",
        "domain_id": "default",
        "parent_id": "default",
        "description": "",
        "enabled": True,
        "is_domain": False,
        "tags": ["a"],
        "options": {},
        "links": {"self": f"http://cloud/identity/v3/projects/{project['id']}"},
    }
    error = (await admin.post("/projects", {"project": {"name": "p"}}, 409))["error"]
    assert "store project - Duplicate entry found with name p at domain ID default" in error["message"]


async def test_a_project_with_projects_below_it_cannot_be_deleted(admin: Any) -> None:
    top = (await admin.post("/projects", {"project": {"name": "top"}}))["project"]["id"]
    below = (await admin.post("/projects", {"project": {"name": "below", "parent_id": top}}))["project"]
    assert below["parent_id"] == top
    await admin.delete(f"/projects/{top}", 403)
    await admin.delete(f"/projects/{below['id']}")
    await admin.delete(f"/projects/{top}")


async def test_a_parent_must_be_in_the_same_domain(admin: Any) -> None:
    domain = (await admin.post("/domains", {"domain": {"name": "north"}}))["domain"]["id"]
    top = (await admin.post("/projects", {"project": {"name": "top"}}))["project"]["id"]
    body = {"project": {"name": "x", "domain_id": domain, "parent_id": top}}
    await admin.post("/projects", body, 400)
    await admin.post("/projects", {"project": {"name": "x", "parent_id": "nothing"}}, 404)


async def test_tags_are_kept_and_filtered_by(admin: Any) -> None:
    one = (await admin.post("/projects", {"project": {"name": "one", "tags": ["a", "b"]}}))["project"]["id"]
    two = (await admin.post("/projects", {"project": {"name": "two", "tags": ["b"]}}))["project"]["id"]

    async def found(query: str) -> set[str]:
        return {p["id"] for p in (await admin.get(f"/projects?{query}"))["projects"]} & {one, two}

    assert await found("tags=a,b") == {one}
    assert await found("tags-any=a,b") == {one, two}
    assert await found("not-tags=a,b") == {two}
    assert await found("not-tags-any=a") == {two}
    await admin.put(f"/projects/{two}/tags/c", 201)
    await admin.get(f"/projects/{two}/tags/c", 204)
    assert (await admin.get(f"/projects/{two}/tags"))["tags"] == ["b", "c"]
    await admin.delete(f"/projects/{two}/tags/b")
    await admin.delete(f"/projects/{two}/tags/b", 404)
    await admin.get(f"/projects/{two}/tags/b", 404)
    assert (await admin.put(f"/projects/{two}/tags", 200, {"tags": ["x", "x"]}))["tags"] == ["x"]
    await admin.delete(f"/projects/{two}/tags")
    assert (await admin.get(f"/projects/{two}"))["project"]["tags"] == []


async def test_a_domain_is_disabled_before_it_is_deleted_with_all_it_holds(identity: Any, admin: Any) -> None:
    domain = (await admin.post("/domains", {"domain": {"name": "north"}}))["domain"]
    assert domain["options"] == {}
    await admin.post("/domains", {"domain": {"name": "north"}}, 409)
    path = f"/domains/{domain['id']}"
    user = (await admin.post("/users", {"user": {"name": "u", "domain_id": domain["id"]}}))["user"]["id"]
    project = (await admin.post("/projects", {"project": {"name": "p", "domain_id": domain["id"]}}))[
        "project"
    ]
    await admin.post("/groups", {"group": {"name": "g", "domain_id": domain["id"]}})
    await admin.post("/roles", {"role": {"name": "r", "domain_id": domain["id"]}})
    member = await identity.role("member")
    await admin.put(f"/projects/{project['id']}/users/{user}/roles/{member}")
    await admin.put(f"{path}/users/{user}/roles/{member}")
    await admin.delete(path, 403)
    await admin.patch(path, {"domain": {"enabled": False}})
    await admin.delete(path)
    await admin.get(path, 404)
    await admin.get(f"/users/{user}", 404)
    await admin.get(f"/projects/{project['id']}", 404)
    await admin.patch("/domains/default", {"domain": {"name": "other"}})
    await admin.delete("/domains/default", 403)


@pytest.fixture
async def manager(identity: Any, admin: Any) -> Any:
    """A manager of the domain north, with a token of that domain; `north` is the domain's id."""
    domain = (await admin.post("/domains", {"domain": {"name": "north"}}))["domain"]["id"]
    user = {"name": "mia", "password": "mia", "domain_id": domain}
    mia = (await admin.post("/users", {"user": user}))["user"]["id"]
    await admin.put(f"/domains/{domain}/users/{mia}/roles/{await identity.role('manager')}")
    auth = {
        "identity": {
            "methods": ["password"],
            "password": {"user": {"name": "mia", "domain": {"id": domain}, "password": "mia"}},
        },
        "scope": {"domain": {"id": domain}},
    }
    answer = await identity.http.post("/identity/v3/auth/tokens", json={"auth": auth})
    api = type(admin)(identity.cloud.client(answer.headers["X-Subject-Token"]))
    api.north = domain
    return api


async def test_a_domains_manager_manages_its_domain_and_no_other(
    identity: Any, admin: Any, manager: Any
) -> None:
    user = (await manager.post("/users", {"user": {"name": "u", "password": "p"}}))["user"]
    project = (await manager.post("/projects", {"project": {"name": "p"}}))["project"]
    assert user["domain_id"] == project["domain_id"] == manager.north
    assert {u["name"] for u in (await manager.get("/users"))["users"]} == {"mia", "u"}
    assert [p["name"] for p in (await manager.get("/projects"))["projects"]] == ["p"]
    assert [d["name"] for d in (await manager.get("/domains"))["domains"]] == ["north"]
    await manager.post("/users", {"user": {"name": "x", "domain_id": "default"}}, 403)
    await manager.post("/projects", {"project": {"name": "x", "domain_id": "default"}}, 403)
    other = (await admin.post("/projects", {"project": {"name": "other"}}))["project"]["id"]
    await manager.get(f"/projects/{other}", 403)
    await manager.delete(f"/projects/{other}", 403)


async def test_a_domains_manager_hands_out_its_own_roles_but_not_admin(identity: Any, manager: Any) -> None:
    user = (await manager.post("/users", {"user": {"name": "u"}}))["user"]["id"]
    project = (await manager.post("/projects", {"project": {"name": "p"}}))["project"]["id"]
    place = f"/projects/{project}/users/{user}/roles"
    await manager.put(f"{place}/{await identity.role('member')}")
    await manager.put(f"{place}/{await identity.role('admin')}", 403)
    assert [r["name"] for r in (await manager.get(place))["roles"]] == ["member"]
    held = (await manager.get("/role_assignments?include_names"))["role_assignments"]
    assert {row["user"]["name"] for row in held} == {"mia", "u"}
    await manager.delete(f"{place}/{await identity.role('member')}")


async def acting_in(identity: Any, admin: Any, domain: str, name: str = "admin", word: str = PASSWORD) -> Any:
    """Log a user of the default domain in to another one."""
    user = {"name": name, "domain": {"id": "default"}, "password": word}
    auth = {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"domain": {"id": domain}},
    }
    answer = await identity.http.post("/identity/v3/auth/tokens", json={"auth": auth})
    return type(admin)(identity.cloud.client(answer.headers["X-Subject-Token"]))


async def test_an_administrator_of_a_domain_lists_it_alone(identity: Any, admin: Any) -> None:
    domain = (await admin.post("/domains", {"domain": {"name": "south"}}))["domain"]["id"]
    [founder] = (await admin.get("/users?name=admin"))["users"]
    await admin.put(f"/domains/{domain}/users/{founder['id']}/roles/{await identity.role('admin')}")
    south = await acting_in(identity, admin, domain)
    groups = [
        (await admin.post("/groups", {"group": {"name": "g", "domain_id": one}}))["group"]["id"]
        for one in (domain, "default")
    ]
    users = [
        (await admin.post("/users", {"user": {"name": "u", "domain_id": one}}))["user"]["id"]
        for one in (domain, "default")
    ]
    for group in groups:
        for user in users:
            await admin.put(f"/groups/{group}/users/{user}")
    assert [d["id"] for d in (await south.get("/domains"))["domains"]] == [domain]
    assert [g["id"] for g in (await south.get("/groups"))["groups"]] == groups[:1]
    assert [u["id"] for u in (await south.get("/users"))["users"]] == users[:1]
    assert (await south.get("/projects"))["projects"] == []
    assert [g["id"] for g in (await south.get(f"/users/{users[1]}/groups"))["groups"]] == groups[:1]
    assert [u["id"] for u in (await south.get(f"/groups/{groups[1]}/users"))["users"]] == users[:1]
    held = (await south.get("/role_assignments"))["role_assignments"]
    assert [row["scope"] for row in held] == [{"domain": {"id": domain}}]
    assert (await south.get(f"/users/{users[1]}"))["user"]["domain_id"] == "default"


async def test_who_acts_in_another_domain_still_finds_oneself(identity: Any, admin: Any) -> None:
    domain = (await admin.post("/domains", {"domain": {"name": "south"}}))["domain"]["id"]
    guest = (await admin.post("/users", {"user": {"name": "guest", "password": "guest"}}))["user"]["id"]
    await admin.put(f"/domains/{domain}/users/{guest}/roles/{await identity.role('reader')}")
    south = await acting_in(identity, admin, domain, "guest", "guest")
    assert (await south.get(f"/users/{guest}"))["user"]["name"] == "guest"
    assert (await south.get(f"/users/{guest}/projects"))["projects"] == []
    [founder] = (await admin.get("/users?name=admin"))["users"]
    await south.get(f"/users/{founder['id']}", 403)


async def test_a_domains_own_role_is_for_its_own_projects(admin: Any) -> None:
    domain = (await admin.post("/domains", {"domain": {"name": "south"}}))["domain"]["id"]
    role = (await admin.post("/roles", {"role": {"name": "own", "domain_id": domain}}))["role"]["id"]
    user = (await admin.post("/users", {"user": {"name": "u"}}))["user"]["id"]
    for home, status in (("default", 403), (domain, 204)):
        made = await admin.post("/projects", {"project": {"name": "p", "domain_id": home}})
        await admin.put(f"/projects/{made['project']['id']}/users/{user}/roles/{role}", status)
    await admin.put(f"/domains/default/users/{user}/roles/{role}", 204)
