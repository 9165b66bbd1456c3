"""A trustee may do what the trustor lets it, and no more, and only as long."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from cumulo.core import clock


class Scene(msgspec.Struct):
    """Ann, who trusts Bob with the role of a member on her project, where she is a manager."""

    identity: Any
    ann: Any
    ann_id: str
    bob_id: str
    project_id: str

    async def trust(self, status: int = 201, by: Any = None, **changes: Any) -> dict[str, Any]:
        wanted = {
            "trustor_user_id": self.ann_id,
            "trustee_user_id": self.bob_id,
            "project_id": self.project_id,
            "impersonation": True,
            "roles": [{"name": "member"}],
        }
        body = {"trust": {**wanted, **changes}}
        answer = await (by or self.ann).post("/OS-TRUST/trusts", body, status)
        found: dict[str, Any] = answer.get("trust", answer)
        return found

    async def login(self, trust: dict[str, Any], name: str = "bob") -> Any:
        return await self.identity.login(name, name, **{"OS-TRUST:trust": {"id": trust["id"]}})

    async def client(self, trust: dict[str, Any], name: str = "bob") -> Any:
        return await self.identity.client(name, name, **{"OS-TRUST:trust": {"id": trust["id"]}})


@pytest.fixture
async def scene(identity: Any) -> Scene:
    ann = await identity.user("ann", "manager")
    bob = await identity.user("bob", "member")
    return Scene(
        identity, await identity.client("ann", "ann"), ann["id"], bob["id"], ann["default_project_id"]
    )


async def test_a_trustee_acts_as_the_trustor_with_the_roles_of_the_trust(scene: Scene) -> None:
    trust = await scene.trust()
    assert [role["name"] for role in trust["roles"]] == ["member"]
    token = (await scene.login(trust)).json()["token"]
    assert token["user"]["id"] == scene.ann_id
    assert token["project"]["id"] == scene.project_id
    assert {role["name"] for role in token["roles"]} == {"member", "reader"}
    told = token["OS-TRUST:trust"]
    assert told["id"] == trust["id"]
    assert told["impersonation"] is True
    assert told["trustee_user"] == {"id": scene.bob_id}
    assert (await scene.login(trust, "ann")).status_code == 403


async def test_without_impersonation_the_trustee_stays_itself(scene: Scene) -> None:
    token = (await scene.login(await scene.trust(impersonation=False))).json()["token"]
    assert token["user"]["id"] == scene.bob_id
    assert token["project"]["id"] == scene.project_id


@pytest.mark.parametrize("ending", ["trust", "role", "trustor disabled", "trustee disabled", "password"])
async def test_a_trusts_token_ends_with_what_it_stands_on(scene: Scene, admin: Any, ending: str) -> None:
    trust = await scene.trust()
    trusted = await scene.client(trust)
    await trusted.get("/auth/projects")
    match ending:
        case "trust":
            await scene.ann.delete(f"/OS-TRUST/trusts/{trust['id']}")
        case "role":
            role = await scene.identity.role("manager")
            await admin.delete(f"/projects/{scene.project_id}/users/{scene.ann_id}/roles/{role}")
        case "trustor disabled":
            await admin.patch(f"/users/{scene.ann_id}", {"user": {"enabled": False}})
        case "trustee disabled":
            await admin.patch(f"/users/{scene.bob_id}", {"user": {"enabled": False}})
        case _:
            await admin.patch(f"/users/{scene.bob_id}", {"user": {"password": "new"}})
    await trusted.get("/auth/projects", 401)
    assert (await scene.login(trust)).status_code == 401


async def test_a_trust_may_be_used_as_often_as_it_says(scene: Scene) -> None:
    trust = await scene.trust(remaining_uses=2)
    for _ in range(2):
        assert (await scene.login(trust)).status_code == 201
    assert (await scene.login(trust)).status_code == 401
    await scene.ann.get(f"/OS-TRUST/trusts/{trust['id']}", 404)
    assert (await scene.ann.get(f"/OS-TRUST/trusts?trustor_user_id={scene.ann_id}"))["trusts"] == []


async def test_a_trust_may_last_until_the_end_of_time(scene: Scene) -> None:
    trust = await scene.trust(expires_at="9999-12-31T23:59:59.999999Z")
    assert trust["expires_at"].startswith("9999-12-31T23:59:59")
    listed = await scene.ann.get(f"/OS-TRUST/trusts?trustor_user_id={scene.ann_id}")
    assert [each["id"] for each in listed["trusts"]] == [trust["id"]]


async def test_an_expired_trust_is_gone(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    soon = clock.now() + timedelta(minutes=5)
    trust = await scene.trust(expires_at=soon.isoformat())
    token = (await scene.login(trust)).json()["token"]
    assert token["expires_at"][:19] == soon.isoformat()[:19]
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(minutes=6))
    assert (await scene.login(trust)).status_code == 401
    await scene.ann.get(f"/OS-TRUST/trusts/{trust['id']}", 404)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"roles": []}, 403),
        ({"roles": [{"name": "admin"}]}, 403),
        ({"roles": [{"name": "no such"}]}, 404),
        ({"expires_at": "bad.123Z"}, 400),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 400),
        ({"expires_at": "9999-12-31T23:59:59-05:00"}, 400),
        ({"expires_at": "0001-01-01T00:00:00+05:00"}, 400),
        ({"remaining_uses": 0}, 400),
        ({"remaining_uses": 1, "allow_redelegation": True}, 400),
        ({"allow_redelegation": True, "redelegation_count": 4}, 403),
        ({"trustee_user_id": "nobody"}, 404),
        ({"project_id": "nowhere"}, 404),
        ({"project_id": None}, 400),
        ({"trustor_user_id": "somebody"}, 403),
    ],
)
async def test_a_trust_that_reaches_too_far_is_refused(
    scene: Scene, changes: dict[str, Any], status: int
) -> None:
    await scene.trust(status, **changes)


async def test_trusts_are_seen_by_both_ends_and_the_administrator(scene: Scene, admin: Any) -> None:
    trust = await scene.trust()
    bob = await scene.identity.client("bob", "bob")
    path = f"/OS-TRUST/trusts/{trust['id']}"
    for api in (scene.ann, bob, admin):
        assert (await api.get(path))["trust"]["id"] == trust["id"]
        assert len((await api.get(f"{path}/roles"))["roles"]) == 1
    member = await scene.identity.role("member")
    assert (await bob.get(f"{path}/roles/{member}"))["role"]["name"] == "member"
    await bob.head(f"{path}/roles/{member}", 200)
    await bob.get(f"{path}/roles/{await scene.identity.role('admin')}", 404)
    assert len((await admin.get("/OS-TRUST/trusts"))["trusts"]) == 1
    assert len((await bob.get(f"/OS-TRUST/trusts?trustee_user_id={scene.bob_id}"))["trusts"]) == 1
    await bob.get(f"/OS-TRUST/trusts?trustor_user_id={scene.ann_id}", 403)
    await bob.get("/OS-TRUST/trusts", 403)
    await bob.delete(path, 403)
    await scene.identity.user("eve", "member")
    await (await scene.identity.client("eve", "eve")).get(path, 404)


async def test_a_redelegated_trust_reaches_no_further_and_ends_with_the_first(scene: Scene) -> None:
    eve = await scene.identity.user("eve", "member")
    soon = (clock.now() + timedelta(minutes=30)).isoformat()
    first = await scene.trust(allow_redelegation=True, redelegation_count=1, expires_at=soon)
    trusted = await scene.client(first)
    further = {"by": trusted, "trustee_user_id": eve["id"]}
    await scene.trust(403, **further, roles=[{"name": "manager"}])
    await scene.trust(403, **further, expires_at=(clock.now() + timedelta(hours=1)).isoformat())
    await scene.trust(400, **further, remaining_uses=1)
    second = await scene.trust(**further)
    assert second["redelegated_trust_id"] == first["id"]
    assert second["redelegation_count"] == 0
    last = await scene.client(second, "eve")
    await scene.trust(403, by=last)
    await scene.ann.delete(f"/OS-TRUST/trusts/{first['id']}")
    await last.get("/auth/projects", 401)


async def test_a_trusts_token_gives_nothing_that_outlives_it(scene: Scene) -> None:
    trust = await scene.trust()
    trusted = await scene.client(trust)
    wanted = {"application_credential": {"name": "x"}}
    await trusted.post(f"/users/{scene.ann_id}/application_credentials", wanted, 403)
    await trusted.post("/credentials", {"credential": {"type": "totp", "blob": "A"}}, 403)
    await trusted.delete(f"/OS-TRUST/trusts/{trust['id']}", 403)
    auth = {"identity": {"methods": ["token"], "token": {"id": trusted.http.headers["X-Auth-Token"]}}}
    answer = await scene.identity.http.post("/identity/v3/auth/tokens", json={"auth": auth})
    assert answer.status_code == 403
    path = f"/users/{scene.ann_id}/credentials/OS-EC2"
    made = (await trusted.post(path, {"tenant_id": scene.project_id}))["credential"]
    assert made["trust_id"] == trust["id"]
