"""Logging in, looking at tokens, and every way in which one ends at once."""

import re
from datetime import timedelta
from typing import Any

import pytest

from cumulo.core import clock
from cumulo.services.identity.hashing import Passwords
from cumulo.services.identity.model import User

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000Z")


async def test_a_password_gives_a_token_of_the_default_project_in_keystones_words(identity: Any) -> None:
    answer = await identity.login()
    assert answer.status_code == 201
    assert answer.headers["Vary"] == "X-Auth-Token"
    assert len(answer.headers["X-Subject-Token"]) <= 255
    token = answer.json()["token"]
    assert token["methods"] == ["password"]
    assert token["user"]["name"] == "admin"
    assert token["user"]["domain"] == {"id": "default", "name": "Default"}
    assert token["user"]["password_expires_at"] is None
    assert token["project"]["name"] == "admin"
    assert token["is_domain"] is False
    assert [role["name"] for role in token["roles"]] == ["admin", "manager", "member", "reader"]
    assert STAMP.fullmatch(token["issued_at"])
    assert STAMP.fullmatch(token["expires_at"])
    assert len(token["audit_ids"]) == 1
    kinds = {service["type"]: service for service in token["catalog"]}
    assert set(kinds) == {"identity", "compute", "volumev3"}
    endpoint = kinds["volumev3"]["endpoints"][0]
    assert endpoint["url"].endswith("/" + token["project"]["id"])
    assert endpoint["region"] == endpoint["region_id"] == "RegionOne"
    assert {e["interface"] for e in kinds["compute"]["endpoints"]} == {"public", "internal", "admin"}


async def test_the_catalog_may_be_left_out(identity: Any) -> None:
    user = {"name": "admin", "domain": {"name": "Default"}, "password": "correct horse"}
    auth = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
    answer = await identity.http.post("/identity/v3/auth/tokens?nocatalog", json=auth)
    assert "catalog" not in answer.json()["token"]


@pytest.mark.parametrize(
    ("scope", "key"),
    [
        ({"project": {"name": "admin", "domain": {"name": "Default"}}}, "project"),
        ({"project": {"name": "admin", "domain": {"id": "default"}}}, "project"),
        ({"system": {"all": True}}, "system"),
    ],
)
async def test_a_token_has_the_scope_that_was_asked_for(identity: Any, scope: Any, key: str) -> None:
    token = (await identity.login(**scope)).json()["token"]
    assert key in token
    assert "roles" in token
    assert not {"project", "domain", "system"} - {key} & set(token)


async def test_a_domain_token_needs_a_role_on_the_domain(identity: Any, admin: Any) -> None:
    assert (await identity.login()).status_code == 201
    refused = await identity.http.post("/identity/v3/auth/tokens", json=_auth({"domain": {"id": "default"}}))
    assert refused.status_code == 401
    me = (await admin.get("/users?name=admin"))["users"][0]["id"]
    await admin.put(f"/domains/default/users/{me}/roles/{await identity.role('manager')}")
    answer = await identity.http.post("/identity/v3/auth/tokens", json=_auth({"domain": {"name": "Default"}}))
    token = answer.json()["token"]
    assert token["domain"] == {"id": "default", "name": "Default"}
    assert [role["name"] for role in token["roles"]] == ["manager", "member", "reader"]


def _auth(scope: Any) -> dict[str, Any]:
    user = {"name": "admin", "domain": {"id": "default"}, "password": "correct horse"}
    identity = {"methods": ["password"], "password": {"user": user}}
    return {"auth": {"identity": identity, "scope": scope}}


@pytest.mark.parametrize("scope", ["unscoped", {"unscoped": {}}])
async def test_an_explicitly_unscoped_token_has_no_project_roles_or_catalog(
    identity: Any, scope: Any
) -> None:
    answer = await identity.http.post("/identity/v3/auth/tokens", json=_auth(scope))
    assert answer.status_code == 201
    assert not {"project", "roles", "catalog"} & set(answer.json()["token"])


