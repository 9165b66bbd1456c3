"""Which tokens were revoked; and the addresses of signed tokens, which are gone."""

from typing import Any

from cumulo.core.errors import Gone
from cumulo.core.http import Ctx, RouteSet, microseconds
from cumulo.core.resource import as_time
from cumulo.services.identity import policy
from cumulo.services.identity.api.lists import links
from cumulo.services.identity.domain import revocation
from cumulo.services.identity.model import RevokedToken

revocations = RouteSet()


class SignedTokensGone(Gone):
    """Tokens are not signed by certificates any more, so there is nothing to fetch."""


@revocations.route("GET", "/OS-REVOKE/events", policy=policy.LIST_REVOKE_EVENTS)
async def list_revocations(ctx: Ctx) -> dict[str, Any]:
    """List the tokens that were revoked one by one, while they would have lived."""
    since = ctx.request.first("since")
    rows = await revocation.revoked(ctx.db, as_time("since", since) if since else None)
    return {"events": [_event(row) for row in rows], **links(ctx, "events")}


def _event(row: RevokedToken) -> dict[str, Any]:
    at = microseconds(row.revoked_at or row.expires_at)  # older rows do not say when
    return {"audit_id": row.audit_id, "issued_before": at, "revoked_at": at}


@revocations.route("GET", "/OS-SIMPLE-CERT/ca", policy=None)
@revocations.route("GET", "/OS-SIMPLE-CERT/certificates", policy=None)
@revocations.route("GET", "/auth/tokens/OS-PKI/revoked", policy=None)
async def show_what_is_gone(ctx: Ctx) -> None:
    """Say that signed tokens are gone."""
    del ctx
    raise SignedTokensGone
