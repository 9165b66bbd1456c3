"""Identity's face to the other services: who a token stands for, what a credential may call, projects.

A verified token is kept with the revision of authority at which it was looked up. Each request reads that one
number; while it stands still nothing that decides what the token may do has changed, in whichever process. A
token also ends with the key that sealed it.
"""

import base64
import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec
from sqlalchemy import select

from cumulo.core import clock
from cumulo.core.auth import AccessRule, Identity
from cumulo.core.auth.tokens import Keyring
from cumulo.core.db import Reader
from cumulo.core.errors import Unauthenticated
from cumulo.core.http import Ctx
from cumulo.services.identity.domain.authority import identity_of, revision
from cumulo.services.identity.errors import CallNotAllowed
from cumulo.services.identity.model import CatalogService, Limit, Project, RegisteredLimit


class _Known(msgspec.Struct, frozen=True):
    """A token that was verified, and at which revision."""

    revision: int
    identity: Identity


class TokenAuthenticator:
    """The `Authenticator` of a cloud: verifies tokens in the process, and keeps the latest `size` of them."""

    def __init__(self, keyring: Keyring, size: int = 4096) -> None:
        self._keyring = keyring
        self._size = size
        self._known: dict[str, _Known] = {}

    async def authenticate(self, db: Reader, token: str) -> Identity:
        """Return whom the token stands for; raise Unauthenticated."""
        now = await revision(db)
        known = self._known.get(token)
        if known is None or known.revision != now or not self._keyring.opens(_key_of(token)):
            self._known.pop(token, None)
            identity = await identity_of(db, self._keyring.open(token))
            known = _Known(now, identity)
            self._keep(token, known)
        if known.identity.expires_at <= clock.now():
            self._known.pop(token, None)
            raise Unauthenticated
        return known.identity

    def _keep(self, token: str, known: _Known) -> None:
        """Keep a verified token; the one kept longest makes room."""
        self._known[token] = known
        if len(self._known) > self._size:
            del self._known[next(iter(self._known))]


def _key_of(token: str) -> int:
    """Return the number of the key that sealed a token: its first byte."""
    return base64.urlsafe_b64decode(token[:4])[0]


def check_access(ctx: Ctx) -> None:
    """Refuse a call that the access rules of the token's application credential do not name."""
    rules = ctx.identity.access_rules
    if rules is None:
        return
    mount = ctx.service.dialect.path
    path = ctx.request.path.removeprefix(mount) or "/"
    if not allowed(rules, ctx.service.types, ctx.request.method, path):
        raise CallNotAllowed


def allowed(rules: Sequence[AccessRule], types: Sequence[str], method: str, path: str) -> bool:
    """Say whether one of the rules names a call of a service (known by any of its types)."""
    return any(
        rule.service in types and rule.method == method and _fits(_parts(rule.path), path) for rule in rules
    )


@lru_cache(1024)
def _parts(pattern: str) -> tuple[str, ...]:
    """Split an access rule's path into what stands for itself, and what stands for something else."""
    return tuple(filter(None, re.split(r"(\*\*|\*|\{[^/{}]*\})", pattern)))


def _fits(parts: Sequence[str], path: str) -> bool:
    """Say whether a path is of a pattern: `{name}` and `*` stand for one part of it, `**` for the rest.

    Part by part, with all places where the pattern so far may end: rules are their users' own, and a regular
    expression of a few `**` could take for ever.
    """
    ends = {0}
    for part in parts:
        if part == "**":
            ends = set(range(min(ends, default=len(path) + 1), len(path) + 1))
        elif _WILD.fullmatch(part):
            ends = _within_parts(path, ends)
        else:
            ends = {end + len(part) for end in ends if path.startswith(part, end)}
    return len(path) in ends


def _within_parts(path: str, starts: set[int]) -> set[int]:
    """Return the places that are reached from others without passing a slash."""
    reached, is_open = set(), False
    for place, character in enumerate(path):
        is_open = (is_open or place in starts) and character != "/"
        if is_open:
            reached.add(place + 1)
    return reached


_WILD = re.compile(r"\*|\{[^/{}]*\}")


class ProjectDirectory:
    """Fulfils `cumulo.contracts.identity.Projects`."""

    async def exists(self, db: Reader, project_id: str) -> bool:
        """Say whether the project exists and is enabled."""
        project = await db.get(Project, project_id)
        return project is not None and project.enabled


class LimitsOfProjects:
    """Fulfils `cumulo.contracts.identity.UnifiedLimits`."""

    async def of(self, db: Reader, service: str, project_id: str) -> dict[str, int]:
        """Return a project's limits in a service: its own, else the registered ones."""
        statement = (
            select(RegisteredLimit.c.resource_name, RegisteredLimit.c.default_limit, Limit.c.resource_limit)
            .join(CatalogService.table, CatalogService.c.id == RegisteredLimit.c.service_id)
            .outerjoin(
                Limit.table,
                (Limit.c.registered_limit_id == RegisteredLimit.c.id) & (Limit.c.project_id == project_id),
            )
            .where(CatalogService.c.type == service)
        )
        rows = await db.rows(statement)
        return {name: default if own is None else own for name, default, own in rows}
