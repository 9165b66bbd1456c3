"""Credentials are sealed at rest; EC2 keys sign requests, and act as they were made."""

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import quote

import pytest

from cumulo.contracts.sealing import KEPT_KEYS
from cumulo.core import clock
from cumulo.services.identity.domain.sealing import CredentialsSealed
from cumulo.services.identity.domain.secrets import CredentialKeys
from cumulo.services.identity.model import Credential, DomainOption


@pytest.fixture
async def ann(identity: Any) -> Any:
    """A member with a project of its own, logged in to it."""
    await identity.user("ann", "member")
    return await identity.client("ann", "ann")


async def own(api: Any) -> tuple[str, str]:
    """Return the ids of a client's user and project."""
    token = await api.http.get(
        "/identity/v3/auth/tokens", headers={"X-Subject-Token": api.http.headers["X-Auth-Token"]}
    )
    shown = token.json()["token"]
    return shown["user"]["id"], shown["project"]["id"]


async def test_a_users_credentials_are_its_own(identity: Any, ann: Any, admin: Any) -> None:
    user_id, _ = await own(ann)
    await identity.user("bob", "member")
    bob = await identity.client("bob", "bob")
    body = {"credential": {"type": "totp", "blob": "GEZDGNBVGY3TQOJQ"}}
    made = (await ann.post("/credentials", body))["credential"]
    assert made["user_id"] == user_id
    assert made["blob"] == "GEZDGNBVGY3TQOJQ"
    path = f"/credentials/{made['id']}"
    assert (await ann.get(path))["credential"] == made
    assert [each["id"] for each in (await ann.get("/credentials"))["credentials"]] == [made["id"]]
    assert (await bob.get("/credentials"))["credentials"] == []
    assert (await admin.get(f"/credentials?user_id={user_id}&type=totp"))["credentials"] == [made]
    assert (await admin.get("/credentials?type=cert"))["credentials"] == []
    await bob.get(path, 403)
    await bob.delete(path, 403)
    await bob.post("/credentials", {"credential": {"type": "x", "blob": "", "user_id": user_id}}, 403)
    changed = await ann.patch(path, {"credential": {"blob": "new"}})
    assert changed["credential"]["blob"] == "new"
    await ann.patch(path, {"credential": {"type": "ec2"}}, 400)
    await ann.delete(path)
    await ann.get(path, 403)  # as upstream: what is nobody's is not hers


async def test_an_administrator_gives_a_credential_to_another_and_its_owner_does_not(
    identity: Any, ann: Any, admin: Any
) -> None:
    user_id, project_id = await own(ann)
    bob = await identity.user("bob", "member")
    made = (await ann.post("/credentials", {"credential": {"type": "cert", "blob": "x"}}))["credential"]
    path = f"/credentials/{made['id']}"
    await ann.patch(path, {"credential": {"user_id": bob["id"]}}, 403)
    changes = {"user_id": bob["id"], "type": "totp", "blob": "y", "project_id": bob["default_project_id"]}
    changed = (await admin.patch(path, {"credential": changes}))["credential"]
    assert changed == {**made, **changes}
    assert (await admin.get(path))["credential"] == changed
    await ann.get(path, 403)
    await admin.patch(path, {"credential": {"user_id": "nobody"}}, 404)
    await admin.patch(path, {"credential": {"project_id": "nowhere"}}, 404)
    assert (await admin.get(path))["credential"] == changed
    key = await ann.post(f"/users/{user_id}/credentials/OS-EC2", {"tenant_id": project_id})
    path = f"/credentials/{hashlib.sha256(key['credential']['access'].encode()).hexdigest()}"
    for name, value in {**changes, "blob": "{}"}.items():
        await admin.patch(path, {"credential": {name: value}}, 400)


async def test_what_a_credential_says_is_sealed_in_the_database(identity: Any, ann: Any) -> None:
    await ann.post("/credentials", {"credential": {"type": "cert", "blob": "planted secret"}})
    async with identity.database.begin() as tx:
        [row] = await tx.all(Credential)
        assert b"planted" not in row.sealed
        keys = identity.cloud.bindings[CredentialKeys]
        assert await CredentialsSealed().reseal(at_work(tx, keys)) == 1
        [after] = await tx.all(Credential)
    assert after.sealed != row.sealed
    assert keys.is_current(after.sealed)
    assert (await ann.get("/credentials"))["credentials"][0]["blob"] == "planted secret"


def at_work(tx: Any, keys: CredentialKeys) -> Any:
    """Return what a rotation works with in a transaction."""
    told = {
        "db": tx,
        "use": lambda _self, _kind: keys,
        "after_commit": lambda _self, call: tx.after_commit(call),
    }
    return type("Work", (), told)()


