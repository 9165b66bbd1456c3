"""Every change by a known caller is in the audit log, together with the change or not at all."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from cumulo.core import clock
from cumulo.services.identity.domain.audit import record
from cumulo.services.identity.model import AuditEvent
from cumulo.services.identity.tasks import forget


@pytest.fixture(autouse=True)
async def recording(identity: Any) -> None:
    identity.cloud.engine.record = record


async def events(admin: Any, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await admin.get(f"/OS-CUMULO/audit/events{query}"))["events"]
    return found


async def test_a_change_is_an_event_with_who_and_what(identity: Any, admin: Any) -> None:
    made = (await admin.post("/projects", {"project": {"name": "x"}}))["project"]["id"]
    await admin.patch(f"/projects/{made}", {"project": {"name": "y"}})
    await admin.delete(f"/projects/{made}")
    found = await events(admin, f"?target_id={made}")
    assert [event["action"] for event in found] == ["delete", "update", "create"]
    event = found[-1]
    assert event["target"] == {"id": made, "typeURI": "identity/projects"}
    assert event["outcome"] == "success"
    assert event["initiator"]["request_id"].startswith("req-")
    shown = await admin.get(f"/users/{event['initiator']['id']}")
    assert shown["user"]["name"] == "admin"
    assert len(await events(admin, "?action=delete&limit=1")) == 1
    later = (clock.now() + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert await events(admin, f"?since={later}") == []
    await admin.get("/OS-CUMULO/audit/events?limit=0", 400)


async def test_what_only_looks_or_fails_is_no_event(identity: Any, admin: Any) -> None:
    before = len(await events(admin))
    await admin.get("/projects")
    await admin.post("/projects", {"project": {}}, 400)
    await admin.delete("/projects/none", 404)
    await identity.login()
    assert len(await events(admin)) == before


async def test_no_secret_is_in_the_log(identity: Any, admin: Any) -> None:
    await admin.post("/users", {"user": {"name": "ann", "password": "planted-1"}})
    await admin.post("/credentials", {"credential": {"type": "cert", "blob": "planted-2"}})
    async with identity.database.read() as db:
        rows = await db.all(AuditEvent)
    assert {row.target_type for row in rows} == {"identity/users", "identity/credentials"}
    assert b"planted" not in msgspec.json.encode(rows)


async def test_the_log_is_for_administrators(identity: Any) -> None:
    await identity.user("ann", "manager")
    ann = await identity.client("ann", "ann")
    await ann.get("/OS-CUMULO/audit/events", 403)


async def test_old_events_are_forgotten(identity: Any, admin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await admin.post("/projects", {"project": {"name": "x"}})
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=91))
    run = type(
        "Run", (), {"database": identity.database, "use": lambda _, kind: identity.cloud.bindings[kind]}
    )
    await forget.body(run())
    async with identity.database.read() as db:
        assert await db.all(AuditEvent) == []
