"""What Cumulo adds for operators: why a call is allowed or refused, turning the keys."""

from typing import Any

from cumulo.contracts.sealing import Sealers
from cumulo.core.auth.tokens import Keyring
from cumulo.core.http import Ctx, OpenBody, RouteSet
from cumulo.services.identity import policy
from cumulo.services.identity.domain import explaining
from cumulo.services.identity.schema.auth import ProjectNamed, UserNamed

operator = RouteSet()


class Question(OpenBody):
    """Whether a user may do something with its roles in a scope. `target`: what it would be done to."""

    rule: str
    user: UserNamed
    project: ProjectNamed | None = None
    system: bool = False
    target: dict[str, Any] | None = None


@operator.route("POST", "/OS-CUMULO/policy/explain", policy=policy.EXPLAIN_POLICY, envelope="question")
async def explain_policy(ctx: Ctx, body: Question) -> dict[str, Any]:
    """Say how each part of a rule decides for a user."""
    ctx.recorded = True  # nothing changes
    identity = await explaining.identity_in(ctx.db, body.user, body.project, system=body.system)
    enforcer = ctx.engine.enforcer
    return {
        "allowed": enforcer.allows(body.rule, identity, body.target),
        "explanation": enforcer.explain(body.rule, identity, body.target),
    }


@operator.route("POST", "/OS-CUMULO/keys/rotate", policy=policy.ROTATE_KEYS)
async def rotate_keys(ctx: Ctx) -> dict[str, Any]:
    """Make new keys: tokens are sealed by one at once, and what services keep is sealed anew by theirs."""
    services = ctx.use(Sealers).by_service
    resealed = {name: await services[name].reseal(ctx) for name in sorted(services)}
    ctx.use(Keyring).rotate()
    told = {"credentials_sealed_anew": resealed["identity"], "sealed_anew": resealed}
    return {"keys": told}
