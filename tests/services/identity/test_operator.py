"""What Cumulo adds for operators."""

from typing import Any


async def explained(admin: Any, rule: str, status: int = 200, **question: Any) -> Any:
    body = {"question": {"rule": rule, **question}}
    return await admin.post("/OS-CUMULO/policy/explain", body, status)


async def test_an_operator_learns_why_a_user_may_not(identity: Any, admin: Any) -> None:
    ann = await identity.user("ann", "reader")
    question = {"user": {"id": ann["id"]}, "project": {"id": ann["default_project_id"]}}
    refused = await explained(admin, "identity:create_user", **question)
    assert refused["allowed"] is False
    assert "role:admin" in refused["explanation"]
    target = {"user_id": ann["id"]}
    allowed = await explained(admin, "identity:list_access_rules", **question, target=target)
    assert allowed["allowed"] is True
    root = {"name": "admin", "domain": {"id": "default"}}
    assert (await explained(admin, "identity:create_user", user=root, system=True))["allowed"] is True
    await explained(admin, "identity:create_user", 404, user={"id": "nobody"})
    await explained(admin, "identity:create_user", 404, **{**question, "project": {"id": "nowhere"}})
    await explained(admin, "identity:create_user", 400, user={"id": ann["id"]}, system=True)
    await explained(await identity.client("ann", "ann"), "x", 403, **question)


async def test_keys_turn_while_tokens_and_credentials_go_on(identity: Any, admin: Any) -> None:
    made = await admin.post("/credentials", {"credential": {"type": "cert", "blob": "secret"}})
    for _ in range(2):
        done = await admin.post("/OS-CUMULO/keys/rotate", {}, 200)
        assert done["keys"]["credentials_sealed_anew"] == 1
    path = f"/credentials/{made['credential']['id']}"
    assert (await admin.get(path))["credential"]["blob"] == "secret"
    await (await identity.client()).get("/auth/projects")
    await identity.user("ann", "member")
    await (await identity.client("ann", "ann")).post("/OS-CUMULO/keys/rotate", {}, 403)
