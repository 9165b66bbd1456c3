"""Sealing and opening tokens: AES-256-GCM over msgpack, no table of tokens, the contents hidden.

A token's text is base64url of what `keys` makes of the claims. Ids of 32 hexadecimal digits are packed as 16
bytes, which keeps a token under 255 characters.
"""

import base64
import binascii
import secrets
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from cumulo.core.auth.keys import KeyFolder, NotSealedHere
from cumulo.core.errors import Unauthenticated

_HEX_ID = 32
# Only ever added to: tokens hold the positions.
_METHODS = (
    "password",
    "token",
    "application_credential",
    "totp",
    "external",
    "trust",
    "ec2credential",
    "oauth1",
)
_SCOPES = ("", "project", "domain", "system")


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says. Names, roles and the catalogue are not in it: they are looked up, so never stale.

    `generation` is the user's when the token was issued; a password change raises the user's, which voids the
    token; of a trust's token it is both users' sum. Instants have whole seconds.
    """

    user_id: str
    generation: int
    methods: tuple[str, ...]
    scope: str = ""
    scope_id: str | None = None
    issued_at: datetime
    expires_at: datetime
    audit_ids: tuple[str, ...]
    application_credential_id: str | None = None
    trust_id: str | None = None
    access_token_id: str | None = None


def audit_id() -> str:
    """Return a new audit id: 16 random bytes as base64url, which names a token without being one."""
    return base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()


def _pack(claims: Claims) -> bytes:
    delegation = (claims.trust_id, claims.access_token_id)
    return msgspec.msgpack.encode(
        [
            _squeeze(claims.user_id),
            claims.generation,
            sum(1 << _METHODS.index(method) for method in claims.methods),
            _SCOPES.index(claims.scope),
            _squeeze(claims.scope_id),
            int(claims.issued_at.timestamp()),
            int(claims.expires_at.timestamp()),
            [base64.urlsafe_b64decode(audit + "==") for audit in claims.audit_ids],
            _squeeze(claims.application_credential_id),
            *([_squeeze(each) for each in delegation] if any(delegation) else ()),
        ]
    )


def _unpack(packed: bytes) -> Claims:
    (user, generation, methods, scope, scope_id, issued, expires, audits, credential, *delegation) = (
        msgspec.msgpack.decode(packed)
    )
    trust, access_token = delegation or (None, None)
    return Claims(
        user_id=_expand(user) or "",
        generation=generation,
        methods=tuple(name for bit, name in enumerate(_METHODS) if methods >> bit & 1),
        scope=_SCOPES[scope],
        scope_id=_expand(scope_id),
        issued_at=datetime.fromtimestamp(issued, UTC),
        expires_at=datetime.fromtimestamp(expires, UTC),
        audit_ids=tuple(base64.urlsafe_b64encode(audit).rstrip(b"=").decode() for audit in audits),
        application_credential_id=_expand(credential),
        trust_id=_expand(trust),
        access_token_id=_expand(access_token),
    )


def _squeeze(id: str | None) -> bytes | str | None:
    if id is None or len(id) != _HEX_ID or id != id.lower():
        return id
    try:
        return bytes.fromhex(id)
    except ValueError:
        return id


def _expand(id: bytes | str | None) -> str | None:
    return id.hex() if isinstance(id, bytes) else id


class Keyring(KeyFolder):
    """The keys of one cloud's tokens. `seal` makes a token's text of claims, `open` the claims of a text."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, b"cumulo token 1 ")

    def seal(self, claims: Claims) -> str:
        """Return the token that says this."""
        return base64.urlsafe_b64encode(self.seal_bytes(_pack(claims))).rstrip(b"=").decode()

    def open(self, token: str) -> Claims:
        """Return what the token says, expired or not; raise `Unauthenticated` when it is not ours."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            return _unpack(self.open_bytes(raw))
        except (binascii.Error, ValueError, NotSealedHere):
            raise Unauthenticated from None