async def test_turns_of_the_key_that_fail_lose_no_credential(identity: Any, ann: Any) -> None:
    await ann.post("/credentials", {"credential": {"type": "cert", "blob": "kept"}})
    keys = identity.cloud.bindings[CredentialKeys]
    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            async with identity.database.begin() as tx:
                await CredentialsSealed().reseal(at_work(tx, keys))
                raise ZeroDivisionError
    assert (await ann.get("/credentials"))["credentials"][0]["blob"] == "kept"
    async with identity.database.begin() as tx:
        await CredentialsSealed().reseal(at_work(tx, keys))
    assert (await ann.get("/credentials"))["credentials"][0]["blob"] == "kept"
    assert len(list(keys.folder.glob("*.key"))) == KEPT_KEYS


async def test_the_password_of_a_domain_is_sealed_anew(identity: Any, admin: Any) -> None:
    config = {"ldap": {"url": "ldap://x", "password": "planted"}}
    await admin.put("/domains/default/config", 201, {"config": config})
    keys = identity.cloud.bindings[CredentialKeys]
    for _ in range(KEPT_KEYS + 1):
        async with identity.database.begin() as tx:
            assert await CredentialsSealed().reseal(at_work(tx, keys)) == 1
    async with identity.database.read() as db:
        option = await db.one(DomainOption, DomainOption.c.option == "password")
    sealed = base64.b64decode(option.value)
    assert keys.is_current(sealed)
    assert keys.open_bytes(sealed, b"default") == b'"planted"'


