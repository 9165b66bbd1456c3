"""What is immutable stays; trees of projects are shown and kept sound; the API's own directory."""

from typing import Any

import pytest


@pytest.mark.parametrize("kind", ["project", "domain", "role"])
async def test_what_is_immutable_neither_changes_nor_goes(admin: Any, kind: str) -> None:
    body = {kind: {"name": "kept", "options": {"immutable": True}}}
    made = (await admin.post(f"/{kind}s", body))[kind]
    assert made["options"] == {"immutable": True}
    path = f"/{kind}s/{made['id']}"
    await admin.patch(path, {kind: {"name": "other"}}, 403)
    await admin.delete(path, 403)
    await admin.patch(path, {kind: {"options": {"colour": True}}}, 400)
    await admin.patch(path, {kind: {"options": {"immutable": None}}})
    assert (await admin.get(path))[kind]["options"] == {}
    await admin.patch(path, {kind: {"name": "other", "options": {"immutable": False}}})
    if kind == "domain":
        await admin.patch(path, {kind: {"enabled": False}})
    await admin.delete(path)


async def tree(admin: Any) -> list[str]:
    """Make three projects, each below the one before."""
    ids: list[str] = []
    for name in ("top", "middle", "low"):
        body: dict[str, Any] = {"name": name, **({"parent_id": ids[-1]} if ids else {})}
        ids.append((await admin.post("/projects", {"project": body}))["project"]["id"])
    return ids


async def test_a_project_is_shown_with_those_above_and_below(admin: Any) -> None:
    top, middle, low = await tree(admin)
    shown = (await admin.get(f"/projects/{middle}?parents_as_list&subtree_as_list"))["project"]
    assert [each["project"]["id"] for each in shown["parents"]] == [top]
    assert [each["project"]["id"] for each in shown["subtree"]] == [low]
    assert (await admin.get(f"/projects/{low}?parents_as_ids"))["project"]["parents"] == {middle: {top: None}}
    assert (await admin.get(f"/projects/{top}?subtree_as_ids"))["project"]["subtree"] == {middle: {low: None}}
    assert (await admin.get(f"/projects/{low}?subtree_as_ids"))["project"]["subtree"] is None
    await admin.get(f"/projects/{low}?parents_as_ids&parents_as_list", 400)


async def test_no_enabled_project_is_below_a_disabled_one(admin: Any) -> None:
    top, middle, low = await tree(admin)
    await admin.patch(f"/projects/{top}", {"project": {"enabled": False}}, 403)
    for project in (low, middle):
        await admin.patch(f"/projects/{project}", {"project": {"enabled": False}})
    await admin.patch(f"/projects/{low}", {"project": {"enabled": True}}, 403)


async def test_assignments_are_listed_for_a_whole_tree(identity: Any, admin: Any) -> None:
    top, _middle, low = await tree(admin)
    user = (await identity.user("ann", "reader"))["id"]
    reader = await identity.role("reader")
    for project in (top, low):
        await admin.put(f"/projects/{project}/users/{user}/roles/{reader}")
    query = f"/role_assignments?scope.project.id={top}&include_subtree=true"
    found = (await admin.get(query))["role_assignments"]
    assert {each["scope"]["project"]["id"] for each in found} == {top, low}
    await admin.get("/role_assignments?include_subtree=true", 400)


async def test_the_api_has_a_json_home(identity: Any) -> None:
    rel = "https://docs.openstack.org/api/openstack-identity/3"
    for path in ("/identity/v3", "/identity"):
        answer = await identity.http.get(path, headers={"Accept": "application/json-home"})
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/json-home"
        found = answer.json()["resources"]
        assert found[f"{rel}/rel/auth_tokens"] == {"href": "/identity/v3/auth/tokens"}
        assert found[f"{rel}/rel/user"]["href-template"] == "/identity/v3/users/{user_id}"
        assert found[f"{rel}/rel/user"]["href-vars"] == {"user_id": f"{rel}/param/user_id"}
        assert f"{rel}/rel/project_user_role" in found
        assert f"{rel}/rel/policies" in found
        assert f"{rel}/ext/OS-TRUST/1.0/rel/trusts" in found
        assert f"{rel}/ext/OS-TRUST/1.0/rel/trust_roles" in found


async def test_projects_lie_only_so_deep(admin: Any) -> None:
    above, top = None, None
    for level in range(6):
        body = {"name": f"level {level}"} | ({"parent_id": above} if above else {})
        above = (await admin.post("/projects", {"project": body}))["project"]["id"]
        top = top or above
    deepest = {"project": {"name": "too deep", "parent_id": above}}
    assert (await admin.post("/projects", deepest, 403))["error"]["code"] == 403
    depth, shown = 0, (await admin.get(f"/projects/{top}?subtree_as_ids"))["project"]["subtree"]
    while shown is not None:
        depth, (shown,) = depth + 1, shown.values()
    assert depth == 5
