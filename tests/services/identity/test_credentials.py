"""Application credentials: what they carry, what they may call, when they end."""

from datetime import timedelta
from typing import Any

import pytest

from cumulo.core import clock
from cumulo.core.auth import AccessRule
from cumulo.services.identity.adapter import allowed


@pytest.fixture
async def ann(identity: Any) -> Any:
    user = await identity.user("ann", "manager")
    api = await identity.client("ann", "ann")
    api.id = user["id"]
    api.path = f"/users/{user['id']}/application_credentials"
    return api


async def make(ann: Any, status: int = 201, **values: Any) -> Any:
    body = {"application_credential": {"name": "c", **values}}
    return (await ann.post(ann.path, body, status)).get("application_credential")


async def login(identity: Any, **credential: Any) -> Any:
    auth = {"identity": {"methods": ["application_credential"], "application_credential": credential}}
    return await identity.http.post("/identity/v3/auth/tokens", json={"auth": auth})


async def test_a_credential_logs_its_user_in_to_its_project(identity: Any, ann: Any) -> None:
    made = await make(ann, description="d")
    assert len(made["secret"]) >= 80
    assert made["unrestricted"] is False
    assert made["expires_at"] is None
    assert {role["name"] for role in made["roles"]} == {"manager", "member", "reader"}
    answer = await login(identity, id=made["id"], secret=made["secret"])
    token = answer.json()["token"]
    assert token["methods"] == ["application_credential"]
    assert token["project"]["name"] == "of-ann"
    expected = {"id": made["id"], "name": "c", "restricted": True}
    assert token["application_credential"] == expected
    by_name = await login(identity, name="c", user={"id": ann.id}, secret=made["secret"])
    assert by_name.status_code == 201
    assert (await login(identity, id=made["id"], secret="wrong")).status_code == 401
    assert (await login(identity, id="nothing", secret="wrong")).status_code == 401
    shown = (await ann.get(f"{ann.path}/{made['id']}"))["application_credential"]
    assert "secret" not in shown
    assert [c["id"] for c in (await ann.get(ann.path))["application_credentials"]] == [made["id"]]


async def test_a_credential_carries_only_the_roles_it_was_given(identity: Any, ann: Any) -> None:
    made = await make(ann, roles=[{"name": "member"}])
    token = (await login(identity, id=made["id"], secret=made["secret"])).json()["token"]
    assert [role["name"] for role in token["roles"]] == ["member", "reader"]
    await make(ann, 400, name="more", roles=[{"name": "admin"}])
    await make(ann, 409)


async def test_deleting_a_credential_ends_its_tokens_at_once(identity: Any, ann: Any) -> None:
    made = await make(ann)
    token = (await login(identity, id=made["id"], secret=made["secret"])).headers["X-Subject-Token"]
    client = identity.cloud.client(token)
    assert (await client.get("/identity/v3/auth/projects")).status_code == 200
    await ann.delete(f"{ann.path}/{made['id']}")
    assert (await client.get("/identity/v3/auth/projects")).status_code == 401
    await ann.delete(f"{ann.path}/{made['id']}", 404)


