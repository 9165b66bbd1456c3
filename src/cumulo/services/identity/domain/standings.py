"""What users are and may do in a scope, kept for the tokens that they get again and again.

As with verified tokens, each is kept with the revision of authority at which it was looked up: while that
stands still nothing that decides it has changed, in whichever process.
"""

import msgspec

from cumulo.core import clock
from cumulo.core.auth import Identity
from cumulo.core.auth.tokens import Claims
from cumulo.core.db import Reader
from cumulo.core.errors import Unauthenticated
from cumulo.services.identity.domain.authority import identity_of, revision

_SIZE = 4096


class _Known(msgspec.Struct, frozen=True):
    """Who somebody was in a scope at a revision, by a token of this generation."""

    revision: int
    generation: int
    identity: Identity


class Standings:
    """The latest of them, by user and scope."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str | None], _Known] = {}

    async def of_new(self, db: Reader, claims: Claims) -> Identity:
        """Return whom the claims of a token that is about to be issued stand for; raise Unauthenticated.

        Not for tokens that are there: those may be revoked, which is not asked.
        """
        if claims.trust_id or claims.access_token_id or claims.application_credential_id:
            return await identity_of(db, claims)
        now = await revision(db)
        key = (claims.user_id, claims.scope, claims.scope_id)
        known = self._known.get(key)
        if known is None or known.revision != now:
            identity = await identity_of(db, claims)
            self._keep(key, _Known(now, claims.generation, identity))
            return identity
        if known.generation != claims.generation or claims.expires_at <= clock.now():
            raise Unauthenticated
        return msgspec.structs.replace(
            known.identity,
            methods=claims.methods,
            issued_at=claims.issued_at,
            expires_at=claims.expires_at,
            audit_ids=claims.audit_ids,
        )

    def _keep(self, key: tuple[str, str, str | None], known: _Known) -> None:
        """Keep one; the one kept longest makes room."""
        self._known.pop(key, None)
        self._known[key] = known
        if len(self._known) > _SIZE:
            del self._known[next(iter(self._known))]
