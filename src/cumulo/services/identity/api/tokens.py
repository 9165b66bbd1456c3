"""Tokens: get one, look at one, revoke one; and what one's own opens."""

from typing import Any

import msgspec

from cumulo.core.auth import Identity
from cumulo.core.auth.tokens import Claims, Keyring
from cumulo.core.db import Reader
from cumulo.core.errors import Unauthenticated
from cumulo.core.http import Ctx, Response, RouteSet
from cumulo.services.identity import policy
from cumulo.services.identity.api.lists import flag, links
from cumulo.services.identity.api.oauth import call
from cumulo.services.identity.api.reachable import list_domains_of, list_projects_of
from cumulo.services.identity.config import IdentitySettings
from cumulo.services.identity.domain import (
    audit,
    authority,
    issuing,
    login,
    oauth,
    people,
    projects,
    receipts,
    revocation,
    trusts,
)
from cumulo.services.identity.domain.catalog import CatalogCache
from cumulo.services.identity.domain.expired import identity_lately
from cumulo.services.identity.domain.passwords import missing_methods
from cumulo.services.identity.domain.secrets import CredentialKeys
from cumulo.services.identity.domain.standings import Standings
from cumulo.services.identity.errors import LoginRefused, TokenNotFound
from cumulo.services.identity.hashing import Passwords
from cumulo.services.identity.model import SYSTEM, AccessToken, ApplicationCredential, Domain, Project
from cumulo.services.identity.schema.auth import AuthRequest, receipt_body, token_body

SUBJECT = "X-Subject-Token"
RECEIPT = "Openstack-Auth-Receipt"

tokens = RouteSet()


@tokens.route("POST", "/auth/tokens", policy=None, status=201, envelope="auth", transaction=False)
async def issue_token(ctx: Ctx, body: AuthRequest) -> Response:
    """Log in by a password, a token, a credential or a code; to a project, a domain or the system."""
    ctx.recorded = True  # a login is an event of its own
    desk = _desk(ctx)
    receipt = receipts.opened(desk.keyring, ctx.request.headers.get(RECEIPT))
    principal = await receipts.with_receipt(desk, receipt, await login.log_in(desk, body))
    needed = (
        [] if _ONE_FACTOR & set(principal.methods) else missing_methods(principal.user, principal.methods)
    )
    if needed:
        return await _wants_more(ctx, desk, principal, needed)
    seconds = desk.settings.token_seconds
    async with ctx.read() as db:
        claims, identity = await _issued(db, ctx.use(Standings), principal, body, seconds)
        answer = await answer_with(ctx, db, 201, desk.keyring.seal(claims), identity)
    if claims.trust_id is not None or set(body.identity.methods) != _PROVES_NOTHING:
        async with ctx.begin() as transaction:
            if claims.trust_id is not None:
                await trusts.use(transaction, claims.trust_id)
            await transaction.insert(audit.logged_in(ctx, identity, claims.audit_ids[0]))
    await _renew_hash(ctx, principal)
    return answer


async def _issued(
    db: Reader, standings: Standings, principal: login.Principal, body: AuthRequest, seconds: int
) -> tuple[Claims, Identity]:
    try:
        return await issuing.issue(db, standings, principal, body.scope, seconds)
    except Unauthenticated as error:
        raise LoginRefused(
            why=_NO_SCOPE, user_id=principal.user.id, domain_id=principal.user.domain_id
        ) from error


_NO_SCOPE = "the user has no role in that scope, or it is disabled or does not exist"
#: Who shows only a token logs in to nothing new: its login is in the log, the new token names it.
_PROVES_NOTHING = {"token"}


#: Whoever shows one of these has met the rules before, or is a program.
_ONE_FACTOR = {"token", "application_credential", "oauth1"}


def _desk(ctx: Ctx) -> login.Desk:
    return login.Desk(
        verify=ctx.engine.authenticator.authenticate,
        read=ctx.read,
        begin=ctx.begin,
        passwords=ctx.use(Passwords),
        keyring=ctx.use(Keyring),
        secrets=ctx.use(CredentialKeys),
        settings=ctx.use(IdentitySettings),
        oauth=lambda: _by_oauth(ctx),
    )


async def _by_oauth(ctx: Ctx) -> login.Principal:
    """Verify the OAuth signature of a login."""
    async with ctx.begin() as transaction:
        ctx.writing(transaction)
        access = await oauth.access_by(ctx, call(ctx))
        user = await people.require_user(transaction, access.user_id)
    return login.Principal(user=user, methods=("oauth1",), access=access)


