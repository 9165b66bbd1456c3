"""OAuth 1.0a (RFC 5849): a consumer asks, a user grants roles on a project, the consumer acts with them.

Secrets of consumers and tokens are sealed to their rows. A signed request counts once, and only while new.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from cumulo.core import clock, ids
from cumulo.core.auth import Identity
from cumulo.core.db import Reader, Transaction
from cumulo.core.errors import Duplicate, Forbidden, Unauthenticated
from cumulo.core.work import Work
from cumulo.services.identity.domain.authority import changed, roles_on_project, with_implied
from cumulo.services.identity.domain.credentials import RoleNamed
from cumulo.services.identity.domain.delegations import is_past
from cumulo.services.identity.domain.projects import require_project
from cumulo.services.identity.domain.secrets import CredentialKeys
from cumulo.services.identity.errors import (
    AccessTokenNotFound,
    CredentialRestricted,
    RequestTokenNotFound,
    RoleNotFound,
)
from cumulo.services.identity.model import ACCESS_LASTS, AccessToken, Consumer, Nonce, RequestToken

NEW = timedelta(minutes=10)
_DIGITS = 12  # of a timestamp: enough for the year 9999
REQUEST_LASTS = timedelta(hours=8)  # Keystone's default
# From a word's beginning only: anybody may send a header that is one long word.
_PAIR = re.compile(r'(?<![\w.%-])([\w.%-]+)="([^"]*)"')
_HASHES = {"HMAC-SHA1": "sha1", "HMAC-SHA256": "sha256"}

Sealed = Consumer | RequestToken | AccessToken


class SignedCall(msgspec.Struct, frozen=True):
    """A request with an OAuth signature. `said`: the parameters of its `Authorization` header."""

    method: str
    url: str
    query: Mapping[str, list[str]]
    said: dict[str, str]


def call_of(method: str, url: str, query: Mapping[str, list[str]], header: str | None) -> SignedCall:
    """Read an `Authorization: OAuth …` header; raise Unauthenticated when it is none."""
    if header is None or not header[:6].lower() == "oauth ":
        raise Unauthenticated
    said = {unquote(name): unquote(value) for name, value in _PAIR.findall(header[6:])}
    said.pop("realm", None)
    return SignedCall(method, url, query, said)


def signature(call: SignedCall, consumer_secret: str, token_secret: str = "") -> str:
    """Return the right signature of a call."""
    pairs = [(name, value) for name, values in call.query.items() for value in values]
    pairs += [(name, value) for name, value in call.said.items() if name != "oauth_signature"]
    text = "&".join(f"{name}={value}" for name, value in sorted((_quoted(n), _quoted(v)) for n, v in pairs))
    signed = "&".join((call.method.upper(), _quoted(call.url), _quoted(text)))
    key = f"{_quoted(consumer_secret)}&{_quoted(token_secret)}"
    kind = _HASHES.get(call.said.get("oauth_signature_method", ""))
    if kind is None:
        raise Unauthenticated
    return base64.b64encode(hmac.digest(key.encode(), signed.encode(), kind)).decode()


def _quoted(text: str) -> str:
    return quote(text, safe="-._~")


def new_secret() -> str:
    """Return a new secret."""
    return secrets.token_urlsafe(32)


def sealed_with(work: Work, row: Sealed, secret: str) -> None:
    """Put a secret into a row that has its id."""
    row.sealed = work.use(CredentialKeys).seal_bytes(secret.encode(), row.id.encode())


def secret_of(work: Work, row: Sealed) -> str:
    """Return a row's secret."""
    return work.use(CredentialKeys).open_bytes(row.sealed, row.id.encode()).decode()


async def _verified(work: Work, call: SignedCall, token: RequestToken | AccessToken | None) -> Consumer:
    """Return the consumer that signed a call, with the token's secret if there is one; Unauthenticated."""
    consumer = await work.db.get(Consumer, call.said.get("oauth_consumer_key", ""))
    if consumer is None or (token is not None and token.consumer_id != consumer.id):
        raise Unauthenticated
    expected = signature(call, secret_of(work, consumer), secret_of(work, token) if token else "")
    if not hmac.compare_digest(expected.encode(), call.said.get("oauth_signature", "").encode()):
        raise Unauthenticated
    await _once(work.db, call.said)
    return consumer


