"""Tokens got again and again: what is kept for them never outlives a change."""

from typing import Any

import pytest


async def test_a_token_got_again_says_the_same_with_its_own_times(identity: Any) -> None:
    user = await identity.user("ann", "member")
    scope = {"project": {"id": user["default_project_id"]}}
    one, other = [(await identity.login("ann", "ann", **scope)).json()["token"] for _ in range(2)]
    assert one["audit_ids"] != other["audit_ids"]
    for each in (one, other):
        del each["audit_ids"], each["issued_at"], each["expires_at"]
    assert one == other


@pytest.mark.parametrize("change", ["role", "user", "project", "domain", "password"])
async def test_no_token_is_given_after_a_change(identity: Any, admin: Any, change: str) -> None:
    home = (await admin.post("/domains", {"domain": {"name": "home"}}))["domain"]["id"]
    project = (await admin.post("/projects", {"project": {"name": "p", "domain_id": home}}))["project"]["id"]
    body = {"user": {"name": "ann", "domain_id": home, "password": "ann"}}
    user = (await admin.post("/users", body))["user"]["id"]
    grant = f"/projects/{project}/users/{user}/roles/{await identity.role('member')}"
    await admin.put(grant)
    scope = {"project": {"id": project}}
    for _ in range(2):
        assert (await identity.login("ann", "ann", domain=home, **scope)).status_code == 201
    match change:
        case "role":
            await admin.delete(grant)
        case "user":
            await admin.patch(f"/users/{user}", {"user": {"enabled": False}})
        case "project":
            await admin.patch(f"/projects/{project}", {"project": {"enabled": False}})
        case "domain":
            await admin.patch(f"/domains/{home}", {"domain": {"enabled": False}})
        case _:
            await admin.patch(f"/users/{user}", {"user": {"password": "other"}})
    assert (await identity.login("ann", "ann", domain=home, **scope)).status_code == 401


async def test_a_new_role_is_in_the_next_token(identity: Any, admin: Any) -> None:
    user = await identity.user("ann", "reader")
    scope = {"project": {"id": user["default_project_id"]}}
    before = (await identity.login("ann", "ann", **scope)).json()["token"]["roles"]
    assert [role["name"] for role in before] == ["reader"]
    member = await identity.role("member")
    await admin.put(f"/projects/{user['default_project_id']}/users/{user['id']}/roles/{member}")
    after = (await identity.login("ann", "ann", **scope)).json()["token"]["roles"]
    assert [role["name"] for role in after] == ["member", "reader"]