async def test_a_turn_of_the_key_leaves_alone_what_changes_meanwhile(
    identity: Any, ann: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of PostgreSQL's transactions one does not see at once what another has done."""
    credentials = [{"credential": {"type": "cert", "blob": blob}} for blob in ("gone", "old", "same")]
    gone, changed, _ = [(await ann.post("/credentials", body))["credential"]["id"] for body in credentials]
    keys = identity.cloud.bindings[CredentialKeys]
    async with identity.database.begin() as tx:
        look = tx.all

        async def looked(kind: Any, *where: Any) -> Any:
            rows = await look(kind, *where)
            if kind is Credential:
                await tx.delete(Credential, Credential.c.id == gone)
                new = keys.seal_bytes(b"new", changed.encode())
                await tx.update(Credential, Credential.c.id == changed, sealed=new)
            return rows

        monkeypatch.setattr(tx, "all", looked)
        assert await CredentialsSealed().reseal(at_work(tx, keys)) == 1
    found = (await ann.get("/credentials"))["credentials"]
    assert {each["blob"] for each in found} == {"new", "same"}


async def test_an_ec2_credential_wants_keys_and_a_project(ann: Any) -> None:
    user_id, project_id = await own(ann)
    blob = json.dumps({"access": "A", "secret": "S"})
    await ann.post("/credentials", {"credential": {"type": "ec2", "blob": blob}}, 400)
    await ann.post(
        "/credentials", {"credential": {"type": "ec2", "blob": "{}", "project_id": project_id}}, 400
    )
    body = {"credential": {"type": "ec2", "blob": blob, "project_id": project_id}}
    made = (await ann.post("/credentials", body))["credential"]
    assert made["id"] == hashlib.sha256(b"A").hexdigest()
    await ann.post("/credentials", body, 409)
    shown = await ann.get(f"/users/{user_id}/credentials/OS-EC2/A")
    assert shown["credential"]["secret"] == "S"
    await ann.post("/credentials", {"credential": {**body["credential"], "project_id": "none"}}, 404)


async def test_ec2_keys_are_made_listed_and_deleted(identity: Any, ann: Any) -> None:
    user_id, project_id = await own(ann)
    path = f"/users/{user_id}/credentials/OS-EC2"
    made = (await ann.post(path, {"tenant_id": project_id}))["credential"]
    assert made["user_id"] == user_id
    assert made["tenant_id"] == project_id
    assert (await ann.get(path))["credentials"] == [made]
    await identity.user("bob", "member")
    bob = await identity.client("bob", "bob")
    await bob.get(path, 403)
    await bob.get(f"{path}/{made['access']}", 403)
    await ann.delete(f"{path}/{made['access']}")
    await ann.get(f"{path}/{made['access']}", 404)
    await ann.get(f"{path}/never", 404)


def sign_v2(secret: str, host: str, params: dict[str, str]) -> dict[str, Any]:
    query = "&".join(f"{k}={quote(v, safe='-_.~')}" for k, v in sorted(params.items()))
    text = f"GET\n{host}\n/services/Cloud\n{query}"
    signature = base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha256")).decode()
    return {"host": host, "verb": "GET", "path": "/services/Cloud", "params": params, "signature": signature}


def sign_v4(secret: str, **changes: Any) -> dict[str, Any]:
    """Sign as Amazon describes it, step by step."""
    date = clock.now().strftime("%Y%m%dT%H%M%SZ")
    scope = f"{date[:8]}/region/ec2/aws4_request"
    names = "host;x-amz-date"
    empty = hashlib.sha256(b"").hexdigest()
    request = f"GET\n/\nAction=Do%20it\nhost:cloud\nx-amz-date:{date}\n\n{names}\n{empty}"
    text = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    said = f"AWS4-HMAC-SHA256 Credential=A/{scope}, SignedHeaders={names}, Signature={signature}"
    headers = {"X-Amz-Date": date, "Host": "cloud", "Authorization": said}
    signed = {"host": "cloud", "verb": "GET", "path": "/", "params": {"Action": "Do it"}, "headers": headers}
    return {**signed, "body_hash": empty, "signature": signature, **changes}


async def test_a_signed_ec2_request_stands_for_its_user(identity: Any, ann: Any, admin: Any) -> None:
    user_id, project_id = await own(ann)
    made = (await ann.post(f"/users/{user_id}/credentials/OS-EC2", {"tenant_id": project_id}))["credential"]
    access, secret = made["access"], made["secret"]
    fresh = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    two = {
        "SignatureVersion": "2",
        "SignatureMethod": "HmacSHA256",
        "Timestamp": fresh,
        "AWSAccessKeyId": access,
    }
    stale = {**two, "Timestamp": "2020-01-01T00:00:00Z"}
    right = [sign_v2(secret, "cloud:8000", two), sign_v4(secret)]
    right.append({**sign_v2(secret, "cloud", two), "host": "cloud:8000"})
    for signed in right:
        token = (await admin.post("/ec2tokens", {"credentials": {"access": access, **signed}}, 200))["token"]
        assert token["user"]["id"] == user_id
        assert token["project"]["id"] == project_id
        assert token["methods"] == ["ec2credential"]
    wrong = [
        sign_v2("other", "cloud", two),
        sign_v2(secret, "cloud", stale),
        {**sign_v2(secret, "cloud", two), "verb": "POST"},
        sign_v4("other"),
        sign_v4(secret, body_hash="0"),
        {"signature": "", "params": {}},
    ]
    for signed in wrong:
        await admin.post("/ec2tokens", {"credentials": {"access": access, **signed}}, 401)
    await admin.post("/ec2tokens", {"ec2Credentials": {"access": "never", **right[0]}}, 401)
    await admin.post("/ec2tokens", {}, 401)
    await ann.post("/ec2tokens", {"credentials": {"access": access, **right[0]}}, 403)


async def test_a_signed_s3_request_says_whose_it_is_but_gives_no_token(ann: Any, admin: Any) -> None:
    user_id, project_id = await own(ann)
    made = (await ann.post(f"/users/{user_id}/credentials/OS-EC2", {"tenant_id": project_id}))["credential"]
    secret = made["secret"].encode()
    old = b"GET\n\n\nSat, 21 Nov 2026 05:00:00 GMT\n/bucket/thing"
    new = b"AWS4-HMAC-SHA256\n20261121T050000Z\n20261121/region/s3/aws4_request\nabc"
    key = b"AWS4" + secret
    for part in (b"20261121", b"region", b"s3", b"aws4_request"):
        key = hmac.digest(key, part, "sha256")
    signatures = {
        old: base64.b64encode(hmac.digest(secret, old, "sha1")).decode(),
        new: hmac.digest(key, new, "sha256").hex(),
        new.replace(b"/s3/", b"/ec2/"): None,
    }
    for text, signature in signatures.items():
        said = {
            "access": made["access"],
            "token": base64.b64encode(text).decode(),
            "signature": signature or "",
        }
        answer = await admin.http.post("/identity/v3/s3tokens", json={"credentials": said})
        assert answer.status_code == (200 if signature else 401)
        assert "X-Subject-Token" not in answer.headers
        if signature:
            assert answer.json()["token"]["user"]["id"] == user_id
        wrong = {"credentials": {**said, "signature": "no"}}
        assert (await admin.http.post("/identity/v3/s3tokens", json=wrong)).status_code == 401


async def test_policies_are_texts_that_services_may_fetch(identity: Any, ann: Any, admin: Any) -> None:
    made = (await admin.post("/policies", {"policy": {"type": "json", "blob": {"a": 1}, "of": "us"}}))[
        "policy"
    ]
    assert made["blob"] == {"a": 1}
    assert made["of"] == "us"
    path = f"/policies/{made['id']}"
    assert (await admin.patch(path, {"policy": {"blob": "text"}}))["policy"]["blob"] == "text"
    assert [each["id"] for each in (await admin.get("/policies?type=json"))["policies"]] == [made["id"]]
    await ann.get(path, 403)
    await ann.post("/policies", {"policy": {"type": "json", "blob": ""}}, 403)
    await admin.delete(path)
    await admin.get(path, 404)


async def test_a_domain_is_a_project_that_acts_as_one(admin: Any) -> None:
    made = (await admin.post("/projects", {"project": {"name": "d", "is_domain": True}}))["project"]
    assert made["is_domain"] is True
    assert made["domain_id"] is None
    assert made["id"] in [each["id"] for each in (await admin.get("/projects?is_domain=True"))["projects"]]
    assert made["id"] not in [each["id"] for each in (await admin.get("/projects"))["projects"]]
    assert (await admin.get(f"/domains/{made['id']}"))["domain"]["name"] == "d"
    path = f"/projects/{made['id']}"
    assert (await admin.get(path))["project"] == made
    await admin.delete(path, 403)
    assert (await admin.patch(path, {"project": {"enabled": False}}))["project"]["enabled"] is False
    await admin.delete(path)
    await admin.get(path, 404)
