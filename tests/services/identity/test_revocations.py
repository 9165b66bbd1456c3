"""Looking at tokens that are over, the list of revoked ones, and OAuth 2.0's client credentials."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from cumulo.core import clock

OVER = timedelta(hours=2)
LONG_OVER = timedelta(hours=51)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put the clock forward."""

    def move(by: timedelta) -> None:
        now = clock.now
        monkeypatch.setattr(clock, "now", lambda: now() + by)

    return move


async def looked_at(identity: Any, subject: str, query: str = "?allow_expired=1", method: str = "GET") -> Any:
    """Look at a token as the administrator of now."""
    admin = await identity.client()
    return await admin.http.request(
        method, f"/identity/v3/auth/tokens{query}", headers={"X-Subject-Token": subject}
    )


async def test_a_token_that_is_over_is_shown_to_who_asks_for_it_for_two_days(
    identity: Any, later: Any
) -> None:
    ann = await identity.user("ann", "member")
    subject = await identity.token("ann", "ann")
    before = (await looked_at(identity, subject)).json()["token"]
    later(OVER)
    assert (await looked_at(identity, subject, "")).status_code == 404
    assert (await looked_at(identity, subject, "?allow_expired=0")).status_code == 404
    shown = await looked_at(identity, subject)
    assert shown.status_code == 200
    assert shown.json()["token"]["user"]["id"] == ann["id"]
    assert shown.json()["token"]["expires_at"] == before["expires_at"]
    assert (await looked_at(identity, subject, method="HEAD")).status_code == 200
    assert (await looked_at(identity, subject, method="DELETE")).status_code == 404
    assert (await identity.cloud.client(subject).get("/identity/v3/auth/projects")).status_code == 401
    later(LONG_OVER - OVER)
    assert (await looked_at(identity, subject)).status_code == 404


async def test_what_else_ends_a_token_ends_it_when_it_is_over_too(identity: Any, later: Any) -> None:
    ann = await identity.user("ann", "member")
    revoked, other = await identity.token("ann", "ann"), await identity.token("ann", "ann")
    assert (await looked_at(identity, revoked, "", "DELETE")).status_code == 204
    later(OVER)
    fresh = await identity.token("ann", "ann")
    assert (await looked_at(identity, fresh, "", "DELETE")).status_code == 204  # which forgets older ones
    assert (await looked_at(identity, revoked)).status_code == 404
    assert (await looked_at(identity, other)).status_code == 200
    await (await identity.client()).patch(f"/users/{ann['id']}", {"user": {"enabled": False}})
    assert (await looked_at(identity, other)).status_code == 404


async def test_revoked_tokens_are_listed_since_when_while_they_would_live(identity: Any, later: Any) -> None:
    await identity.user("ann", "member")
    admin = await identity.client()
    assert (await admin.get("/OS-REVOKE/events"))["events"] == []
    shown = await identity.login("ann", "ann")
    await looked_at(identity, shown.headers["X-Subject-Token"], "", "DELETE")
    [event] = (await admin.get("/OS-REVOKE/events"))["events"]
    assert event["audit_id"] == shown.json()["token"]["audit_ids"][0]
    assert event["issued_before"] == event["revoked_at"]
    assert (await admin.get("/OS-REVOKE/events?since=2100-01-01T00:00:00Z"))["events"] == []
    assert (await admin.get("/OS-REVOKE/events?since=2001-01-01T00:00:00Z"))["events"] == [event]
    await admin.get("/OS-REVOKE/events?since=yesterday", 400)
    await (await identity.client("ann", "ann")).get("/OS-REVOKE/events", 403)
    later(OVER)
    assert (await (await identity.client()).get("/OS-REVOKE/events"))["events"] == []


@pytest.mark.parametrize(
    "path", ["/OS-SIMPLE-CERT/ca", "/OS-SIMPLE-CERT/certificates", "/auth/tokens/OS-PKI/revoked"]
)
async def test_certificates_of_tokens_are_gone(admin: Any, path: str) -> None:
    assert "signed" in (await admin.get(path, 410))["error"]["message"]


@pytest.fixture
async def robot(identity: Any) -> tuple[str, str]:
    """The id and secret of an application credential."""
    ann = await identity.user("ann", "member")
    api = await identity.client("ann", "ann")
    body = {"application_credential": {"name": "robot", "secret": "a:secret"}}
    made = await api.post(f"/users/{ann['id']}/application_credentials", body)
    return made["application_credential"]["id"], "a:secret"


async def granted(
    identity: Any, id_: str, secret: str, form: str = "grant_type=client_credentials", **headers: str
) -> Any:
    basic = base64.b64encode(f"{id_}:{secret}".encode()).decode()
    headers = {
        "Authorization": f"Basic {basic}",
        "Content-Type": "application/x-www-form-urlencoded",
    } | headers
    return await identity.http.post("/identity/v3/OS-OAUTH2/token", content=form.encode(), headers=headers)


async def test_an_oauth2_client_gets_a_token_by_its_application_credential(identity: Any, robot: Any) -> None:
    answer = await granted(identity, *robot)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert body["token_type"] == "Bearer"
    assert 3500 < body["expires_in"] <= 3600
    shown = (await looked_at(identity, body["access_token"], "")).json()["token"]
    assert shown["application_credential"]["id"] == robot[0]
    assert shown["methods"] == ["application_credential"]


async def test_an_oauth2_client_that_is_not_known_gets_none(identity: Any, robot: Any) -> None:
    id_, secret = robot
    for answer in (
        await granted(identity, id_, "wrong"),
        await granted(identity, "nobody", secret),
        await granted(identity, id_, secret, Authorization="Basic !"),
        await granted(identity, id_, secret, Authorization="Bearer x"),
    ):
        assert answer.status_code == 401
        assert answer.json()["error"] == "invalid_client"
        assert "Keystone uri=" in answer.headers["WWW-Authenticate"]
        assert secret not in answer.text


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ("", "invalid_request"),
        ("grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
        ("grant_type=password&username=x", "unsupported_grant_type"),
    ],
)
async def test_oauth2_has_one_grant(identity: Any, robot: Any, form: str, error: str) -> None:
    answer = await granted(identity, *robot, form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
