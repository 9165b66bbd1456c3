"""Every operation of every service, wrongly called: an answer that says so, and nothing changed.

`CUMULO_WRONG_CALLS=SEED:COUNT` makes other calls, COUNT of each operation; the same ones each time.
"""

import asyncio
import hashlib
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy
from tests.runtime.world import IDENTITY, World, a_project, one_of_everything, running
from tests.runtime.wrong.calls import Call, Caller

from cumulo.core.db.model import HOMES, METADATA
from cumulo.core.http import Service
from cumulo.runtime.composition import Composition
from cumulo.runtime.services import all_services
from cumulo.runtime.state import StateFolder
from cumulo.testing.database import Cluster

SEED, COUNT = (int(part) for part in os.environ.get("CUMULO_WRONG_CALLS", "1:2").split(":"))
BAD, BROKEN, NOT_BUILT = 400, 500, 501
NAMES = ("id", "uuid", "name", "hash", "key")
PATIENCE = 60.0  # seconds: what takes longer hangs
LONGEST = 128  # what a path may hold of a name
ALIVE = ("tasks_", "identity_refused", "identity_audit")
"""Tables that change by themselves, or that keep note of what was refused."""

COUNTED = {"POST /identity/v3/auth/tokens", "POST /identity/v3/users/{user_id}/password"}
"""Wrong passwords count towards locking a user out, so these change rows by being refused."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    url = ""
    if request.param == "postgresql":
        cluster: Cluster | None = request.getfixturevalue("postgresql")
        if cluster is None:
            pytest.skip("no PostgreSQL server on this machine")
        url = cluster.url(await cluster.new())
    async with running(StateFolder(tmp_path), url) as cloud:
        made = await World.of(cloud)
        project, user, http = await a_project(made, "somebody")
        await one_of_everything(made, project, user, http)
        yield made


def own_tables() -> list[sqlalchemy.Table]:
    return [table for table in METADATA.sorted_tables if HOMES[table.name].startswith("cumulo.")]


async def known(cloud: Composition, spared: set[str]) -> dict[str, list[str]]:
    """Return names and ids of what is there, by table."""
    found: dict[str, list[str]] = defaultdict(list)
    async with cloud.database.read() as db:
        for table in own_tables():
            for column in (table.c[name] for name in NAMES if name in table.c):
                rows = await db.rows(sqlalchemy.select(column).order_by(column).limit(20))
                values = [value for (value,) in rows if isinstance(value, str) and 0 < len(value) <= LONGEST]
                found[table.name] += [value for value in values if value not in spared]
    return found


async def administrator(world: World) -> set[str]:
    """Return what nobody may harm while the administrator calls."""
    token = world.admin.http.headers["X-Auth-Token"]
    answer = await world.admin.http.get(f"{IDENTITY}/auth/tokens", headers={"X-Subject-Token": token})
    told = answer.json()["token"]
    roles = {role[key] for role in told["roles"] for key in ("id", "name")}
    return roles | {told["user"]["id"], told["project"]["id"], "admin", "default", "Default"}


async def digest(cloud: Composition, tables: list[sqlalchemy.Table]) -> dict[str, str]:
    """Return a mark of each table's content."""
    marks = {}
    async with cloud.database.read() as db:
        for table in tables:
            shown = [
                column
                if isinstance(column.type, sqlalchemy.LargeBinary)
                else sqlalchemy.cast(column, sqlalchemy.Text)
                for column in table.c
            ]
            rows = await db.rows(sqlalchemy.select(*shown).order_by(*table.primary_key.columns))
            marks[table.name] = hashlib.sha256(repr(rows).encode()).hexdigest()
    return marks


def complaint(call: Call, answer: httpx.Response) -> str:
    """Say what is wrong with an answer; nothing when all is well."""
    status = answer.status_code
    if status >= BROKEN and status != NOT_BUILT:
        return f"{status} {answer.text[:200]}"
    if "Traceback" in answer.text:
        return f"a stack trace: {answer.text[:200]}"
    if status >= BAD and call.method != "HEAD" and answer.content:
        try:
            answer.json()
        except ValueError:
            return f"{status} in no JSON: {answer.text[:100]}"
    return ""


