"""Each persona calls each operation of identity, on what is in its own domain and in another.

The table changes only on purpose. It was read against Keystone's policy reference: see decision 0132.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.services.identity.matrix import PERSONAS, PLACES, Scene, body, furnish

from cumulo.core.auth.keys import KeyFolder
from cumulo.core.db import Database, Transaction
from cumulo.core.http import Operation
from cumulo.services.identity import SERVICE
from cumulo.services.identity.domain.secrets import CredentialKeys
from cumulo.services.identity.model import Role

GOLDEN = Path(__file__).parents[2] / "meta/golden/identity-matrix.txt"
COLUMNS = ("anonymous", *PERSONAS, "self", "trust", "app-cred")
_PARTICULAR = {"/domains/{domain_id}/config/security_compliance/{option}": {"option": "password_regex"}}
_SEEN = {401: "-", 403: "no", 404: "404"}


class _Undone(Exception):
    """Ends a transaction without a commit."""


class Undoing:
    """A database whose transactions are undone at their end, so that every call finds the same scene."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.read = database.read

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        with suppress(_Undone):
            async with self._database.begin() as transaction:
                yield transaction
                raise _Undone


@pytest.fixture
async def scene(identity: Any, admin: Any) -> Scene:
    projects = {}
    for place in PLACES:
        await admin.post("/domains", {"domain": {"name": place, "explicit_domain_id": place}})
        wanted = {"project": {"name": f"{place}-project", "domain_id": place, "tags": ["tag"]}}
        projects[place] = (await admin.post("/projects", wanted))["project"]["id"]
    keys = identity.cloud.bindings[CredentialKeys]
    async with identity.database.begin() as db:
        made = Scene({role.name: role.id for role in await db.all(Role)}, projects)
        await furnish(db, keys, made, await identity.passwords.hash("x"))
    return made


async def token(identity: Any, method: dict[str, Any], scope: Any) -> str:
    auth: dict[str, Any] = {"identity": {"methods": list(method), **method}}
    auth |= {"scope": scope} if scope else {}
    answer = await identity.http.post("/identity/v3/auth/tokens", json={"auth": auth})
    assert answer.status_code == 201, answer.text
    return str(answer.headers["X-Subject-Token"])


async def callers(identity: Any, scene: Scene) -> dict[str, httpx.AsyncClient]:
    """Log everybody in."""

    def password(user: str) -> dict[str, Any]:
        return {"password": {"user": {"id": user, "password": "x"}}}

    home = {"project": {"id": scene.projects["home"]}}
    scopes = {"system": {"system": {"all": True}}, "domain": {"domain": {"id": "home"}}, "project": home}
    asked = {name: (password(name), scopes.get(scope, "unscoped")) for name, (_, scope) in PERSONAS.items()}
    asked["self"] = (password("home-user"), home)
    asked["trust"] = (password("away-user"), {"OS-TRUST:trust": {"id": "home-trust"}})
    asked["app-cred"] = ({"application_credential": {"id": "home-app", "secret": "x"}}, None)
    tokens = {name: await token(identity, *each) for name, each in asked.items()}
    return {"anonymous": identity.http} | {name: identity.cloud.client(t) for name, t in tokens.items()}


async def verdict(caller: httpx.AsyncClient, operation: Operation, path: str, sent: Any, subject: str) -> str:
    """Call; return yes, what refused it, or the status of another failure."""
    headers = {"X-Subject-Token": subject, "Requested-Project-Id": "x"}
    answer = await caller.request(operation.method, f"/identity{path}", json=sent, headers=headers)
    status = answer.status_code
    return "yes" if status < 400 else _SEEN.get(status, str(status))


async def test_who_may_do_what_when_really_calling(
    identity: Any, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = await callers(identity, scene)
    subjects = {
        place: await token(identity, {"password": {"user": {"id": f"{place}-user", "password": "x"}}}, None)
        for place in PLACES
    }
    identity.cloud.engine.database = Undoing(identity.database)
    monkeypatch.setattr(KeyFolder, "rotate", lambda _self, keep=3: None)  # files are not undone
    lines = []
    for operation in sorted(SERVICE.operations(), key=lambda each: (each.path, each.method)):
        cases = {place: (place, "member") for place in PLACES}
        if "role_id" in operation.parameters and "{domain_id}" in operation.path:
            cases["home, admin's role"] = ("home", "admin")
        for name, (place, role) in cases.items():
            path = operation.path.format(**scene.params(place, role) | _PARTICULAR.get(operation.path, {}))
            prefix = "" if operation.at_root else "/v3"
            sent = body(f"{operation.method} {operation.path}", place, scene)
            cells = [
                await verdict(clients[who], operation, f"{prefix}{path}", sent, subjects[place])
                for who in COLUMNS
            ]
            lines.append((cells, f"{operation.method} {operation.path or '/'}", name))
    check("\n".join(table(lines)) + "\n")


def table(lines: list[tuple[list[str], str, str]]) -> list[str]:
    """Return the lines as text; those that are alike in both domains as one."""
    found = ["  ".join((*COLUMNS, "operation"))]
    for (cells, operation, where), following in zip(lines, [*lines[1:], ([], "", "")], strict=True):
        if where == "home" and following[:2] == (cells, operation):
            continue
        padded = (f"{cell:<{len(name)}}" for cell, name in zip(cells, COLUMNS, strict=True))
        pair = any(other[1] == operation and other[0] != cells for other in lines)
        found.append("  ".join((*padded, operation + (f"  ({where})" if pair else ""))))
    return found


def check(text: str) -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    before = GOLDEN.read_text().splitlines()
    changed = [line for line in text.splitlines() if line not in before]
    gone = [line for line in before if line not in text.splitlines()]
    told = "\n".join([*(f"-{line}" for line in gone), *(f"+{line}" for line in changed)][:60])
    if changed or gone:
        pytest.fail(f"if that is meant, UPDATE_GOLDEN=1 and commit it\n{told}", pytrace=False)
