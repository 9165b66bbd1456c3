"""Every change, login and refusal is in the audit log: a change together with it or not at all."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from cumulo.core import clock
from cumulo.services.identity.config import IdentitySettings
from cumulo.services.identity.domain.audit import changed_fields, record
from cumulo.services.identity.domain.refusals import Refusals, count_refusals
from cumulo.services.identity.model import AuditEvent
from cumulo.services.identity.tasks import forget


@pytest.fixture(autouse=True)
async def recording(identity: Any) -> None:
    identity.cloud.engine.record = record
    identity.cloud.engine.refused = identity.cloud.bindings[Refusals].refused


async def events(admin: Any, **query: str) -> list[dict[str, Any]]:
    words = "&".join(f"{name}={value}" for name, value in query.items())
    found: list[dict[str, Any]] = (await admin.get(f"/OS-CUMULO/audit/events?{words}"))["events"]
    return found


async def rows(identity: Any, *where: Any) -> list[AuditEvent]:
    async with identity.database.read() as db:
        found: list[AuditEvent] = await db.all(AuditEvent, *where, order_by=[AuditEvent.c.at])
    return found


def attached(event: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each["content"] for each in event["attachments"]}


async def test_a_change_is_an_event_with_who_and_what(identity: Any, admin: Any) -> None:
    made = (await admin.post("/projects", {"project": {"name": "x"}}))["project"]["id"]
    mine = "req-12345678-1234-1234-1234-123456789abc"
    headers = {"User_Agent": "probe/1", "X_OpenStack_Request_ID": mine}
    await admin.call("PATCH", f"/projects/{made}", 200, {"project": {"name": "y"}}, **headers)
    await admin.delete(f"/projects/{made}")
    found = await events(admin, target_id=made)
    assert [event["action"] for event in found] == ["delete", "update", "create"]
    event = found[1]
    target = {"id": made, "typeURI": "identity/projects", "name": "y", "project_id": made}
    assert event["target"] == {**target, "domain_id": "default"}
    assert event["outcome"] == "success"
    assert event["reason"] == {"reasonType": "HTTP", "reasonCode": "200"}
    assert event["observer"] == {"typeURI": "service", "id": "identity"}
    initiator = event["initiator"]
    assert initiator["name"] == "admin"
    assert initiator["request_id"].startswith("req-")
    assert initiator["global_request_id"] == mine
    assert initiator["host"] == {"address": "127.0.0.1", "agent": "probe/1"}
    assert attached(event)["changed"] == ["name"]
    assert [each["id"] for each in await events(admin, request_id=mine)] == [event["id"]]


async def test_events_are_asked_for_by_their_fields_and_in_pages(identity: Any, admin: Any) -> None:
    names = [f"p{number}" for number in range(5)]
    for name in names:
        await admin.post("/projects", {"project": {"name": name}})
    path = "/OS-CUMULO/audit/events?action=create&target_type=identity/projects&limit=2"
    seen, url = [], path
    while url:
        page = await admin.get(url)
        assert len(page["events"]) <= 2
        seen += [event["target"]["name"] for event in page["events"]]
        url = (page["links"]["next"] or "").partition("/v3")[2]
    assert seen == names[::-1]
    later = (clock.now() + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert await events(admin, since=later) == []
    assert len(await events(admin, until=later, action="create")) == 5
    assert await events(admin, outcome="failure") == []
    await admin.get("/OS-CUMULO/audit/events?limit=0", 400)
    await admin.get("/OS-CUMULO/audit/events?since=yesterday", 400)
    await admin.get("/OS-CUMULO/audit/events?marker=none", 404)
    assert "colour" in str(await admin.get("/OS-CUMULO/audit/events?colour=red", 400))


async def test_what_only_looks_or_fails_changes_nothing_and_is_no_event(identity: Any, admin: Any) -> None:
    before = len(await rows(identity))
    await admin.get("/projects")
    await admin.post("/projects", {"project": {}}, 400)
    await admin.delete("/projects/none", 404)
    question = {"rule": "identity:list_users", "user": {"name": "admin", "domain": {"id": "default"}}}
    await admin.post("/OS-CUMULO/policy/explain", {"question": question}, 200)
    assert len(await rows(identity)) == before


async def test_a_change_outside_of_a_requests_transaction_is_in_its_own(identity: Any, admin: Any) -> None:
    user = (await admin.post("/users", {"user": {"name": "ann", "password": "one"}}))["user"]
    [made] = await events(admin, target_id=user["id"])
    assert (made["action"], made["target"]["name"]) == ("create", "ann")

    async def fail(_ctx: Any, _response: Any) -> None:
        raise RuntimeError("the log is full")

    identity.cloud.engine.record = fail
    await admin.post("/users", {"user": {"name": "ben"}}, 500)
    assert (await admin.get("/users?name=ben"))["users"] == []  # no change without its record


async def test_ones_own_password_change_is_an_event(identity: Any, admin: Any) -> None:
    user = (await admin.post("/users", {"user": {"name": "ann", "password": "one"}}))["user"]
    path = f"/identity/v3/users/{user['id']}/password"
    body = {"user": {"original_password": "one", "password": "two"}}
    assert (await identity.http.post(path, json=body)).status_code == 204
    assert (await identity.http.post(path, json=body)).status_code == 401
    refused, changed, _made = await events(admin, target_id=user["id"])
    assert (changed["action"], changed["outcome"]) == ("update", "success")
    assert changed["initiator"]["id"] == user["id"]
    assert refused["outcome"] == "failure"
    assert refused["reason"]["policyId"] == "the password is wrong"


async def test_a_login_is_an_event(identity: Any) -> None:
    answer = await identity.login()
    token = answer.json()["token"]
    admin = await identity.client()
    event = (await events(admin, action="authenticate"))[-1]
    assert event["eventType"] == "control"
    assert event["outcome"] == "success"
    assert event["initiator"]["id"] == event["target"]["id"] == token["user"]["id"]
    assert attached(event)["methods"] == ["password"]
    assert attached(event)["audit_id"] == token["audit_ids"][0]


async def test_a_token_for_a_token_is_no_login(identity: Any, admin: Any) -> None:
    before = len(await events(admin, action="authenticate"))
    auth = {"identity": {"methods": ["token"], "token": {"id": admin.http.headers["X-Auth-Token"]}}}
    await admin.post("/auth/tokens", {"auth": auth})
    assert len(await events(admin, action="authenticate")) == before


@pytest.mark.parametrize(
    ("tried", "scope", "why"),
    [
        (("ann", "wrong"), {}, "the password is wrong"),
        (("gone", "gone"), {}, "the user is disabled"),
        (("nobody", "wrong"), {}, "there is no such user, or it is disabled or locked out"),
        (("ann", "ann"), {"system": {"all": True}}, "the user has no role in that scope"),
    ],
)
async def test_operators_learn_why_a_login_was_refused_and_clients_do_not(
    identity: Any, admin: Any, tried: tuple[str, str], scope: Any, why: str
) -> None:
    await identity.user("ann", "member")
    await identity.user("gone", "member", enabled=False)
    answer = await identity.login(*tried, **scope)
    assert answer.status_code == 401
    assert answer.json()["error"]["message"] == "The request you have made requires authentication."
    [event] = await events(admin, action="authenticate", outcome="failure")
    assert event["reason"]["reasonCode"] == "401"
    assert event["reason"]["policyId"].startswith(why)
    assert (event["initiator"]["id"] is None) == (tried[0] == "nobody")
    assert "nobody" not in msgspec.json.encode(event).decode()  # it may be a mistyped password


async def test_a_flood_of_refusals_is_few_rows(
    identity: Any, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await identity.user("ann", "member")
    identity.cloud.bindings[IdentitySettings] = IdentitySettings(audit_refusals=2)
    for number in range(4):
        await identity.login(f"guess-{number}", "wrong")
        await identity.login("ann", "wrong")
        await identity.login("ann", "ann", system={"all": True})
        await identity.login("ann", "ann", project={"id": f"p{number}"})
    failed = await rows(identity, AuditEvent.c.outcome == "failure")
    assert len(failed) == 3
    assert failed[-1].reason == "others: too many kinds of refusals at once"
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(seconds=61))
    await identity.keep_house(count_refusals)
    failed = await rows(identity, AuditEvent.c.outcome == "failure")
    assert [each.times for each in failed] == [4, 4, 8]
    await identity.login("ann", "wrong")
    assert len(await rows(identity, AuditEvent.c.outcome == "failure")) == 4


async def test_a_refused_change_is_an_event(identity: Any, admin: Any) -> None:
    await identity.user("ann", "member")
    ann = await identity.client("ann", "ann")
    await ann.post("/projects", {"project": {"name": "x"}}, 403)
    await ann.delete("/users/somebody", 403)
    await ann.get("/users", 403)  # looking is no change
    deletion, creation = await events(admin, outcome="failure")
    assert creation["target"]["typeURI"] == "identity/projects"
    assert creation["initiator"]["name"] == "ann"
    assert creation["reason"]["reasonCode"] == "403"
    assert "identity:create_project" in creation["reason"]["policyId"]
    assert deletion["target"]["id"] == "somebody"


async def test_no_secret_is_in_the_log(identity: Any, admin: Any) -> None:
    await admin.post("/users", {"user": {"name": "ann", "password": "planted-1"}})
    await admin.post("/credentials", {"credential": {"type": "cert", "blob": "planted-2"}})
    await identity.login("planted-3", "planted-4")
    found = await rows(identity, AuditEvent.c.action != "authenticate", AuditEvent.c.outcome == "success")
    assert {row.target_type for row in found} == {"identity/users", "identity/credentials"}
    assert found[0].details["changed"] == ["name", "password"]
    assert b"planted" not in msgspec.json.encode(await rows(identity))


def test_the_names_of_fields_are_kept_and_not_their_values() -> None:
    assert changed_fields([{"b": 1}, {"a": 2, "b": 3}]) == ["a", "b"]
    assert changed_fields(None) == []


async def test_each_sees_the_events_that_are_its_to_see(identity: Any, admin: Any) -> None:
    home = (await admin.post("/domains", {"domain": {"name": "home"}}))["domain"]["id"]
    user = (await admin.post("/users", {"user": {"name": "dora", "password": "x", "domain_id": home}}))[
        "user"
    ]
    await admin.put(f"/domains/{home}/users/{user['id']}/roles/{await identity.role('reader')}", 204)
    await admin.post("/projects", {"project": {"name": "inside", "domain_id": home}})
    answer = await identity.http.post(
        "/identity/v3/auth/tokens",
        json={
            "auth": {
                "identity": {
                    "methods": ["password"],
                    "password": {"user": {"id": user["id"], "password": "x"}},
                },
                "scope": {"domain": {"id": home}},
            }
        },
    )
    dora = type(admin)(identity.cloud.client(answer.headers["X-Subject-Token"]))
    assert {event["target"]["domain_id"] for event in await events(dora)} == {home}
    await dora.get("/OS-CUMULO/audit/events?domain_id=default", 403)
    ann = await identity.user("ann", "manager")
    own = ann["default_project_id"]
    manager = await identity.client("ann", "ann")
    assert {event["target"]["project_id"] for event in await events(manager)} == {own}
    await manager.get("/OS-CUMULO/audit/events?project_id=other", 403)
    await identity.user("ben", "member", project=own)
    await (await identity.client("ben", "ben")).get("/OS-CUMULO/audit/events", 403)
    assert {event["target"]["domain_id"] for event in await events(admin)} >= {home, "default"}


async def test_old_events_are_forgotten(identity: Any, admin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await admin.post("/projects", {"project": {"name": "x"}})
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=91))
    await identity.keep_house(forget)
    assert await rows(identity) == []
