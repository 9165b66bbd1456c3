"""Users and groups: their wire, their rules, their passwords."""

import asyncio
from typing import Any

import pytest


async def test_a_user_is_shown_without_its_password(admin: Any) -> None:
    body = {"user": {"name": "ann", "password": "p", "email": "a@b", "id": "mine"}}
    user = (await admin.post("/users", body))["user"]
    assert user == {
        "id": user["id"],
        "name": "ann",
        "domain_id": "default",
        "enabled": True,
        "password_expires_at": None,
        "options": {},
        "email": "a@b",
        "links": {"self": f"http://cloud/identity/v3/users/{user['id']}"},
    }
    assert len(user["id"]) == 32
    assert (await admin.get(f"/users/{user['id']}"))["user"] == user


async def test_users_are_listed_and_filtered_in_identitys_envelope(identity: Any, admin: Any) -> None:
    for name in ("ann", "bob"):
        await admin.post("/users", {"user": {"name": name, "enabled": name == "ann"}})
    answer = await admin.get("/users?name=ann")
    assert [user["name"] for user in answer["users"]] == ["ann"]
    expected = {"next": None, "previous": None, "self": "http://cloud/identity/v3/users?name=ann"}
    assert answer["links"] == expected
    assert [u["name"] for u in (await admin.get("/users?enabled=false"))["users"]] == ["bob"]
    assert [u["name"] for u in (await admin.get("/users?name__startswith=b"))["users"]] == ["bob"]
    every = (await admin.get("/users"))["users"]
    assert (await admin.get("/users?enabled__contains=x"))["users"] == every  # of a truth there is no part


async def test_two_users_of_one_domain_cannot_share_a_name(admin: Any) -> None:
    await admin.post("/users", {"user": {"name": "ann"}})
    error = (await admin.post("/users", {"user": {"name": "ann"}}, 409))["error"]
    assert error["message"] == (
        "Conflict occurred attempting to store user - "
        "Duplicate entry found with name ann at domain ID default."
    )
    await admin.post("/domains", {"domain": {"name": "north", "explicit_domain_id": "f" * 32}})
    await admin.post("/users", {"user": {"name": "ann", "domain_id": "f" * 32}})


@pytest.mark.parametrize(
    "user", [{}, {"name": ""}, {"name": "x" * 256}, {"name": 3}, {"name": "x", "enabled": "yes"}]
)
async def test_a_malformed_user_is_400(admin: Any, user: Any) -> None:
    await admin.post("/users", {"user": user}, 400)


async def test_a_user_of_no_domain_is_404(admin: Any) -> None:
    await admin.post("/users", {"user": {"name": "x", "domain_id": "nowhere"}}, 404)


async def test_an_unknown_user_is_404_in_keystones_words(admin: Any) -> None:
    error = (await admin.get("/users/nobody", 404))["error"]
    assert error == {"code": 404, "title": "Not Found", "message": "Could not find user: nobody."}
    await admin.patch("/users/nobody", {"user": {"name": "x"}}, 404)


async def test_a_user_changes_its_own_password_with_the_present_one(identity: Any) -> None:
    user = await identity.user("ann", "member")
    token = await identity.token("ann", "ann")
    path = f"/identity/v3/users/{user['id']}/password"
    wrong = {"user": {"password": "new", "original_password": "guess"}}
    assert (await identity.http.post(path, json=wrong)).status_code == 401
    right = {"user": {"password": "new", "original_password": "ann"}}
    assert (await identity.http.post(path, json=right)).status_code == 204
    assert (await identity.login("ann", "ann")).status_code == 401
    assert (await identity.login("ann", "new")).status_code == 201
    assert (await identity.cloud.client(token).get("/identity/v3/auth/projects")).status_code == 401
    unknown = "/identity/v3/users/nobody/password"
    assert (await identity.http.post(unknown, json=right)).status_code == 401


async def test_a_user_without_a_password_cannot_log_in(identity: Any, admin: Any) -> None:
    await admin.post("/users", {"user": {"name": "robot"}})
    assert (await identity.login("robot", "")).status_code == 401


