"""Sealing and opening tokens: AES-256-GCM over msgpack, no table of tokens, the contents hidden.

A token's text is base64url of: one byte key id, 12 bytes nonce, the sealed claims, 16 bytes tag. The key id
is authenticated too. Ids of 32 hexadecimal digits are packed as 16 bytes, which keeps a token under 255
characters. Keys live in a folder, a file each (mode 600), named after their id; the newest seals, all of them
open. A process that meets a key id it does not know looks into the folder again: another may have rotated.
"""

import base64
import binascii
import json
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cumulo.core import clock
from cumulo.core.errors import Unauthenticated

_NONCE = 12
_TAG = 16
_KEY = 32
_HEX_ID = 32
_IDS = 255
_PURPOSE = b"cumulo token 1 "
_LOOK_AGAIN = 1.0  # seconds: garbage must not make us read the folder for each request
_METHODS = ("password", "token", "application_credential", "totp", "external", "trust")
_SCOPES = ("", "project", "domain", "system")


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says. Names, roles and the catalogue are not in it: they are looked up, so never stale.

    `generation` is the user's when the token was issued; a password change raises the user's, which voids the
    token. Instants have whole seconds.
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


def audit_id() -> str:
    """Return a new audit id: 16 random bytes as base64url, which names a token without being one."""
    return base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()


def _pack(claims: Claims) -> bytes:
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
        ]
    )


def _unpack(packed: bytes) -> Claims:
    user, generation, methods, scope, scope_id, issued, expires, audits, credential = msgspec.msgpack.decode(
        packed
    )
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


class Keyring:
    """The keys of one cloud. `seal` makes a token's text of claims, `open` the claims of a text."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ciphers: dict[int, AESGCM] = {}
        self._primary = 0
        self._looked = -_LOOK_AGAIN
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._look()
        if not self._ciphers:
            self.rotate()

    def seal(self, claims: Claims) -> str:
        """Return the token that says this."""
        nonce = secrets.token_bytes(_NONCE)
        head = bytes([self._primary])
        sealed = self._ciphers[self._primary].encrypt(nonce, _pack(claims), _PURPOSE + head)
        return base64.urlsafe_b64encode(head + nonce + sealed).rstrip(b"=").decode()

    def open(self, token: str) -> Claims:
        """Return what the token says, expired or not; raise `Unauthenticated` when it is not ours."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise Unauthenticated from None
        if len(raw) <= 1 + _NONCE + _TAG:
            raise Unauthenticated
        cipher = self._cipher(raw[0])
        try:
            return _unpack(cipher.decrypt(raw[1 : 1 + _NONCE], raw[1 + _NONCE :], _PURPOSE + raw[:1]))
        except InvalidTag:
            raise Unauthenticated from None

    def rotate(self, keep: int = 3) -> None:
        """Make a new key, seal with it from now on, and forget all but the `keep` newest."""
        files = self._files()
        latest = files[-1][1] if files else 0
        used = {number for _made, number, _key in files}
        fresh = next(n for n in [*range(latest + 1, _IDS + 1), *range(1, latest + 1)] if n not in used)
        key = base64.b64encode(secrets.token_bytes(_KEY)).decode()
        self._write(fresh, json.dumps({"made": clock.now().isoformat(), "key": key}))
        for _made, old, _key in files[: max(0, len(files) + 1 - keep)]:
            self._path(old).unlink(missing_ok=True)
        self._look()

    def _cipher(self, id: int) -> AESGCM:
        if id not in self._ciphers and clock.monotonic() - self._looked >= _LOOK_AGAIN:
            self._look()
        if id not in self._ciphers:
            raise Unauthenticated
        return self._ciphers[id]

    def _look(self) -> None:
        self._looked = clock.monotonic()
        files = self._files()
        self._ciphers = {number: AESGCM(base64.b64decode(key)) for _made, number, key in files}
        self._primary = files[-1][1] if files else 0

    def _files(self) -> list[tuple[datetime, int, str]]:
        """Return (made, id, key) of every key file, the oldest first."""
        found = []
        for path in self._folder.glob("*.key"):
            content = json.loads(path.read_text(encoding="ascii"))
            found.append((datetime.fromisoformat(content["made"]), int(path.stem), content["key"]))
        return sorted(found)

    def _path(self, id: int) -> Path:
        return self._folder / f"{id:03d}.key"

    def _write(self, id: int, text: str) -> None:
        """Write so that another process sees the whole key or none, and nobody else may read it."""
        unfinished = self._folder / f".{id:03d}.{os.getpid()}"
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(self._path(id))
