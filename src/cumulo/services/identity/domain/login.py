"""Logging in: from what a client proves to the claims of a token.

Whatever fails is the same refusal at the same cost: a user that does not exist, is disabled or has no
password is checked against nothing as slowly as a real one against its hash.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime

import msgspec
from msgspec import UnsetType

from cumulo.core import clock
from cumulo.core.auth import Identity
from cumulo.core.auth.tokens import Keyring
from cumulo.core.db import Reader, Transaction
from cumulo.core.errors import Forbidden, Invalid, Unauthenticated
from cumulo.services.identity.config import IdentitySettings
from cumulo.services.identity.domain.delegations import is_past
from cumulo.services.identity.domain.named import find_user
from cumulo.services.identity.domain.passwords import failed, is_locked_out, record_of, succeeded
from cumulo.services.identity.domain.secrets import CredentialKeys, text_of
from cumulo.services.identity.domain.totp import matching_step
from cumulo.services.identity.errors import (
    AuthMethodUnknown,
    LoginRefused,
    TokenNotFound,
    WrongPassword,
)
from cumulo.services.identity.hashing import Passwords
from cumulo.services.identity.model import (
    AccessToken,
    ApplicationCredential,
    Credential,
    User,
)
from cumulo.services.identity.schema.auth import (
    AuthRequest,
    CredentialMethod,
    UserNamed,
)


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What checking proofs needs: nothing of the database is held open while a password is verified."""

    verify: Callable[[Reader, str], Awaitable[Identity]]  # a token; raises Unauthenticated
    read: Callable[[], AbstractAsyncContextManager[Reader]]
    begin: Callable[[], AbstractAsyncContextManager[Transaction]]
    passwords: Passwords
    keyring: Keyring
    secrets: CredentialKeys
    settings: IdentitySettings
    oauth: Callable[[], Awaitable["Principal"]] | None = None  # verifies the request's OAuth signature


class Principal(msgspec.Struct, kw_only=True):
    """A user who has proved to be one. `chain` and `expires_at` are of the token that was used, if any."""

    user: User
    methods: tuple[str, ...]
    expires_at: datetime | None = None
    chain: str | None = None
    credential: ApplicationCredential | None = None
    access: AccessToken | None = None
    password: str | None = msgspec.field(default=None)  # only when its hash is to be renewed


async def log_in(desk: Desk, request: AuthRequest) -> Principal:
    """Verify every method that the client names; raise Unauthenticated, Invalid for a malformed request."""
    methods = request.identity.methods
    if not methods:
        raise Invalid("Expecting to find methods in identity.")
    principal: Principal | None = None
    for method in dict.fromkeys(methods):  # a proof counts once, and a password costs
        match method:
            case "password":
                found = await _by_password(desk, request)
            case "token":
                found = await _by_token(desk, request)
            case "application_credential":
                found = await _by_credential(desk, request)
            case "totp":
                found = await _by_totp(desk, request)
            case "oauth1" if desk.oauth is not None:
                found = await desk.oauth()
            case _:
                raise AuthMethodUnknown
        principal = found if principal is None else joined(principal, found)
    if principal is None:  # pragma: no cover  there is at least one method
        raise Unauthenticated
    return principal


def joined(one: Principal, other: Principal) -> Principal:
    """Join two proofs, which must be of one user."""
    if one.user.id != other.user.id:
        raise LoginRefused(why="the proofs are of two users")
    return Principal(
        user=one.user,
        methods=tuple(dict.fromkeys(one.methods + other.methods)),
        expires_at=one.expires_at or other.expires_at,
        chain=one.chain or other.chain,
        credential=one.credential or other.credential,
        access=one.access or other.access,
        password=one.password or other.password,
    )


async def _by_password(desk: Desk, request: AuthRequest) -> Principal:
    proof = request.identity.password
    if isinstance(proof, UnsetType) or isinstance(proof.user.password, UnsetType):
        raise Invalid("Expecting to find password in identity.")
    async with desk.read() as db:
        user = await find_user(db, proof.user)
        stored = await usable_hash(db, desk.settings, user)
    secret = proof.user.password
    if not await desk.passwords.verify(secret, stored) or user is None or stored is None:
        await note_failure(desk.begin, desk.settings, user)
        raise LoginRefused(**blame(user, stored, "the password is wrong"))
    if not await _note_success(desk, user):
        raise LoginRefused(**blame(user, None, ""))
    if user.password_expires_at is not None and user.password_expires_at <= clock.now():
        raise WrongPassword(**blame(user, stored, "the password has expired"))
    renewed = secret if desk.passwords.is_outdated(stored) else None
    return Principal(user=user, methods=("password",), password=renewed)


async def usable_hash(db: Reader, settings: IdentitySettings, user: User | None) -> str | None:
    """Return the hash to check a user's password against; None when no password will do."""
    if user is None or not user.enabled or await is_locked_out(db, settings, user):
        return None
    return user.password_hash


