"""OAuth 1.0a from the first request to a token, and what ends it."""

import itertools
import time
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest

from cumulo.core import clock
from cumulo.services.identity.domain.oauth import SignedCall, call_of, signature
from cumulo.services.identity.model import AccessToken, RequestToken
from cumulo.services.identity.tasks import forget

NONCES = itertools.count()


def header(
    method: str, path: str, keys: tuple[str, str], token: tuple[str, str] = ("", ""), **more: str
) -> dict[str, str]:
    """Sign a request as a consumer does."""
    said = {
        "oauth_consumer_key": keys[0],
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": str(int(time.time())),
        "oauth_nonce": str(next(NONCES)),
        "oauth_version": "1.0",
        **({"oauth_token": token[0]} if token[0] else {}),
        **more,
    }
    made = SignedCall(method, f"http://cloud/identity/v3{path}", {}, said)
    said["oauth_signature"] = signature(made, keys[1], token[1])
    return {"Authorization": "OAuth " + ", ".join(f'{k}="{quote(v, safe="")}"' for k, v in said.items())}


class Consumer:
    """A program, and Ann, who grants it access."""

    def __init__(self, identity: Any, keys: tuple[str, str], project_id: str) -> None:
        self.identity, self.keys, self.project_id = identity, keys, project_id

    async def post(self, path: str, headers: dict[str, str], body: Any = None) -> Any:
        return await self.identity.http.post(f"/identity/v3{path}", headers=headers, json=body)

    async def ask(self) -> tuple[str, str]:
        path = "/OS-OAUTH1/request_token"
        headers = header("POST", path, self.keys, oauth_callback="oob")
        answer = await self.post(path, {**headers, "Requested-Project-Id": self.project_id})
        assert answer.status_code == 201
        found = dict(parse_qsl(answer.text))
        return found["oauth_token"], found["oauth_token_secret"]

    async def access(self, request: tuple[str, str], verifier: str) -> Any:
        path = "/OS-OAUTH1/access_token"
        return await self.post(path, header("POST", path, self.keys, request, oauth_verifier=verifier))

    async def login(self, access: tuple[str, str], **changes: str) -> Any:
        path = "/auth/tokens"
        headers = header("POST", path, self.keys, access, **changes)
        return await self.post(path, headers, {"auth": {"identity": {"methods": ["oauth1"], "oauth1": {}}}})


@pytest.fixture
async def consumer(identity: Any, admin: Any) -> Consumer:
    project = (await identity.user("ann", "admin"))[
        "default_project_id"
    ]  # upstream lets none but administrators grant
    made = (await admin.post("/OS-OAUTH1/consumers", {"consumer": {"description": "x"}}))["consumer"]
    shown = await admin.get(f"/OS-OAUTH1/consumers/{made['id']}")
    assert "secret" not in shown["consumer"]
    return Consumer(identity, (made["id"], made["secret"]), project)


async def granted(consumer: Consumer, ann: Any) -> tuple[str, str]:
    """Return the key and the secret of an access token."""
    request = await consumer.ask()
    member = await consumer.identity.role("member")
    path = f"/OS-OAUTH1/authorize/{request[0]}"
    verifier = (await ann.put(path, 200, {"roles": [{"id": member}]}))["token"]["oauth_verifier"]
    await ann.put(path, 403, {"roles": [{"id": member}]})
    assert (await consumer.access(request, "wrong")).status_code == 401
    answer = await consumer.access(request, verifier)
    assert answer.status_code == 201
    found = dict(parse_qsl(answer.text))
    return found["oauth_token"], found["oauth_token_secret"]


async def test_a_consumer_acts_with_what_it_was_granted(identity: Any, consumer: Consumer) -> None:
    ann = await identity.client("ann", "ann")
    access = await granted(consumer, ann)
    answer = await consumer.login(access)
    assert answer.status_code == 201
    token = answer.json()["token"]
    assert token["project"]["id"] == consumer.project_id
    assert {role["name"] for role in token["roles"]} == {"member", "reader"}
    assert token["OS-OAUTH1"] == {"access_token_id": access[0], "consumer_id": consumer.keys[0]}
    user_id = token["user"]["id"]
    path = f"/users/{user_id}/OS-OAUTH1/access_tokens"
    [listed] = (await ann.get(path))["access_tokens"]
    assert listed["authorizing_user_id"] == user_id
    assert (await ann.get(f"{path}/{access[0]}"))["access_token"]["id"] == access[0]
    [role] = (await ann.get(f"{path}/{access[0]}/roles"))["roles"]
    assert (await ann.get(f"{path}/{access[0]}/roles/{role['id']}"))["role"] == role
    api = identity.cloud.client(answer.headers["X-Subject-Token"])
    assert (await api.get("/identity/v3/auth/projects")).status_code == 200
    await ann.delete(f"{path}/{access[0]}")
    assert (await api.get("/identity/v3/auth/projects")).status_code == 401
    assert (await consumer.login(access)).status_code == 401


async def test_a_call_that_was_seen_or_is_old_or_wrong_is_refused(identity: Any, consumer: Consumer) -> None:
    access = await granted(consumer, await identity.client("ann", "ann"))
    assert (await consumer.login(access, oauth_nonce="same")).status_code == 201
    stamp = str(int(time.time()))
    again = {"oauth_nonce": "again", "oauth_timestamp": stamp}
    assert (await consumer.login(access, **again)).status_code == 201
    assert (await consumer.login(access, **again)).status_code == 401
    for stamp in ("1000000000", "9" * 400, "9" * 5000, "soon"):
        assert (await consumer.login(access, oauth_timestamp=stamp)).status_code == 401
    assert (await consumer.login((access[0], "wrong"))).status_code == 401
    assert (await consumer.login(("none", access[1]))).status_code == 401