async def tokens(world: World) -> dict[str, str]:
    """Return a token of each who makes calls: one person with a role in each kind of scope, and nobody's."""
    admin, found = world.admin, {"none": "", "bad": "gAAAA\u00e9"}
    body = {"user": {"name": "caller", "password": "caller"}}
    user = (await admin("POST", f"{IDENTITY}/users", body))["user"]["id"]
    secret = {"methods": ["password"], "password": {"user": {"id": user, "password": "caller"}}}
    scopes: dict[str, Any] = {"system": {"system": {"all": True}}, "domain": {"domain": {"id": "default"}}}
    for role in ("manager", "member", "reader", "service"):
        made = await admin("POST", f"{IDENTITY}/projects", {"project": {"name": f"of-{role}"}})
        scopes[role] = {"project": {"id": made["project"]["id"]}}
    for name, scope in scopes.items():
        role = name if "project" in scope else "admin"
        role_id = (await admin("GET", f"{IDENTITY}/roles?name={role}"))["roles"][0]["id"]
        place = {"system": "system", "domain": "domains/default"}.get(name)
        place = place or f"projects/{scope['project']['id']}"
        await admin("PUT", f"{IDENTITY}/{place}/users/{user}/roles/{role_id}")
    for name, scope in [*scopes.items(), ("unscoped", "unscoped")]:
        auth = {"auth": {"identity": secret, "scope": scope}}
        answer = await admin.http.post(f"{IDENTITY}/auth/tokens", json=auth)
        assert answer.status_code == 201, answer.text
        found[name] = answer.headers["X-Subject-Token"]
    return found


async def in_pieces(content: bytes) -> AsyncIterator[bytes]:
    """Send a body without saying how long it is, with empty pieces in it."""
    for start in range(0, len(content), 1000):
        yield content[start : start + 1000]
        yield b""


async def send(world: World, call: Call, held: Mapping[str, str]) -> httpx.Response:
    headers: dict[str, Any] = {"OpenStack-API-Version": "", **call.headers}
    if call.who in held:
        headers["X-Auth-Token"] = held[call.who].encode()
    content = in_pieces(call.content) if call.pieces and call.content is not None else call.content
    encoded = {name: each.encode() if isinstance(each, str) else each for name, each in headers.items()}
    request = world.admin.http.build_request(call.method, call.url, content=content, headers=encoded)
    return await asyncio.wait_for(world.admin.http.send(request), PATIENCE)


@pytest.mark.parametrize("service", all_services(), ids=lambda service: service.name)
async def test_a_wrong_call_is_told_so_and_changes_nothing(world: World, service: Service):
    """Where an answer says no, the service's rows are as before, unless they change by themselves."""
    mine = [
        table
        for table in own_tables()
        if table.name.startswith(service.name) and not table.name.startswith(ALIVE)
    ]
    held = await tokens(world)
    caller = Caller(service, await known(world.cloud, await administrator(world)), SEED)
    wrong: dict[str, str] = {}
    await world.cloud.tasks.settle()
    before = await digest(world.cloud, mine)
    for call in caller.calls(COUNT):
        answer = await send(world, call, held)
        found = complaint(call, answer)
        if answer.is_success:
            await world.cloud.tasks.settle()
        after = await digest(world.cloud, mine)
        if not found and answer.is_client_error and after != before and call.operation not in COUNTED:
            again = await digest(world.cloud, mine)
            await send(world, call, held)
            after = await digest(world.cloud, mine)
            changed = [name for name, mark in again.items() if after[name] != mark]
            found = f"{answer.status_code}, yet it changed {changed}" if changed else ""
        if found:
            wrong.setdefault(call.operation, f"{call.url[:300]} {call.content!r:.300}: {found}")
        before = after
    assert not wrong, "\n".join(f"{name}: {told}" for name, told in sorted(wrong.items()))
