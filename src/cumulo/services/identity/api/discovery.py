"""Which versions of the API there are: one; and its JSON Home, made of its own operations."""

import re
from typing import Any

from cumulo.core.http import Ctx, Response, RouteSet

discovery = RouteSet()


def _version(ctx: Ctx) -> dict[str, Any]:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{ctx.base_url}/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }


HOME = "application/json-home"
_DOCS = "https://docs.openstack.org/api/openstack-identity/3"
_EXTENSION = re.compile(r"/(OS-[A-Z0-9-]+)")
# Where Keystone's word for a relation does not follow from its path.
_WORDS = {
    "/roles/{prior_role_id}/implies": "implied_roles",
    "/roles/{prior_role_id}/implies/{implied_role_id}": "implied_role",
    "/users/{user_id}/password": "user_change_password",
    "/limits/model": "limit_model",
}


def relation(path: str) -> str:
    """Return Keystone's URI for what is at a path: `/users/{user_id}/groups` is `user_groups`."""
    extension = _EXTENSION.search(path)
    parts = [part for part in _EXTENSION.sub("", path).strip("/").split("/") if part]
    words = []
    for at, part in enumerate(parts):
        named = at + 1 < len(parts) and parts[at + 1].startswith("{")
        if not part.startswith("{"):
            words.append(_singular(part) if named else part)
    word = _WORDS.get(path) or "_".join(words)
    return f"{_DOCS}/ext/{extension[1]}/1.0/rel/{word}" if extension else f"{_DOCS}/rel/{word}"


def _singular(word: str) -> str:
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")


def home(ctx: Ctx) -> Response:
    """Return the JSON Home document (draft-nottingham-json-home-03)."""
    prefix = ctx.base_url.removeprefix(ctx.root_url)
    resources: dict[str, Any] = {}
    for operation in ctx.service.operations():
        names = operation.parameters
        if operation.at_root or not operation.path:
            continue
        shape: dict[str, Any] = {"href": f"{prefix}{operation.path}"}
        if names:
            variables = {name: f"{_DOCS}/param/{name}" for name in names}
            shape = {"href-template": f"{prefix}{operation.path}", "href-vars": variables}
        resources[relation(operation.path)] = shape
    return Response(200, {"resources": resources}, {"Content-Type": HOME})


def _wants_home(ctx: Ctx) -> bool:
    return HOME in (ctx.request.headers.get("accept") or "")


@discovery.route("GET", "", policy=None, at_root=True, status=300)
async def list_versions(ctx: Ctx) -> Response | dict[str, Any]:
    """List the versions of the API."""
    if _wants_home(ctx):
        return home(ctx)
    return {"versions": {"values": [_version(ctx)]}}


@discovery.route("GET", "", policy=None)
async def show_version(ctx: Ctx) -> Response:
    """Show version 3 of the API."""
    if _wants_home(ctx):
        return home(ctx)
    return Response(200, {"version": _version(ctx)})