async def _wants_more(
    ctx: Ctx, desk: login.Desk, principal: login.Principal, needed: list[list[str]]
) -> Response:
    """Answer a user who must prove more, with a receipt for what it has proved."""
    sealed, receipt = receipts.made(desk.keyring, principal)
    async with ctx.read() as db:
        home = await projects.require_domain(db, principal.user.domain_id)
    body = receipt_body(principal.user, home, receipt.methods, receipt.issued_at, receipt.expires_at)
    return Response(401, {**body, "required_auth_methods": needed}, {RECEIPT: sealed})


async def _renew_hash(ctx: Ctx, principal: login.Principal) -> None:
    """Store a password that an older kind of hash has just verified in today's kind."""
    if principal.password is None or principal.user.password_hash is None:
        return
    fresh = await ctx.use(Passwords).hash(principal.password)
    async with ctx.begin() as transaction:
        ctx.writing(transaction)
        await people.renew_hash(ctx, principal.user.id, principal.user.password_hash, fresh)


async def answer_with(ctx: Ctx, db: Reader, status: int, token: str, identity: Identity) -> Response:
    """Return a token in full."""
    credential_id = identity.application_credential_id
    credential = await db.get(ApplicationCredential, credential_id) if credential_id else None
    access_id = identity.access_token_id
    access = await db.get(AccessToken, access_id) if access_id else None
    entries = None if flag(ctx, "nocatalog") else await ctx.use(CatalogCache).show(db, identity)
    return Response(status, token_body(identity, credential or access, entries), {SUBJECT: token})


class _Subject(msgspec.Struct, frozen=True):
    """A token that a caller asks about, and whom it stands for; also the policy's target."""

    token: str
    identity: Identity


async def _subject(ctx: Ctx) -> _Subject | None:
    """Verify the token that is asked about; None when it is no good. Over by time may do, when asked for."""
    token = ctx.request.headers.get(SUBJECT) or ""
    try:
        if flag(ctx, "allow_expired") and ctx.operation.method != "DELETE":
            settings = ctx.use(IdentitySettings)
            return _Subject(token, await identity_lately(ctx.db, ctx.use(Keyring), settings, token))
        return _Subject(token, await ctx.engine.authenticator.authenticate(ctx.db, token))
    except Unauthenticated:
        return None


def _of_whom(ctx: Ctx) -> dict[str, Any]:
    """Return the policy's target; raise TokenNotFound, to whomever it may be, for a token that is no good."""
    if ctx.target is None:
        raise TokenNotFound
    return {"target": {"token": {"user_id": ctx.target.identity.user_id}}}


@tokens.route("GET", "/auth/tokens", policy=policy.VALIDATE_TOKEN, load=_subject, target=_of_whom)
async def show_token(ctx: Ctx, subject: _Subject) -> Response:
    """Show whom a token stands for and what it may do."""
    return await answer_with(ctx, ctx.db, 200, subject.token, subject.identity)


@tokens.route("HEAD", "/auth/tokens", policy=policy.CHECK_TOKEN, load=_subject, target=_of_whom)
async def check_token(ctx: Ctx, subject: _Subject) -> Response:
    """Check that a token is valid."""
    del ctx
    return Response(200, b"", {SUBJECT: subject.token})


@tokens.route(
    "DELETE", "/auth/tokens", policy=policy.REVOKE_TOKEN, load=_subject, target=_of_whom, status=204
)
async def revoke_token(ctx: Ctx, subject: _Subject) -> None:
    """Revoke a token; it is refused at once."""
    await revocation.revoke(ctx, subject.identity.audit_ids[0], subject.identity.expires_at)


@tokens.route("GET", "/auth/catalog", policy=policy.GET_AUTH_CATALOG)
async def show_catalog(ctx: Ctx) -> dict[str, Any]:
    """Show the catalog for one's token."""
    return {"catalog": await ctx.use(CatalogCache).show(ctx.db, ctx.identity), **links(ctx, "catalog")}


@tokens.route("GET", "/auth/projects", policy=policy.GET_AUTH_PROJECTS)
async def list_own_projects(ctx: Ctx) -> Response:
    """List the projects that one may log in to."""
    return await list_projects_of(ctx, ctx.identity.user_id or "", Project.c.enabled.is_(True))


@tokens.route("GET", "/auth/domains", policy=policy.GET_AUTH_DOMAINS)
async def list_own_domains(ctx: Ctx) -> Response:
    """List the domains that one may log in to."""
    return await list_domains_of(ctx, ctx.identity.user_id or "", Domain.c.enabled.is_(True))


@tokens.route("GET", "/auth/system", policy=policy.GET_AUTH_SYSTEM)
async def list_own_systems(ctx: Ctx) -> dict[str, Any]:
    """Say whether one may log in to the system."""
    held = await authority.roles_on(ctx.db, ctx.identity.user_id or "", SYSTEM, "all")
    return {"system": [{"all": True}] if held else [], **links(ctx, "system")}