def blame(user: User | None, stored: str | None, otherwise: str) -> dict[str, str | None]:
    """Return why a proof was refused and whose it was to be, for the audit log.

    The name that was tried is no part of it: where there is no such user, it may be a mistyped password.
    """
    if user is None:
        return {"why": "there is no such user, or it is disabled or locked out"}
    about: dict[str, str | None] = {"user_id": user.id, "domain_id": user.domain_id}
    if not user.enabled:
        return {"why": "the user is disabled", **about}
    if stored is None:
        return {
            "why": "the user is locked out" if user.password_hash else "the user has no password",
            **about,
        }
    return {"why": otherwise, **about}


async def note_failure(
    begin: Callable[[], AbstractAsyncContextManager[Transaction]],
    settings: IdentitySettings,
    user: User | None,
) -> None:
    """Count a wrong proof, when wrong ones count."""
    if user is not None and settings.lockout_failures:
        async with begin() as db:
            await failed(db, settings, user)


async def _note_success(desk: Desk, user: User) -> bool:
    """Forget wrong proofs; say no when so many came in the meantime that even a right one counts no more.

    Many may be tried at once, and each began before the others had failed.
    """
    if not desk.settings.lockout_failures:
        return True
    async with desk.begin() as db:
        if await is_locked_out(db, desk.settings, user):
            return False
        await succeeded(db, user.id)
    return True


async def _by_totp(desk: Desk, request: AuthRequest) -> Principal:
    """Verify a code; each counts once, and never one before the last that was used."""
    proof = request.identity.totp
    if isinstance(proof, UnsetType):
        raise Invalid("Expecting to find totp in identity.")
    async with desk.begin() as db:
        named = UserNamed(id=proof.user.id, name=proof.user.name, domain=proof.user.domain)
        user = await find_user(db, named)
        if user is not None and await usable_hash(db, desk.settings, user) is None and user.password_hash:
            user = None  # disabled or locked out
        rows = (
            await db.all(Credential, Credential.c.user_id == user.id, Credential.c.type == "totp")
            if user
            else []
        )
        step = matching_step([text_of(desk.secrets, row) for row in rows], proof.user.passcode)
        fresh = False
        if user is not None and user.enabled and step is not None:
            record = await record_of(db, user.id)
            fresh, record.totp_step = step > record.totp_step, max(step, record.totp_step)
            await db.save(record, "totp_step")
        if user is not None and not fresh:
            await failed(db, desk.settings, user)  # before the next one is looked at
    if user is None or not fresh:
        raise LoginRefused(**blame(user, "", "the code is wrong, or was used, or no codes are known of"))
    return Principal(user=user, methods=("totp",))


async def _by_token(desk: Desk, request: AuthRequest) -> Principal:
    proof = request.identity.token
    if isinstance(proof, UnsetType):
        raise Invalid("Expecting to find token in identity.")
    try:
        async with desk.read() as db:
            shown = await desk.verify(db, proof.id)
            user = await db.get(User, shown.user_id)
    except Unauthenticated as error:
        raise TokenNotFound from error  # as Keystone has it: 404, not 401
    if shown.application_credential_id or shown.trust_id or shown.access_token_id:
        raise Forbidden("A token that acts by delegation may not be used to get another.")
    if user is None:
        raise Unauthenticated
    return Principal(
        user=user,
        methods=tuple(dict.fromkeys((*shown.methods, "token"))),
        expires_at=shown.expires_at,
        chain=shown.audit_ids[-1],
    )


async def _by_credential(desk: Desk, request: AuthRequest) -> Principal:
    proof = request.identity.application_credential
    if isinstance(proof, UnsetType):
        raise Invalid("Expecting to find application_credential in identity.")
    async with desk.read() as db:
        credential = await _find_credential(db, proof)
        user = await db.get(User, credential.user_id) if credential is not None else None
    usable = (
        credential is not None and user is not None and user.enabled and not is_past(credential.expires_at)
    )
    stored = credential.secret_hash if credential is not None and usable else None
    if not await desk.passwords.verify(proof.secret, stored) or credential is None or user is None:
        wrong = "the credential is wrong" if usable or credential is None else "the credential has expired"
        raise LoginRefused(**blame(user, "", wrong))
    return Principal(
        user=user,
        methods=("application_credential",),
        credential=credential,
    )


async def _find_credential(db: Reader, proof: CredentialMethod) -> ApplicationCredential | None:
    if proof.id is not None:
        return await db.get(ApplicationCredential, proof.id)
    if proof.name is None or proof.user is None:
        raise Invalid("Expecting to find id, or name and user, in application_credential.")
    user = await find_user(db, proof.user)
    c = ApplicationCredential.c
    return await db.one(ApplicationCredential, c.user_id == user.id, c.name == proof.name) if user else None