async def test_a_token_gives_a_token_that_lives_no_longer_and_remembers_the_first(identity: Any) -> None:
    first = await identity.login()
    auth: dict[str, Any] = {
        "identity": {"methods": ["token"], "token": {"id": first.headers["X-Subject-Token"]}},
        "scope": "unscoped",
    }
    second = await identity.http.post("/identity/v3/auth/tokens", json={"auth": auth})
    one, two = first.json()["token"], second.json()["token"]
    assert two["methods"] == ["password", "token"]
    assert two["expires_at"] == one["expires_at"]
    assert two["audit_ids"][1] == one["audit_ids"][0]
    auth["identity"]["token"]["id"] = second.headers["X-Subject-Token"]
    third = (await identity.http.post("/identity/v3/auth/tokens", json={"auth": auth})).json()["token"]
    assert third["audit_ids"][1] == one["audit_ids"][0]


@pytest.mark.parametrize(
    ("name", "password", "domain"),
    [("admin", "wrong", "default"), ("nobody", "x", "default"), ("admin", "correct horse", "elsewhere")],
)
async def test_every_bad_attempt_is_the_same_refusal(
    identity: Any, name: str, password: str, domain: str
) -> None:
    answer = await identity.login(name, password, domain=domain)
    assert answer.status_code == 401
    assert answer.json() == {
        "error": {
            "code": 401,
            "title": "Unauthorized",
            "message": "The request you have made requires authentication.",
        }
    }
    assert answer.headers["WWW-Authenticate"] == 'Keystone uri="http://cloud/identity"'


async def test_a_bad_attempt_costs_one_verification_whoever_it_is_for(
    identity: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[bool] = []
    plain = Passwords._verify_argon2

    def counted(self: Passwords, password: str, stored: str) -> bool:
        calls.append(True)
        return plain(self, password, stored)

    monkeypatch.setattr(Passwords, "_verify_argon2", counted)
    for name, domain in (("admin", "default"), ("nobody", "default"), ("admin", "elsewhere")):
        calls.clear()
        assert (await identity.login(name, "wrong", domain=domain)).status_code == 401
        assert len(calls) == 1


@pytest.mark.parametrize(
    "auth",
    [
        {},
        {"identity": {"methods": []}},
        {"identity": {"methods": ["password"]}},
        {"identity": {"methods": ["password"], "password": {"user": {"name": "admin", "password": "x"}}}},
        {"identity": {"methods": ["token"]}},
        {"identity": {"methods": ["application_credential"]}},
        {"identity": {"methods": "password"}},
    ],
)
async def test_a_malformed_attempt_is_400(identity: Any, auth: Any) -> None:
    answer = await identity.http.post("/identity/v3/auth/tokens", json={"auth": auth})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == 400


async def test_two_scopes_at_once_are_400(identity: Any) -> None:
    scope = {"project": {"id": "x"}, "domain": {"id": "default"}}
    answer = await identity.http.post("/identity/v3/auth/tokens", json=_auth(scope))
    assert answer.status_code == 400


async def test_an_unknown_method_is_401(identity: Any) -> None:
    auth = {"identity": {"methods": ["telepathy"]}}
    answer = await identity.http.post("/identity/v3/auth/tokens", json={"auth": auth})
    assert answer.status_code == 401


async def test_one_looks_at_checks_and_revokes_a_token(identity: Any, admin: Any) -> None:
    await identity.user("ann", "member")
    token = await identity.token("ann", "ann")
    seen = await admin.get("/auth/tokens", X_Subject_Token=token)
    assert seen["token"]["user"]["name"] == "ann"
    assert "catalog" in seen["token"]
    await admin.head("/auth/tokens", 200, X_Subject_Token=token)
    await admin.delete("/auth/tokens", X_Subject_Token=token)
    for method in ("GET", "HEAD", "DELETE"):
        await admin.call(method, "/auth/tokens", 404, X_Subject_Token=token)
    assert (await identity.cloud.client(token).get("/identity/v3/auth/projects")).status_code == 401


async def test_one_may_look_at_ones_own_token_but_at_no_other(identity: Any) -> None:
    await identity.user("ann", "member")
    token = await identity.token("ann", "ann")
    ann = await identity.client("ann", "ann")
    await ann.get("/auth/tokens", X_Subject_Token=token)
    await ann.get("/auth/tokens", 403, X_Subject_Token=await identity.token())
    await ann.get("/auth/tokens", 404, X_Subject_Token="garbage")
    await ann.get("/auth/tokens", 404)


async def _works(identity: Any, token: str) -> bool:
    answer = await identity.cloud.client(token).get("/identity/v3/auth/projects")
    assert answer.status_code in {200, 401}
    return bool(answer.status_code == 200)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/users/{user}", {"user": {"enabled": False}}),
        ("/users/{user}", {"user": {"password": "new"}}),
        ("/projects/{project}", {"project": {"enabled": False}}),
    ],
)
async def test_a_change_that_ends_a_token_ends_it_at_once(
    identity: Any, admin: Any, path: str, body: Any
) -> None:
    user = await identity.user("ann", "member")
    token = await identity.token("ann", "ann")
    assert await _works(identity, token)
    await admin.patch(path.format(user=user["id"], project=user["default_project_id"]), body)
    assert not await _works(identity, token)


