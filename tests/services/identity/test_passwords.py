"""The rules on passwords, each by itself; codes by time; and rules that want several proofs."""

import asyncio
import base64
from datetime import timedelta
from typing import Any

import pytest

from cumulo.core import clock
from cumulo.services.identity.config import IdentitySettings
from cumulo.services.identity.domain import totp
from cumulo.services.identity.hashing import Passwords


def rules(identity: Any, **settings: Any) -> None:
    identity.cloud.bindings[IdentitySettings] = IdentitySettings(**settings)


def later(monkeypatch: pytest.MonkeyPatch, **by: float) -> None:
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(**by))


async def status(identity: Any, password: str, name: str = "ann") -> int:
    return int((await identity.login(name, password)).status_code)


async def change(identity: Any, user_id: str, old: str, new: str) -> int:
    body = {"user": {"original_password": old, "password": new}}
    answer = await identity.http.post(f"/identity/v3/users/{user_id}/password", json=body)
    return int(answer.status_code)


async def test_wrong_passwords_lock_a_user_out_for_a_while(
    identity: Any, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules(identity, lockout_failures=2, lockout_seconds=60)
    ann = await identity.user("ann", "reader")
    free = await identity.user("bob", "reader", options={"ignore_lockout_failure_attempts": True})
    assert free["options"] == {"ignore_lockout_failure_attempts": True}
    assert await status(identity, "wrong") == 401
    assert await status(identity, "ann") == 201
    for _ in range(2):
        assert await status(identity, "wrong") == 401
        assert await status(identity, "wrong", "bob") == 401
    assert await status(identity, "ann") == 401
    assert await change(identity, ann["id"], "ann", "new") == 401
    assert await status(identity, "bob", "bob") == 201
    await admin.patch(f"/users/{ann['id']}", {"user": {"enabled": True}})
    assert await status(identity, "ann") == 201
    for _ in range(2):
        await status(identity, "wrong")
    later(monkeypatch, seconds=61)
    assert await status(identity, "wrong") == 401
    assert await status(identity, "ann") == 201


class Held:
    """Has the check of one password wait: `begun` once it is asked for, until `go`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, held: str) -> None:
        self.begun, self.go, self.asked = asyncio.Event(), asyncio.Event(), 0
        verify = Passwords.verify

        async def slow(passwords: Passwords, password: str, stored: str | None) -> bool:
            self.asked += 1
            if password == held:
                self.begun.set()
                await self.go.wait()
            return await verify(passwords, password, stored)

        monkeypatch.setattr(Passwords, "verify", slow)


@pytest.mark.parametrize("by", ["a login", "a change"])
async def test_no_more_passwords_count_for_being_tried_at_once(
    identity: Any, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    rules(identity, lockout_failures=2, lockout_seconds=60)
    ann = await identity.user("ann", "reader")
    held = Held(monkeypatch, "ann")
    trying = status(identity, "ann") if by == "a login" else change(identity, ann["id"], "ann", "new")
    right = asyncio.create_task(trying)
    await held.begun.wait()
    for _ in range(2):
        assert await status(identity, "wrong") == 401
    held.go.set()
    assert await right == 401


async def test_a_proof_named_many_times_is_checked_once(
    identity: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await identity.user("ann", "reader")
    held = Held(monkeypatch, "nobody")
    user = {"name": "ann", "domain": {"id": "default"}, "password": "ann"}
    proof = {"methods": ["password"] * 500, "password": {"user": user}}
    answer = await identity.http.post("/identity/v3/auth/tokens", json={"auth": {"identity": proof}})
    assert answer.status_code == 201
    assert answer.json()["token"]["methods"] == ["password"]
    assert held.asked == 1


async def test_the_last_passwords_may_not_come_again(identity: Any, admin: Any) -> None:
    rules(identity, unique_last_passwords=2)
    user_id = (await identity.user("ann", "reader"))["id"]
    assert await change(identity, user_id, "ann", "ann") == 400
    assert await change(identity, user_id, "ann", "two") == 204
    assert await change(identity, user_id, "two", "ann") == 400
    assert await change(identity, user_id, "two", "three") == 204
    assert await change(identity, user_id, "three", "ann") == 204
    await admin.patch(f"/users/{user_id}", {"user": {"password": "ann"}})


async def test_a_password_must_reach_an_age_before_its_user_changes_it(
    identity: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules(identity, minimum_password_age_days=1)
    user_id = (await identity.user("ann", "reader"))["id"]
    assert await change(identity, user_id, "ann", "two") == 204
    assert await change(identity, user_id, "two", "three") == 400
    later(monkeypatch, days=1)
    assert await change(identity, user_id, "two", "three") == 204


async def test_a_password_has_the_form_that_is_asked_for(identity: Any, admin: Any) -> None:
    user_id = (await identity.user("ann", "reader"))["id"]
    rules(identity, password_regex=r"^(?=.*\d).{5,}$", password_regex_description="five, with a digit")
    assert await change(identity, user_id, "ann", "short") == 400
    assert await change(identity, user_id, "ann", "long3r") == 204
    await admin.post("/users", {"user": {"name": "x", "password": "short"}}, 400)
    path = "/domains/default/config/security_compliance/password_regex_description"
    ann = await identity.client("ann", "long3r")
    assert (await ann.get(path))["config"] == {"password_regex_description": "five, with a digit"}


async def test_a_password_ends_after_its_time(identity: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rules(identity, password_expires_days=1)
    ann = await identity.user("ann", "reader")
    bob = await identity.user("bob", "reader", options={"ignore_password_expiry": True})
    assert ann["password_expires_at"] is not None
    assert bob["password_expires_at"] is None
    assert await status(identity, "ann") == 201
    later(monkeypatch, days=1, minutes=1)
    assert await status(identity, "ann") == 401
    assert await status(identity, "bob", "bob") == 201
    assert await change(identity, ann["id"], "ann", "two") == 204
    assert await status(identity, "two") == 201


async def test_a_given_password_is_changed_at_first_use(identity: Any) -> None:
    rules(identity, change_password_at_first_use=True)
    user_id = (await identity.user("ann", "reader"))["id"]
    await identity.user("bob", "reader", options={"ignore_change_password_upon_first_use": True})
    assert await status(identity, "ann") == 401
    assert await change(identity, user_id, "ann", "own") == 204
    assert await status(identity, "own") == 201
    assert await status(identity, "bob", "bob") == 201


async def test_a_locked_password_is_changed_by_administrators_only(identity: Any, admin: Any) -> None:
    user_id = (await identity.user("ann", "reader", options={"lock_password": True}))["id"]
    assert await change(identity, user_id, "ann", "own") == 403
    await admin.patch(f"/users/{user_id}", {"user": {"options": {"lock_password": None}}})
    assert await change(identity, user_id, "ann", "own") == 204


@pytest.mark.parametrize(
    "options",
    [
        {"unknown": True},
        {"lock_password": "yes"},
        {"multi_factor_auth_rules": [[]]},
        {"multi_factor_auth_rules": [["password", "password"]]},
        {"multi_factor_auth_rules": "password"},
    ],
)
async def test_an_option_that_is_none_is_refused(admin: Any, options: dict[str, Any]) -> None:
    await admin.post("/users", {"user": {"name": "x", "options": options}}, 400)


@pytest.mark.parametrize(
    ("seconds", "code"), [(59, "287082"), (1111111109, "081804"), (20000000000, "353130")]
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    seed = base64.b32encode(b"12345678901234567890").decode()
    assert totp.code(seed, seconds // totp.STEP) == code


SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def passcode(back: int = 0) -> str:
    return totp.code(SEED, int(clock.now().timestamp()) // totp.STEP - back)


async def post(identity: Any, auth: dict[str, Any], **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await identity.http.post("/identity/v3/auth/tokens", json={"auth": auth}, headers=named)


def proof(user_id: str, *methods: str, code: str = "", password: str = "ann") -> dict[str, Any]:  # noqa: S107  a test's
    proofs = {
        "password": {"user": {"id": user_id, "password": password}},
        "totp": {"user": {"id": user_id, "passcode": code}},
    }
    return {"identity": {"methods": list(methods), **{name: proofs[name] for name in methods}}}


async def with_seed(identity: Any, **values: Any) -> str:
    user_id = (await identity.user("ann", "reader", **values))["id"]
    admin = await identity.client()
    body = {"credential": {"type": "totp", "blob": SEED, "user_id": user_id}}
    await admin.post("/credentials", body)
    return str(user_id)


async def test_a_code_logs_in_once(identity: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    user_id = await with_seed(identity)
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)  # no step passes meanwhile
    assert (await post(identity, proof(user_id, "totp", code="000000"))).status_code == 401
    answer = await post(identity, proof(user_id, "totp", code=passcode(1)))
    assert answer.status_code == 201
    assert answer.json()["token"]["methods"] == ["totp"]
    used = passcode()
    assert (await post(identity, proof(user_id, "totp", code=used))).status_code == 201
    assert (await post(identity, proof(user_id, "totp", code=used))).status_code == 401
    assert (await post(identity, proof(user_id, "totp", code=passcode(2)))).status_code == 401
    assert (await post(identity, proof("nobody", "totp", code=used))).status_code == 401


async def test_a_user_with_rules_must_prove_all_of_one(identity: Any) -> None:
    options = {"multi_factor_auth_enabled": True, "multi_factor_auth_rules": [["password", "totp"]]}
    user_id = await with_seed(identity, options=options)
    answer = await post(identity, proof(user_id, "password"))
    assert answer.status_code == 401
    receipt = answer.headers["Openstack-Auth-Receipt"]
    assert answer.json()["required_auth_methods"] == [["password", "totp"]]
    assert answer.json()["receipt"]["methods"] == ["password"]
    assert answer.json()["receipt"]["user"]["id"] == user_id
    both = await post(identity, proof(user_id, "totp", code=passcode()), Openstack_Auth_Receipt=receipt)
    assert both.status_code == 201
    assert set(both.json()["token"]["methods"]) == {"password", "totp"}
    again = {"identity": {"methods": ["token"], "token": {"id": both.headers["X-Subject-Token"]}}}
    assert (await post(identity, again)).status_code == 201
    wrong = await post(identity, proof(user_id, "totp", code="000000"), Openstack_Auth_Receipt=receipt)
    assert wrong.status_code == 401
    assert "Openstack-Auth-Receipt" not in wrong.headers


async def test_a_receipt_is_of_one_user_and_no_token(identity: Any) -> None:
    options = {"multi_factor_auth_enabled": True, "multi_factor_auth_rules": [["password", "totp"]]}
    user_id = await with_seed(identity, options=options)
    receipt = (await post(identity, proof(user_id, "password"))).headers["Openstack-Auth-Receipt"]
    other = (await identity.user("bob", "reader"))["id"]
    stolen = await post(identity, proof(other, "password", password="bob"), Openstack_Auth_Receipt=receipt)
    assert stolen.status_code == 401
    answer = await identity.cloud.client(receipt).get("/identity/v3/auth/projects")
    assert answer.status_code == 401
    token = await identity.token("bob", "bob")
    assert (await post(identity, proof(user_id, "password"), Openstack_Auth_Receipt=token)).status_code == 401
