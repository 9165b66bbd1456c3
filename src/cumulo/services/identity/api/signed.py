"""Trading a request signed with an EC2 key for a token: what a service asks that got such a request."""

from collections.abc import Callable

from cumulo.core.auth import Identity
from cumulo.core.auth.tokens import Claims, Keyring
from cumulo.core.http import Ctx, Response, RouteSet
from cumulo.services.identity import policy
from cumulo.services.identity.api.tokens import SUBJECT, answer_with
from cumulo.services.identity.config import IdentitySettings
from cumulo.services.identity.domain import audit, signatures, trusts
from cumulo.services.identity.domain.issuing import by_ec2_key
from cumulo.services.identity.domain.secrets import CredentialKeys, ec2_id, ec2_key
from cumulo.services.identity.errors import SignatureWrong
from cumulo.services.identity.model import Credential
from cumulo.services.identity.schema.secrets import Signed, SignedRequest

signed = RouteSet()

Check = Callable[[str, Signed], bool]


async def _traded(ctx: Ctx, body: SignedRequest, check: Check) -> tuple[Claims, Identity]:
    request = body.signed()
    row = await ctx.db.get(Credential, ec2_id(request.access)) if request is not None else None
    if request is None or row is None:
        raise SignatureWrong
    key = ec2_key(ctx.use(CredentialKeys), row)
    if not check(key.secret, request):
        raise SignatureWrong
    return await by_ec2_key(ctx.db, row, key, ctx.use(IdentitySettings).token_seconds)


def _checked(secret: str, request: Signed) -> bool:
    return signatures.is_fresh(request) and signatures.is_right(secret, request)


@signed.route("POST", "/ec2tokens", policy=policy.EC2TOKENS_VALIDATE)
async def trade_ec2(ctx: Ctx, body: SignedRequest) -> Response:
    """Get a token by a signed EC2 request."""
    return await _trade(ctx, body, _checked)


@signed.route("POST", "/s3tokens", policy=policy.S3TOKENS_VALIDATE)
async def trade_s3(ctx: Ctx, body: SignedRequest) -> Response:
    """Learn by a signed S3 request whom it stands for; the token itself is not given."""
    answer = await _trade(ctx, body, signatures.is_right_s3)
    del answer.headers[SUBJECT]
    return answer


async def _trade(ctx: Ctx, body: SignedRequest, check: Check) -> Response:
    claims, identity = await _traded(ctx, body, check)
    if claims.trust_id is not None:
        await trusts.use(ctx.db, claims.trust_id)
    ctx.recorded = True
    await ctx.db.insert(audit.logged_in(ctx, identity, claims.audit_ids[0]))
    return await answer_with(ctx, ctx.db, 200, ctx.use(Keyring).seal(claims), identity)