async def test_a_credential_ends_when_its_time_is_over(
    identity: Any, ann: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = clock.now() + timedelta(seconds=60)
    made = await make(ann, expires_at=soon.isoformat().replace("+00:00", "Z"))
    answer = await login(identity, id=made["id"], secret=made["secret"])
    assert answer.json()["token"]["expires_at"] <= soon.isoformat()
    await make(ann, 400, name="old", expires_at="2020-01-01T00:00:00Z")
    await make(ann, 400, name="odd", expires_at="tomorrow")
    later = soon + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert (await login(identity, id=made["id"], secret=made["secret"])).status_code == 401


async def test_a_credential_has_its_own_scope_and_begets_no_tokens(identity: Any, ann: Any) -> None:
    made = await make(ann)
    method = {"application_credential": {"id": made["id"], "secret": made["secret"]}}
    auth: Any = {"identity": {"methods": ["application_credential"], **method}, "scope": "unscoped"}
    assert (await identity.http.post("/identity/v3/auth/tokens", json={"auth": auth})).status_code == 400
    token = (await login(identity, id=made["id"], secret=made["secret"])).headers["X-Subject-Token"]
    auth = {"identity": {"methods": ["token"], "token": {"id": token}}}
    assert (await identity.http.post("/identity/v3/auth/tokens", json={"auth": auth})).status_code == 403


async def test_only_an_unrestricted_credential_manages_others(identity: Any, ann: Any) -> None:
    for unrestricted, status in ((False, 403), (True, 201)):
        made = await make(ann, name=f"c{unrestricted}", unrestricted=unrestricted)
        token = (await login(identity, id=made["id"], secret=made["secret"])).headers["X-Subject-Token"]
        api = type(ann)(identity.cloud.client(token))
        body = {"application_credential": {"name": f"by-{unrestricted}"}}
        await api.post(ann.path, body, status)
    await make(ann, 400, name="x", roles="all")


async def test_one_cannot_make_or_see_the_credentials_of_another(identity: Any, ann: Any) -> None:
    made = await make(ann)
    await identity.user("bob", "member")
    bob = await identity.client("bob", "bob")
    await bob.get(ann.path, 403)
    await bob.get(f"{ann.path}/{made['id']}", 403)
    await bob.delete(f"{ann.path}/{made['id']}", 403)
    await bob.post(ann.path, {"application_credential": {"name": "x"}}, 403)
    admin = await identity.client()
    await admin.get(f"{ann.path}/{made['id']}")
    await admin.post(ann.path, {"application_credential": {"name": "x"}}, 403)


async def test_access_rules_limit_a_token_to_the_calls_they_name(identity: Any, ann: Any) -> None:
    rules = [{"service": "identity", "method": "GET", "path": "/v3/auth/projects"}]
    made = await make(ann, access_rules=rules)
    (rule,) = made["access_rules"]
    answer = await login(identity, id=made["id"], secret=made["secret"])
    assert answer.json()["token"]["application_credential"]["access_rules"] == [rule]
    client = identity.cloud.client(answer.headers["X-Subject-Token"])
    assert (await client.get("/identity/v3/auth/projects")).status_code == 200
    assert (await client.get("/identity/v3/auth/domains")).status_code == 403
    assert (await client.get("/identity/v3/auth/catalog")).status_code == 403
    again = await make(ann, name="again", access_rules=[{"id": rule["id"]}])
    assert again["access_rules"] == [rule]
    same = await make(ann, name="same", access_rules=rules)
    assert same["access_rules"] == [rule]
    path = f"/users/{ann.id}/access_rules"
    assert [r["id"] for r in (await ann.get(path))["access_rules"]] == [rule["id"]]
    assert (await ann.get(f"{path}/{rule['id']}"))["access_rule"]["method"] == "GET"
    await ann.delete(f"{path}/{rule['id']}", 403)
    for name in ("c", "again", "same"):
        (found,) = (await ann.get(f"{ann.path}?name={name}"))["application_credentials"]
        await ann.delete(f"{ann.path}/{found['id']}")
    await ann.delete(f"{path}/{rule['id']}")
    await make(ann, 404, name="gone", access_rules=[{"id": rule["id"]}])
    await make(ann, 400, name="half", access_rules=[{"service": "compute"}])


async def test_no_access_rules_at_all_allow_nothing(identity: Any, ann: Any) -> None:
    made = await make(ann, access_rules=[])
    token = (await login(identity, id=made["id"], secret=made["secret"])).headers["X-Subject-Token"]
    answer = await identity.cloud.client(token).get("/identity/v3/auth/projects")
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/v2.1/servers", "/v2.1/servers", True),
        ("/v2.1/servers", "/v2.1/servers/1", False),
        ("/v2.1/servers/*", "/v2.1/servers/1", True),
        ("/v2.1/servers/*", "/v2.1/servers/1/ips", False),
        ("/v2.1/servers/{id}/ips", "/v2.1/servers/1/ips", True),
        ("/v2.1/**", "/v2.1/servers/1/ips", True),
        ("/v2.1/**", "/v3/servers", False),
        ("/v2.1/a.b", "/v2.1/axb", False),
        ("/v2.1/*/x", "/v2.1//x", False),
        ("/v2.1/a{id}b{name}", "/v2.1/a1b2b3", True),
        ("**/ips/**", "/v2.1/servers/1/ips/", True),
        ("/**a" * 30, "/" + "a" * 3000 + "b", False),
        ("/" + "{a}{b}" * 20 + "c", "/" + "a" * 3000 + "b", False),
    ],
)
def test_a_path_of_an_access_rule_is_a_pattern(pattern: str, path: str, fits: bool) -> None:
    rules = [AccessRule(service="compute", method="GET", path=pattern)]
    assert allowed(rules, ("compute",), "GET", path) is fits
    assert not allowed(rules, ("image",), "GET", path)
    assert not allowed(rules, ("compute",), "PUT", path)