async def end_request(identity: Any, request: str) -> None:
    async with identity.database.begin() as db:
        assert await db.update(RequestToken, RequestToken.c.id == request, expires_at=clock.now())


async def test_a_user_grants_only_roles_of_its_own(identity: Any, consumer: Consumer) -> None:
    ann = await identity.client("ann", "ann")
    request, _ = await consumer.ask()
    path = f"/OS-OAUTH1/authorize/{request}"
    await ann.put(path, 401, {"roles": [{"id": await identity.role("service")}]})
    await ann.put(path, 401, {"roles": []})
    await ann.put(path, 401, {"roles": [{"name": "service"}]})
    await ann.put(path, 401, {"roles": [{}]})
    await end_request(identity, request)
    await ann.put(path, 401, {"roles": [{"name": "member"}]})
    await ann.put("/OS-OAUTH1/authorize/none", 404, {"roles": []})


async def test_a_role_may_be_granted_by_its_name(identity: Any, consumer: Consumer) -> None:
    ann = await identity.client("ann", "ann")
    request = await consumer.ask()
    path = f"/OS-OAUTH1/authorize/{request[0]}"
    roles = [{"id": await identity.role("member")}, {"name": "manager"}]
    verifier = (await ann.put(path, 200, {"roles": roles}))["token"]["oauth_verifier"]
    told = (await consumer.access(request, verifier)).text
    found = dict(parse_qsl(told))
    assert found["oauth_expires_at"] in told  # not encoded: clients take it as it stands
    answer = await consumer.login((found["oauth_token"], found["oauth_token_secret"]))
    names = {role["name"] for role in answer.json()["token"]["roles"]}
    assert names == {"manager", "member", "reader"}
    path = f"/users/{answer.json()['token']['user']['id']}/OS-OAUTH1/access_tokens"
    [access] = (await ann.get(path))["access_tokens"]
    assert access["expires_at"] == found["oauth_expires_at"]


async def test_consumers_are_the_administrators(identity: Any, consumer: Consumer, admin: Any) -> None:
    ann = await identity.client("ann", "ann")
    path = f"/OS-OAUTH1/consumers/{consumer.keys[0]}"
    await identity.user("ben", "member")
    ben = await identity.client("ben", "ben")
    await ben.get(path, 403)
    await ben.put("/OS-OAUTH1/authorize/none", 403, {"roles": []})
    changed = await admin.patch(path, {"consumer": {"description": "new"}})
    assert changed["consumer"]["description"] == "new"
    assert len((await admin.get("/OS-OAUTH1/consumers"))["consumers"]) == 1
    access = await granted(consumer, ann)
    await admin.delete(path)
    await admin.get(path, 404)
    assert (await consumer.login(access)).status_code == 401


def test_a_signature_is_that_of_the_standard() -> None:
    """RFC 5849, section 3.4.1.1 (with its query and form) signed as in section 1.2's example."""
    said = (
        'OAuth realm="Photos", oauth_consumer_key="dpf43f3p2l4k3l03", oauth_token="nnch734d00sl2jdk", '
        'oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131202", oauth_nonce="chapoH", '
        'oauth_signature="MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D"'
    )
    query = {"file": ["vacation.jpg"], "size": ["original"]}
    made = call_of("GET", "http://photos.example.net/photos", query, said)
    assert signature(made, "kd94hf93k423kf44", "pfkkdhi9sl3r4s00") == made.said["oauth_signature"]


@pytest.mark.parametrize("said", ["OAuth " + "a" * 2_000_000, 'OAuth a="' * 100_000])
def test_a_header_of_one_long_word_says_nothing(said: str) -> None:
    assert "oauth_signature" not in call_of("GET", "/", {}, said).said


async def test_access_ends_after_a_day(identity: Any, consumer: Consumer, monkeypatch: Any) -> None:
    access = await granted(consumer, await identity.client("ann", "ann"))
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(hours=25))
    stamp = str(int(time.time()) + 25 * 3600)
    assert (await consumer.login(access, oauth_timestamp=stamp)).status_code == 401
    monkeypatch.undo()
    assert (await consumer.login(access)).status_code == 201


async def set_end(identity: Any, access: tuple[str, str], end: datetime | None) -> None:
    async with identity.database.begin() as db:
        assert await db.update(AccessToken, AccessToken.c.id == access[0], expires_at=end)


async def test_no_token_outlives_the_access_it_was_got_by(identity: Any, consumer: Consumer) -> None:
    access = await granted(consumer, await identity.client("ann", "ann"))
    soon = clock.now().replace(microsecond=0) + timedelta(seconds=50)
    await set_end(identity, access, soon)
    token = (await consumer.login(access)).json()["token"]
    assert datetime.fromisoformat(token["expires_at"]) == soon


async def test_access_that_was_granted_without_an_end_gets_one(identity: Any, consumer: Consumer) -> None:
    ann = await identity.client("ann", "ann")
    old, past = await granted(consumer, ann), await granted(consumer, ann)
    await set_end(identity, old, None)
    await set_end(identity, past, clock.now())
    await identity.keep_house(forget)
    async with identity.database.read() as db:
        [left] = await db.all(AccessToken)
    assert left.id == old[0]
    assert left.expires_at is not None
