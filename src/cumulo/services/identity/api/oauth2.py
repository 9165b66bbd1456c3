"""OAuth 2.0's client credentials grant (RFC 6749, 4.4): the client is an application credential."""

import base64
import binascii
import re
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from cumulo.core import clock
from cumulo.core.auth.tokens import Keyring
from cumulo.core.errors import Unauthenticated
from cumulo.core.http import Ctx, Response, RouteSet
from cumulo.services.identity.api.tokens import SUBJECT, issue_token
from cumulo.services.identity.schema.auth import AuthRequest, CredentialMethod, Methods

oauth2 = RouteSet()

_LONGEST_FORM = 4096  # bytes
_BASIC = re.compile(r"Basic +(\S+)", re.IGNORECASE)
_UNCACHED = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@oauth2.route("POST", "/OS-OAUTH2/token", policy=None, status=200, transaction=False)
async def trade_client_credentials(ctx: Ctx) -> Response:
    """Get a token as an OAuth 2.0 client, which is an application credential."""
    form = parse_qs((await ctx.request.body(_LONGEST_FORM)).decode(errors="replace"))
    kinds = form.get("grant_type", [])
    if len(kinds) != 1:
        return _wrong(400, "invalid_request", "The parameter grant_type is required, once.")
    if kinds != ["client_credentials"]:
        return _wrong(400, "unsupported_grant_type", "The parameter grant_type must be client_credentials.")
    client = _client(ctx.request.headers.get("authorization") or "")
    if client is None:
        return _unknown(ctx)
    proof = CredentialMethod(id=client[0], secret=client[1])
    methods = Methods(methods=["application_credential"], application_credential=proof)
    try:
        issued = await issue_token(ctx, AuthRequest(identity=methods))
    except Unauthenticated as error:
        if ctx.engine.refused is not None:
            await ctx.engine.refused(ctx, error)
        return _unknown(ctx)
    token = issued.headers[SUBJECT]
    seconds = round((ctx.use(Keyring).open(token).expires_at - clock.now()).total_seconds())
    body = {"access_token": token, "token_type": "Bearer", "expires_in": seconds}
    return Response(200, body, dict(_UNCACHED))


def _client(authorization: str) -> tuple[str, str] | None:
    """Return the client's id and secret from HTTP's basic authentication; None when they are not there."""
    found = _BASIC.fullmatch(authorization)
    try:
        text = base64.b64decode(found[1], validate=True).decode() if found else ""
    except (binascii.Error, UnicodeDecodeError):
        return None
    id_, separator, secret = text.partition(":")
    return (unquote_plus(id_), unquote_plus(secret)) if separator and id_ else None


def _unknown(ctx: Ctx) -> Response:
    answer = _wrong(401, "invalid_client", "The client could not be authenticated.")
    answer.headers["WWW-Authenticate"] = f'Keystone uri="{ctx.root_url}/identity"'
    return answer


def _wrong(status: int, error: str, description: str) -> Response:
    body: dict[str, Any] = {"error": error, "error_description": description}
    return Response(status, body, dict(_UNCACHED))