async def _once(db: Transaction, said: Mapping[str, str]) -> None:
    """Raise Unauthenticated for a call that is old or was seen before."""
    stamp = said.get("oauth_timestamp", "")
    sound = stamp.isdecimal() and len(stamp) <= _DIGITS
    if not sound or abs(int(stamp) - clock.now().timestamp()) > NEW.total_seconds():
        raise Unauthenticated
    await db.delete(Nonce, Nonce.c.expires_at <= clock.now())
    parts = (said.get(name, "") for name in ("oauth_consumer_key", "oauth_token", "oauth_nonce"))
    key = hashlib.sha256("\n".join((*parts, stamp)).encode()).hexdigest()
    try:
        await db.insert(Nonce(key=key, expires_at=clock.now() + 2 * NEW))
    except Duplicate as error:
        raise Unauthenticated from error


async def ask(work: Work, call: SignedCall, project_id: str) -> tuple[RequestToken, str]:
    """Return a new request token for a project, and its secret."""
    consumer = await _verified(work, call, None)
    await require_project(work.db, project_id)
    row = RequestToken(
        id=ids.plain(),
        consumer_id=consumer.id,
        project_id=project_id,
        sealed=b"",
        expires_at=clock.now() + REQUEST_LASTS,
    )
    secret = new_secret()
    sealed_with(work, row, secret)
    await work.db.insert(row)
    return row, secret


async def grant(work: Work, identity: Identity, request_id: str, wanted: Iterable[RoleNamed]) -> str:
    """Grant a request with some of the user's roles on its project; return the verifier."""
    if identity.is_delegated or identity.application_credential_id is not None:
        raise CredentialRestricted
    row = await work.db.one(RequestToken, RequestToken.c.id == request_id, for_update=True)
    if row is None:
        raise RequestTokenNotFound(id=request_id)
    if is_past(row.expires_at):
        raise Unauthenticated("The request token has expired.")
    if row.user_id is not None:
        raise Forbidden("The request token was granted before.")
    project = await require_project(work.db, row.project_id)
    held = await with_implied(work.db, await roles_on_project(work.db, identity.user_id or "", project))
    roles = [role.among(held) for role in wanted]
    role_ids = list(dict.fromkeys(role.id for role in roles if role is not None))
    if not roles or None in roles:
        raise Unauthenticated("The user does not have these roles on the project.")  # Keystone's status
    row.role_ids, row.user_id, row.verifier = role_ids, identity.user_id, secrets.token_hex(8)
    await work.db.save(row, "role_ids", "user_id", "verifier")
    return row.verifier


async def redeem(work: Work, call: SignedCall) -> tuple[AccessToken, str]:
    """Trade a request token that was granted for an access token; return it and its secret."""
    request = await work.db.one(
        RequestToken, RequestToken.c.id == call.said.get("oauth_token", ""), for_update=True
    )
    if request is None:
        raise Unauthenticated
    consumer = await _verified(work, call, request)
    given = call.said.get("oauth_verifier", "")
    if request.verifier is None or request.user_id is None or is_past(request.expires_at):
        raise Unauthenticated
    if not hmac.compare_digest(request.verifier.encode(), given.encode()):
        raise Unauthenticated
    row = AccessToken(
        id=ids.plain(),
        consumer_id=consumer.id,
        user_id=request.user_id,
        project_id=request.project_id,
        role_ids=request.role_ids,
        sealed=b"",
        expires_at=clock.now() + ACCESS_LASTS,
    )
    secret = new_secret()
    sealed_with(work, row, secret)
    await work.db.insert(row)
    await work.db.delete(RequestToken, RequestToken.c.id == request.id)
    return row, secret


async def access_by(work: Work, call: SignedCall) -> AccessToken:
    """Return the access token that a login was signed with; raise Unauthenticated."""
    row = await work.db.get(AccessToken, call.said.get("oauth_token", ""))
    if row is None or is_past(row.expires_at):
        raise Unauthenticated
    await _verified(work, call, row)
    return row


async def require_access(db: Reader, user_id: str, id: str) -> AccessToken:
    """Return a user's access token; raise AccessTokenNotFound."""
    row = await db.get(AccessToken, id)
    if row is None or row.user_id != user_id:
        raise AccessTokenNotFound(id=id)
    return row


def check_role(row: AccessToken, role_id: str) -> None:
    """Raise RoleNotFound unless the access token carries the role."""
    if role_id not in row.role_ids:
        raise RoleNotFound(id=role_id)


async def end_access(work: Work, row: AccessToken) -> None:
    """Delete an access token; its tokens are refused at once."""
    await work.db.delete(AccessToken, AccessToken.c.id == row.id)
    await changed(work.db)


async def end_consumer(work: Work, row: Consumer) -> None:
    """Delete a consumer with all it was granted."""
    await work.db.delete(Consumer, Consumer.c.id == row.id)
    await changed(work.db)


def change_consumer(row: Consumer, changes: dict[str, Any]) -> list[str]:
    """Set changed attributes of a consumer; return their names."""
    for name, value in changes.items():
        setattr(row, name, value)
    return list(changes)