async def test_a_disabled_domain_stops_its_users_at_once(identity: Any, admin: Any) -> None:
    domain = (await admin.post("/domains", {"domain": {"name": "north"}}))["domain"]["id"]
    project = (await admin.post("/projects", {"project": {"name": "p", "domain_id": domain}}))["project"][
        "id"
    ]
    user = {"name": "ann", "password": "ann", "domain_id": domain, "default_project_id": project}
    ann = (await admin.post("/users", {"user": user}))["user"]["id"]
    await admin.put(f"/projects/{project}/users/{ann}/roles/{await identity.role('member')}")
    answer = await identity.login("ann", "ann", domain=domain)
    token = answer.headers["X-Subject-Token"]
    assert await _works(identity, token)
    await admin.patch(f"/domains/{domain}", {"domain": {"enabled": False}})
    assert not await _works(identity, token)
    assert (await identity.login("ann", "ann", domain=domain)).status_code == 401


async def test_deleting_the_user_ends_its_tokens_at_once(identity: Any, admin: Any) -> None:
    user = await identity.user("ann", "member")
    token = await identity.token("ann", "ann")
    assert await _works(identity, token)
    await admin.delete(f"/users/{user['id']}")
    assert not await _works(identity, token)


async def test_roles_are_those_of_this_moment(identity: Any, admin: Any) -> None:
    user = await identity.user("ann", "member")
    token = await identity.token("ann", "ann")
    place = f"/projects/{user['default_project_id']}/users/{user['id']}/roles"
    await admin.put(f"{place}/{await identity.role('manager')}")
    seen = (await admin.get("/auth/tokens", X_Subject_Token=token))["token"]
    assert [role["name"] for role in seen["roles"]] == ["manager", "member", "reader"]
    for role in ("manager", "member"):
        await admin.delete(f"{place}/{await identity.role(role)}")
    assert not await _works(identity, token)


async def test_a_token_ends_when_its_time_is_over(identity: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await identity.token()
    assert await _works(identity, token)
    later = clock.now() + timedelta(seconds=3601)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert not await _works(identity, token)


async def test_a_token_with_a_changed_letter_is_refused(identity: Any) -> None:
    token = await identity.token()
    assert not await _works(identity, token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1])


async def test_one_sees_ones_projects_domains_and_catalog(identity: Any) -> None:
    await identity.user("ann", "reader")
    ann = await identity.client("ann", "ann")
    assert [p["name"] for p in (await ann.get("/auth/projects"))["projects"]] == ["of-ann"]
    assert (await ann.get("/auth/domains"))["domains"] == []
    assert (await ann.get("/auth/system"))["system"] == []
    assert {s["type"] for s in (await ann.get("/auth/catalog"))["catalog"]} >= {"compute"}
    boss = await identity.client()
    assert (await boss.get("/auth/system"))["system"] == [{"all": True}]


async def test_an_older_hash_is_renewed_at_the_next_login(identity: Any) -> None:
    user = await identity.user("ann", "member")
    stronger = Passwords(threads=1, passes=1, memory=128)
    identity.cloud.bindings[Passwords] = stronger
    token = await identity.token("ann", "ann")
    async with identity.database.read() as db:
        stored = (await db.get(User, user["id"])).password_hash
    assert "m=128," in stored
    assert await _works(identity, token)
    stronger.close()
