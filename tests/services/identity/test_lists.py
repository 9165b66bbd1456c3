"""Identity's lists over HTTP: in pages, whole, and what their filters refuse."""

import sys
from typing import Any

import pytest

from cumulo.core.resource import listing


@pytest.fixture
async def crowd(admin: Any) -> dict[str, Any]:
    """Seven users in one group, the group reader of a project."""
    group = (await admin.post("/groups", {"group": {"name": "crowd"}}))["group"]["id"]
    project = (await admin.post("/projects", {"project": {"name": "p"}}))["project"]["id"]
    users = []
    for n in range(7):
        users.append((await admin.post("/users", {"user": {"name": f"one-{n}"}}))["user"]["id"])
        await admin.put(f"/groups/{group}/users/{users[-1]}")
    return {"group": group, "project": project, "users": sorted(users)}


async def follow(admin: Any, path: str, collection: str) -> list[list[dict[str, Any]]]:
    """Return a list's pages, each link followed."""
    pages = []
    following: str | None = path
    while following is not None:
        answer = await admin.get(following.removeprefix("http://cloud/identity/v3"))
        pages.append(answer[collection])
        following = answer["links"]["next"]
    return pages


async def test_the_users_of_a_group_come_in_pages(admin: Any, crowd: Any) -> None:
    pages = await follow(admin, f"/groups/{crowd['group']}/users?limit=3", "users")
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [user["id"] for page in pages for user in page] == crowd["users"]
    named = (await admin.get(f"/groups/{crowd['group']}/users?name=one-4"))["users"]
    assert [user["name"] for user in named] == ["one-4"]
    await admin.get(f"/groups/{crowd['group']}/users?marker=nobody", 400)


async def test_the_groups_and_projects_of_a_user_come_in_pages(identity: Any, admin: Any, crowd: Any) -> None:
    role = await identity.role("reader")
    await admin.put(f"/projects/{crowd['project']}/groups/{crowd['group']}/roles/{role}")
    other = (await admin.post("/projects", {"project": {"name": "q", "parent_id": crowd["project"]}}))[
        "project"
    ]["id"]
    user = crowd["users"][0]
    await admin.put(
        f"/OS-INHERIT/projects/{crowd['project']}/users/{user}/roles/{role}/inherited_to_projects"
    )
    pages = await follow(admin, f"/users/{user}/projects?limit=1", "projects")
    assert [project["id"] for page in pages for project in page] == sorted([crowd["project"], other])
    assert [group["id"] for group in (await admin.get(f"/users/{user}/groups?limit=9"))["groups"]] == [
        crowd["group"]
    ]


@pytest.mark.parametrize("effective", ["", "&effective"])
async def test_assignments_come_in_pages_that_links_lead_through(
    identity: Any, admin: Any, crowd: Any, effective: str
) -> None:
    role = await identity.role("member")
    await admin.put(f"/projects/{crowd['project']}/groups/{crowd['group']}/roles/{role}")
    query = f"/role_assignments?scope.project.id={crowd['project']}&include_names{effective}"
    whole = (await admin.get(query))["role_assignments"]
    assert len(whole) == (14 if effective else 1)
    pages = await follow(admin, f"{query}&limit=4", "role_assignments")
    assert [row for page in pages for row in page] == whole
    assert max(map(len, pages)) <= 4
    await admin.get(f"{query}&marker=nonsense", 400)
    await admin.get(f"{query}&limit=none", 400)


async def test_a_list_without_a_limit_is_whole_however_many_pages_it_is_sent_in(
    identity: Any, admin: Any, crowd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = await identity.role("member")
    await admin.put(f"/projects/{crowd['project']}/groups/{crowd['group']}/roles/{role}")
    paths = {
        "/users": "users",
        f"/groups/{crowd['group']}/users": "users",
        "/role_assignments?effective&include_names": "role_assignments",
    }
    whole = {path: await admin.get(path) for path in paths}
    for module in (listing, sys.modules["cumulo.services.identity.api.assignments"]):
        monkeypatch.setattr(module, "STREAMED_PAGE", 2)
    for path, answer in whole.items():
        assert await admin.get(path) == answer
        assert len(answer[paths[path]]) > 4
        assert answer["links"]["next"] is None


@pytest.mark.parametrize(
    "query",
    [
        "scope.domain.id=default&scope.project.id=x",
        "scope.system=all&scope.domain.id=default",
        "scope.system=all&scope.project.id=x",
        "user.id=x&group.id=y",
        "effective&group.id=y",
        "effective&scope.domain.id=default&scope.OS-INHERIT:inherited_to=projects",
        "include_subtree",
    ],
)
async def test_filters_that_exclude_each_other_are_refused(admin: Any, query: str) -> None:
    await admin.get(f"/role_assignments?{query}", 400)


async def test_assignments_on_a_tree_are_those_on_all_its_projects(identity: Any, admin: Any) -> None:
    user, role = await identity.user("ann"), await identity.role("reader")
    top = (await admin.post("/projects", {"project": {"name": "top"}}))["project"]["id"]
    below = (await admin.post("/projects", {"project": {"name": "below", "parent_id": top}}))["project"]["id"]
    await admin.put(f"/projects/{below}/users/{user['id']}/roles/{role}")
    query = f"/role_assignments?scope.project.id={top}"
    assert (await admin.get(query))["role_assignments"] == []
    (found,) = (await admin.get(f"{query}&include_subtree"))["role_assignments"]
    assert found["scope"] == {"project": {"id": below}}
    await admin.get("/role_assignments?scope.project.id=nowhere&include_subtree", 404)


async def test_a_role_asked_for_is_found_where_it_is_implied_and_a_domains_own_nowhere(
    identity: Any, admin: Any
) -> None:
    user = await identity.user("ann", "manager")
    own = (await admin.post("/roles", {"role": {"name": "own", "domain_id": "default"}}))["role"]["id"]
    project = user["default_project_id"]
    await admin.put(f"/projects/{project}/users/{user['id']}/roles/{own}")
    query = f"/role_assignments?user.id={user['id']}&effective"
    (reader,) = (await admin.get(f"{query}&role.id={await identity.role('reader')}"))["role_assignments"]
    assert reader["links"]["prior_role"].endswith(await identity.role("reader"))
    assert (await admin.get(f"{query}&role.id={own}"))["role_assignments"] == []
    ids = {row["role"]["id"] for row in (await admin.get(query))["role_assignments"]}
    assert own not in ids
    await admin.put(f"/roles/{own}/implies/{await identity.role('service')}", 201)
    ids = {row["role"]["id"] for row in (await admin.get(query))["role_assignments"]}
    assert own not in ids
    assert await identity.role("service") in ids