async def test_an_ordinary_user_sees_only_itself(identity: Any) -> None:
    user = await identity.user("ann", "member")
    other = await identity.user("bob", "member")
    ann = await identity.client("ann", "ann")
    assert (await ann.get(f"/users/{user['id']}"))["user"]["name"] == "ann"
    await ann.get(f"/users/{other['id']}", 403)
    await ann.get("/users", 403)
    await ann.patch(f"/users/{user['id']}", {"user": {"name": "x"}}, 403)
    await ann.post("/users", {"user": {"name": "x"}}, 403)
    assert (await ann.get(f"/users/{user['id']}/projects"))["projects"][0]["name"] == "of-ann"
    await ann.get(f"/users/{other['id']}/projects", 403)


async def test_a_deleted_user_leaves_no_assignment_behind(identity: Any, admin: Any) -> None:
    user = await identity.user("ann", "member")
    await admin.delete(f"/users/{user['id']}")
    assert (await admin.get(f"/role_assignments?user.id={user['id']}"))["role_assignments"] == []
    await admin.get(f"/users/{user['id']}", 404)


async def test_a_group_gives_its_members_its_roles_while_they_are_in_it(identity: Any, admin: Any) -> None:
    user = await identity.user("ann")
    project = user["default_project_id"]
    group = (await admin.post("/groups", {"group": {"name": "staff", "description": "d"}}))["group"]
    assert group["links"]["self"].endswith(f"/groups/{group['id']}")
    await admin.put(f"/projects/{project}/groups/{group['id']}/roles/{await identity.role('member')}")
    scope = {"project": {"id": project}}
    assert (await identity.login("ann", "ann", **scope)).status_code == 401
    member = f"/groups/{group['id']}/users/{user['id']}"
    await admin.head(member, 404)
    await admin.put(member)
    await admin.put(member)
    await admin.head(member)
    token = await identity.token("ann", "ann", **scope)
    assert [u["id"] for u in (await admin.get(f"/groups/{group['id']}/users"))["users"]] == [user["id"]]
    assert [g["id"] for g in (await admin.get(f"/users/{user['id']}/groups"))["groups"]] == [group["id"]]
    await admin.delete(member)
    await admin.delete(member, 404)
    assert (await identity.cloud.client(token).get("/identity/v3/auth/projects")).status_code == 401


async def test_a_group_is_changed_and_deleted(identity: Any, admin: Any) -> None:
    group = (await admin.post("/groups", {"group": {"name": "staff"}}))["group"]
    await admin.post("/groups", {"group": {"name": "staff"}}, 409)
    other = (await admin.post("/groups", {"group": {"name": "other"}}))["group"]
    await admin.patch(f"/groups/{other['id']}", {"group": {"name": "staff"}}, 409)
    changed = await admin.patch(f"/groups/{group['id']}", {"group": {"description": "x"}})
    assert changed["group"]["description"] == "x"
    await admin.delete(f"/groups/{group['id']}")
    await admin.get(f"/groups/{group['id']}", 404)
    await admin.put(f"/groups/{group['id']}/users/x", 404)


async def test_many_new_users_at_once_hold_no_connection_while_hashing(identity: Any, admin: Any) -> None:
    async def create(number: int) -> None:
        await admin.post("/users", {"user": {"name": f"u{number}", "password": "p"}})

    await asyncio.gather(*[create(number) for number in range(40)])
    answers = await asyncio.gather(*[identity.login(f"u{number}", "p") for number in range(40)])
    assert {answer.status_code for answer in answers} == {201}


@pytest.mark.parametrize("kind", ["user", "group", "project", "domain"])
async def test_what_a_client_adds_of_its_own_is_kept_and_shown(admin: Any, kind: str) -> None:
    made = (await admin.post(f"/{kind}s", {kind: {"name": "n", "colour": "red", "size": None}}))[kind]
    assert made["colour"] == "red"
    assert made["size"] is None
    path = f"/{kind}s/{made['id']}"
    changed = (await admin.patch(path, {kind: {"size": 3, "id": "other", "links": 1}}))[kind]
    assert (changed["colour"], changed["size"], changed["id"]) == ("red", 3, made["id"])
    assert (await admin.get(path))[kind] == changed


@pytest.mark.parametrize("kind", ["user", "project", "group"])
async def test_those_who_change_the_same_at_once_do_not_undo_each_other(admin: Any, kind: str) -> None:
    made = (await admin.post(f"/{kind}s", {kind: {"name": "one"}}))[kind]
    path = f"/{kind}s/{made['id']}"
    words = {f"word{number}": "x" for number in range(8)}
    await asyncio.gather(*(admin.patch(path, {kind: {word: "x"}}) for word in words))
    assert (await admin.get(path))[kind].items() >= words.items()
