"""The audit log's events: made of the declaration of what was asked, its path and its answer.

Nothing of a body is kept but the names of its fields: values may be secrets.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from cumulo.core.auth import Identity
from cumulo.core.http import Ctx, Response
from cumulo.services.identity.model import AuditEvent

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}
_LONGEST = {
    field: AuditEvent.table.c[field].type.length  # type: ignore[attr-defined]  # these are texts
    for field in ("action", "target_type", "target_id", "target_name", "reason", "address", "agent")
}
_PENDING = 202
_MOST_NAMES = 64
_GLOBAL_ID = re.compile(r"req-[0-9a-f-]{36}")
AUTHENTICATE = "authenticate"
#: Paths at which somebody proves who it is, for a token.
LOGINS = {"/auth/tokens", "/ec2tokens", "/s3tokens", "/OS-OAUTH2/token"}


async def record(ctx: Ctx, response: Response | None) -> None:
    """Keep who did what to what, in the change's own transaction."""
    await ctx.db.insert(event_of(ctx, response))


def event_of(ctx: Ctx, response: Response | None) -> AuditEvent:
    """Return the event that a request was."""
    status = response.status if response is not None else ctx.operation.status
    event = asked(ctx, ctx.identity)
    event.outcome = "pending" if status == _PENDING else "success"
    event.status = status
    if ctx.operation.method == "POST" and not ctx.operation.action and response is not None:
        event.target_id = _cut("target_id", _made(response.body) or event.target_id)
    return event


def logged_in(ctx: Ctx, identity: Identity, audit_id: str) -> AuditEvent:
    """Return the event of a login: by whom, to what scope, by which methods; `audit_id` names the token."""
    event = asked(ctx, identity)
    event.initiator_id, event.initiator_name = identity.user_id, identity.user_name
    event.target_id, event.target_name = identity.user_id or "", identity.user_name
    event.domain_id = identity.user_domain_id
    event.status = ctx.operation.status
    event.details |= {"methods": list(identity.methods), "audit_id": audit_id}
    event.details.pop("changed", None)
    return event


def asked(ctx: Ctx, identity: Identity) -> AuditEvent:
    """Return an event of what a request asks for, whatever became of it."""
    operation, noted = ctx.operation, ctx.noted
    parts = [part for part in operation.path.split("/") if part and not part.startswith("{")]
    kind = f"{ctx.service.name}/{'/'.join(parts)}"
    verb = noted.get("action") or operation.action or _VERBS.get(operation.method, operation.method.lower())
    headers = ctx.request.headers
    wanted = headers.get("x-openstack-request-id") or ""
    client = ctx.request.scope.get("client")
    return AuditEvent(
        action=_cut("action", AUTHENTICATE if operation.path in LOGINS and verb == "create" else verb),
        target_type=_cut("target_type", kind),
        target_id=_cut("target_id", noted.get("target_id") or (list(ctx.params.values()) or [""])[-1]),
        target_name=_cut("target_name", noted.get("target_name") or _name(ctx)),
        project_id=_owner(ctx, "project_id") or identity.project_id,
        domain_id=_owner(ctx, "domain_id") or identity.domain_id or identity.project_domain_id,
        initiator_id=noted.get("initiator_id") or identity.user_id,
        initiator_name=identity.user_name,
        initiator_project_id=identity.project_id,
        request_id=ctx.request_id,
        global_request_id=wanted if _GLOBAL_ID.fullmatch(wanted) else None,
        address=_cut("address", str(client[0])) if client else None,
        agent=_cut("agent", headers.get("user-agent")) or None,
        details=_details(ctx, identity),
    )


def _cut(field: str, text: str | None) -> str:
    return (text or "")[: _LONGEST[field]]


def _made(body: Any) -> str | None:
    """Return the id of what an answer shows."""
    try:
        shape = msgspec.json.decode(body) if isinstance(body, bytes) and body else None
    except msgspec.DecodeError:
        return None
    inner = next(iter(shape.values())) if isinstance(shape, dict) and len(shape) == 1 else shape
    found = inner.get("id") if isinstance(inner, dict) else None
    return found if isinstance(found, str) else None


def _name(ctx: Ctx) -> str | None:
    """Return the name of what is changed or made."""
    for thing in (ctx.target, ctx.body):
        name = getattr(thing, "name", None)
        if isinstance(name, str):
            return name
    return None


def _owner(ctx: Ctx, attribute: str) -> str | None:
    """Return whose project or domain the target is: by the path, its row, or what it is made from."""
    if attribute in ctx.params:
        return ctx.params[attribute]
    for thing in (ctx.target, ctx.body):
        found = getattr(thing, attribute, None)
        if isinstance(found, str) and found:
            return found
    return None


def _details(ctx: Ctx, identity: Identity) -> dict[str, Any]:
    """Return by whose leave it was asked, where, and which fields were sent (their names only)."""
    by = {
        "domain_id": identity.domain_id,
        "system": identity.system or None,
        "trust_id": identity.trust_id,
        "trustor_id": identity.trustor_id,
        "application_credential_id": identity.application_credential_id,
        "access_token_id": identity.access_token_id,
        "roles": list(identity.roles) or None,
        "forwarded_for": (ctx.request.headers.get("x-forwarded-for") or "")[:255] or None,
        "changed": changed_fields(ctx.body) or None,
        "path": dict(ctx.params) or None,
    }
    return {name: value for name, value in by.items() if value is not None}


@cache
def _unset(kind: type[msgspec.Struct]) -> Mapping[str, tuple[Any, ...]]:
    """Return what each field of a body is when nobody sent it."""
    found = {}
    for field in msgspec.structs.fields(kind):
        made = field.default_factory
        found[field.name] = (msgspec.UNSET, None, made() if callable(made) else field.default)
    return found


def changed_fields(body: Any) -> list[str]:
    """Return the names of the fields that a body sets to other than their default; of several, of all."""
    if isinstance(body, list):
        found = {name for each in body for name in changed_fields(each)}
    elif isinstance(body, dict):
        found = {str(name) for name in body}
    elif isinstance(body, msgspec.Struct):
        extra = getattr(body, "extra", None)
        unset = _unset(type(body)).items()
        found = {name for name, values in unset if name != "extra" and getattr(body, name) not in values}
        found |= {str(name) for name in extra} if isinstance(extra, dict) else set()
    else:
        return []
    return sorted(name[:64] for name in found)[:_MOST_NAMES]
