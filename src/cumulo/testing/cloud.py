"""A cloud in one process, for tests: real services, database and pipeline; tokens that say who one is.

`async with Cloud([SERVICE, …], database, bindings={Contract: adapter}) as cloud:` then
`await cloud.member("p1").get("/compute/v2.1/servers")`.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import httpx

from cumulo.contracts.identity import UnifiedLimits
from cumulo.contracts.ownership import Owners
from cumulo.contracts.sealing import Sealers
from cumulo.core import clock
from cumulo.core.auth import Enforcer, Identity
from cumulo.core.db import Database, Reader
from cumulo.core.errors import Unauthenticated
from cumulo.core.http import App, Ctx, Engine, Service
from cumulo.core.quota import Quota
from cumulo.core.tasks import Tasks

IMPLIED = {
    "admin": ("admin", "manager", "member", "reader"),
    "manager": ("manager", "member", "reader"),
    "member": ("member", "reader"),
    "reader": ("reader",),
    "service": ("service",),
}


def persona(role: str, project_id: str | None = None, *, user_id: str | None = None) -> Identity:
    """Return who a test's token stands for: a user with one role (and what it implies)."""
    now = clock.now()
    return Identity(
        user_id=user_id or f"{role}-of-{project_id or 'nowhere'}",
        user_name=role,
        user_domain_id="default",
        user_domain_name="Default",
        project_id=project_id,
        project_name=project_id,
        project_domain_id="default" if project_id else None,
        project_domain_name="Default" if project_id else None,
        roles=IMPLIED[role],
        methods=("password",),
        issued_at=now,
        expires_at=now + timedelta(hours=1),
    )


class PersonaAuthenticator:
    """Takes `role:project[:user]` for a token."""

    async def authenticate(self, db: Reader, token: str) -> Identity:
        """Return the persona that the token names. Raises Unauthenticated."""
        del db
        role, _, rest = token.partition(":")
        project_id, _, user_id = rest.partition(":")
        if role not in IMPLIED:
            raise Unauthenticated
        return persona(role, project_id or None, user_id=user_id or None)


class NoUnifiedLimits:
    """Identity with no limits registered, for clouds without identity."""

    async def of(self, db: Reader, service: str, project_id: str) -> dict[str, int]:
        """Return no limits."""
        del db, service, project_id
        return {}


class Cloud:
    """Services on a database, without engines, listener or identity."""

    def __init__(
        self,
        services: Iterable[Service],
        database: Database,
        bindings: Mapping[type, Any] | None = None,
    ) -> None:
        self.services = tuple(services)
        self.bindings: dict[type, Any] = dict(bindings or {})
        for service in self.services:
            if service.settings is not None:
                self.bindings.setdefault(service.settings, service.settings())
        owned = {each.name: each.owned for each in self.services if each.owned is not None}
        self.bindings.setdefault(Owners, Owners(owned))
        sealed = {each.name: each.sealed for each in self.services if each.sealed is not None}
        self.bindings.setdefault(Sealers, Sealers(sealed))
        self.tasks = Tasks(
            database,
            sagas=[saga for s in self.services for saga in s.sagas],
            reconcilers=[one for s in self.services for one in s.reconcilers],
            schedules=[one for s in self.services for one in s.schedules],
            bindings=self.bindings,
        )
        self.engine = Engine(
            database=database,
            authenticator=PersonaAuthenticator(),
            enforcer=Enforcer([rule for s in self.services for rule in s.rules], {}),
            tasks=self.tasks,
            quota=Quota(s.limits for s in self.services if s.limits is not None),
            bindings=self.bindings,
        )
        self.bindings |= {Database: database, Tasks: self.tasks, Enforcer: self.engine.enforcer}
        self.bindings[Quota] = self.engine.quota
        self.bindings.setdefault(UnifiedLimits, NoUnifiedLimits())
        self.app = App(self.engine, self.services)
        self._clients: list[httpx.AsyncClient] = []

    async def __aenter__(self) -> Self:
        await self.tasks.start_workers()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in self._clients:
            await client.aclose()
        await self.tasks.stop()

    def client(self, token: str | None) -> httpx.AsyncClient:
        """Return a client that sends this token."""
        headers = {"Accept": "application/json", **({"X-Auth-Token": token} if token else {})}
        transport = httpx.ASGITransport(self.app)
        made = httpx.AsyncClient(transport=transport, base_url="http://cloud", headers=headers)
        self._clients.append(made)
        return made

    def anonymous(self) -> httpx.AsyncClient:
        """Return a client without a token."""
        return self.client(None)

    def reader(self, project_id: str) -> httpx.AsyncClient:
        """Return a client that may only look."""
        return self.client(f"reader:{project_id}")

    def member(self, project_id: str) -> httpx.AsyncClient:
        """Return a client of an ordinary user."""
        return self.client(f"member:{project_id}")

    def admin(self, project_id: str = "admin") -> httpx.AsyncClient:
        """Return a client of an administrator."""
        return self.client(f"admin:{project_id}")

    async def settle(self) -> None:
        """Run promised work until nothing is left to run."""
        await self.tasks.settle()

    @asynccontextmanager
    async def idle(self) -> AsyncIterator[None]:
        """Have no effect of what is promised begin before the end of the block."""
        slots, held = self.tasks.slots, 0
        while not slots.locked():
            await slots.acquire()
            held += 1
        try:
            yield
        finally:
            for _ in range(held):
                slots.release()


__all__ = ["Cloud", "Ctx", "persona"]
