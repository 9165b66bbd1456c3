"""A cloud with only identity in it, founded, with real tokens."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cumulo.core.auth.tokens import Keyring
from cumulo.core.db import Database, Transaction
from cumulo.services.identity import SERVICE
from cumulo.services.identity.adapter import TokenAuthenticator, check_access
from cumulo.services.identity.domain import CatalogEntry, Founding, bootstrap
from cumulo.services.identity.domain.catalog import CatalogCache
from cumulo.services.identity.domain.refusals import Refusals
from cumulo.services.identity.domain.secrets import CredentialKeys
from cumulo.services.identity.domain.standings import Standings
from cumulo.services.identity.hashing import Passwords
from cumulo.testing.cloud import Cloud

PASSWORD = "correct horse"
FOUNDING = Founding(
    password=PASSWORD,
    services=(
        CatalogEntry(type="identity", name="keystone", url="http://cloud/identity/v3"),
        CatalogEntry(type="compute", name="nova", url="http://cloud/compute/v2.1"),
        CatalogEntry(type="volumev3", name="cinder", url="http://cloud/volume/v3/$(project_id)s"),
    ),
)


class Bootstrapper:
    """As much of a Work as founding needs."""

    def __init__(self, db: Transaction, passwords: Passwords) -> None:
        self.db = db
        self.request_id = "req-founding"
        self._passwords = passwords

    def use(self, contract: type) -> Any:
        assert contract is Passwords
        return self._passwords


class IdentityCloud:
    """The cloud under test, and short ways to talk to it."""

    def __init__(self, cloud: Cloud, passwords: Passwords) -> None:
        self.cloud = cloud
        self.passwords = passwords
        self.database = cloud.engine.database
        self.http = cloud.anonymous()

    async def found(self) -> None:
        async with self.database.begin() as tx:
            await bootstrap(Bootstrapper(tx, self.passwords), FOUNDING)  # type: ignore[arg-type]

    async def login(
        self, name: str = "admin", password: str = PASSWORD, *, domain: str = "default", **scope: Any
    ) -> httpx.Response:
        """Log in by a password; without a scope to the default project."""
        user = {"name": name, "domain": {"id": domain}, "password": password}
        auth: dict[str, Any] = {"identity": {"methods": ["password"], "password": {"user": user}}}
        if scope:
            auth["scope"] = scope
        return await self.http.post("/identity/v3/auth/tokens", json={"auth": auth})

    async def token(self, name: str = "admin", password: str = PASSWORD, **scope: Any) -> str:
        answer = await self.login(name, password, **scope)
        assert answer.status_code == 201, answer.text
        return answer.headers["X-Subject-Token"]

    async def client(self, name: str = "admin", password: str = PASSWORD, **scope: Any) -> "Api":
        return Api(self.cloud.client(await self.token(name, password, **scope)))

    async def user(self, name: str, *roles: str, project: str | None = None, **values: Any) -> dict[str, Any]:
        """Make a user `name` with password `name`, and a project of its own unless one is given."""
        admin = await self.client()
        if project is None:
            body = {"project": {"name": f"of-{name}"}}
            project = (await admin.post("/projects", body))["project"]["id"]
        body = {"user": {"name": name, "password": name, "default_project_id": project, **values}}
        user: dict[str, Any] = (await admin.post("/users", body))["user"]
        for role in roles:
            await admin.put(f"/projects/{project}/users/{user['id']}/roles/{await self.role(role)}", 204)
        return user

    async def keep_house(self, schedule: Any) -> None:
        """Run what is to be done now and then."""
        members = {"database": self.database, "use": lambda _, kind: self.cloud.bindings[kind]}
        await schedule.body(type("Run", (), members)())

    async def role(self, name: str) -> str:
        roles = (await (await self.client()).get(f"/roles?name={name}"))["roles"]
        return str(roles[0]["id"])


class Api:
    """A client that expects a status and returns the body."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def call(self, method: str, path: str, status: int, body: Any = None, **headers: str) -> Any:
        answer = await self.http.request(
            method,
            f"/identity/v3{path}",
            json=body,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else answer

    async def get(self, path: str, status: int = 200, **headers: str) -> Any:
        return await self.call("GET", path, status, **headers)

    async def head(self, path: str, status: int = 204, **headers: str) -> Any:
        return await self.call("HEAD", path, status, **headers)

    async def post(self, path: str, body: Any, status: int = 201) -> Any:
        return await self.call("POST", path, status, body)

    async def patch(self, path: str, body: Any, status: int = 200) -> Any:
        return await self.call("PATCH", path, status, body)

    async def put(self, path: str, status: int = 204, body: Any = None) -> Any:
        return await self.call("PUT", path, status, body)

    async def delete(self, path: str, status: int = 204, **headers: str) -> Any:
        return await self.call("DELETE", path, status, **headers)


@pytest.fixture
async def identity(database: Database, tmp_path: Path) -> AsyncIterator[IdentityCloud]:
    passwords, keyring = Passwords(threads=1, passes=1, memory=64), Keyring(tmp_path / "keys")
    bindings: dict[type, Any] = {Passwords: passwords, Keyring: keyring, CatalogCache: CatalogCache()}
    bindings[Standings] = Standings()
    bindings[CredentialKeys] = CredentialKeys(bindings.__getitem__)
    bindings[Refusals] = Refusals()
    async with Cloud([SERVICE], database, bindings) as cloud:
        cloud.engine.authenticator = TokenAuthenticator(keyring)
        cloud.engine.access = check_access
        made = IdentityCloud(cloud, passwords)
        await made.found()
        yield made
    passwords.close()


@pytest.fixture
async def admin(identity: IdentityCloud) -> Api:
    return await identity.client()
