"""What happens to one request: small stages in one visible order.

    route → negotiate → authenticate → choose → read →
    [begin → load → authorise → claim → run → render → commit]

Routing comes first because it costs least, but an unknown path is 404 only for a caller who is known: see
`route`. Errors are turned into responses once, in `cumulo.core.http.faults`.
"""

import contextlib
from collections import Counter
from typing import Any

from cumulo.core.db.failures import Collided
from cumulo.core.errors import Forbidden, Invalid, MethodNotAllowed, NoRoute, NotFound, UnsupportedMedia
from cumulo.core.http.body import members
from cumulo.core.http.context import Ctx
from cumulo.core.http.messages import Response
from cumulo.core.http.mount import PATH_PROJECT, Mount, Route
from cumulo.core.http.operation import Operation

_FIRST_ERROR = 400
_AGAIN = 3  # times that a transaction that collided with others is begun again
TOKEN_HEADER = "X-Auth-Token"  # noqa: S105  a header's name


class BadAction(Invalid):
    """There is no such action: {action}. Only these are known: {known}."""


class WrongProject(Invalid):
    """Malformed request URL: URL's project_id '{named}' doesn't match the token's project."""


class OneAction(Invalid):
    """The body must be an object with exactly one action as its key."""


async def handle(ctx: Ctx, mount: Mount, segments: list[str]) -> Response:
    """Take a request down the pipeline."""
    routes = await route(ctx, mount, segments)
    negotiate(ctx)
    await authenticate(ctx, routes)
    operation, raw = await choose(ctx, routes)
    ctx.operation = operation
    read(ctx, raw)
    return await perform(ctx, operation)


async def route(ctx: Ctx, mount: Mount, segments: list[str]) -> list[Route]:
    """Find what is served at the path; 404 for whom we know, 401 for whom we do not; 405."""
    found = mount.router.find(segments)
    slashed = len(segments) > 1 and ctx.request.path.endswith("/")  # a version is a folder to all
    if found is None or (slashed and not ctx.service.dialect.ignores_trailing_slash):
        if not mount.open_to_all(segments):
            await identify(ctx)
        raise NoRoute
    node, values = found
    method = ctx.request.method
    routes = node.methods.get(method) or (node.methods.get("GET") if method == "HEAD" else None)
    if not routes:
        ctx.headers["Allow"] = ", ".join(sorted(node.methods))
        raise MethodNotAllowed
    ctx.params = dict(zip(routes[0].names, values, strict=True))
    return routes


def negotiate(ctx: Ctx) -> None:
    """Agree on a microversion, and say it in whatever answer follows."""
    microversions = ctx.service.dialect.microversions
    if microversions is not None:
        ctx.version = microversions.negotiate(ctx.request.headers)
        ctx.headers.update(microversions.headers(ctx.version))


async def authenticate(ctx: Ctx, routes: list[Route]) -> None:
    """Learn who calls, unless everything here is open to all."""
    if any(route.operation.policy is not None for route in routes):
        await identify(ctx)


async def identify(ctx: Ctx) -> None:
    """Verify the caller's token. Raises Unauthenticated."""
    engine = ctx.engine
    token = ctx.request.headers.get(TOKEN_HEADER) or ""
    async with engine.database.read() as db:
        ctx.identity = await engine.authenticator.authenticate(db, token)
    engine.check_access(ctx)


async def choose(ctx: Ctx, routes: list[Route]) -> tuple[Operation, Any]:
    """Pick the operation by version and, where several share the path, by the body's key."""
    live = [route for route in routes if route.operation.serves(ctx.version)]
    if not live:
        raise NoRoute
    first = live[0].operation
    check_project(ctx)
    if first.action is None:
        return first, await _body(ctx, first)
    raw = await _body(ctx, first)
    keys = members(raw)
    named = {route.operation.action: route.operation for route in live}
    chosen = [key for key in keys if key in named]
    if not chosen:
        known = {route.operation.action for route in routes}
        if any(key in known for key in keys):
            raise NoRoute
        action = next(iter(keys), "")
        raise BadAction(action=action, known=", ".join(sorted(filter(None, named))))
    if len(keys) != 1:
        raise OneAction
    return named[chosen[0]], keys[chosen[0]]


def check_project(ctx: Ctx) -> None:
    """Refuse a project in the path that is not the token's."""
    named = ctx.params.get(PATH_PROJECT)
    if named is not None and ctx.identity.project_id not in (None, named):
        raise WrongProject(named=named)


async def _body(ctx: Ctx, operation: Operation) -> bytes:
    """Read the body when the operation has one. TooLarge, UnsupportedMedia."""
    if operation.stream or (operation.body is None and operation.action is None):
        return b""
    kind = (ctx.request.headers.get("content-type") or "").split(";")[0].strip().lower()
    if kind and kind not in operation.media:
        raise UnsupportedMedia(content_type=kind)
    return await ctx.request.body(ctx.service.dialect.body_limit)


def read(ctx: Ctx, raw: Any) -> None:
    """Decode the body into what the handler declared."""
    operation = ctx.operation
    if operation.body is None or operation.stream:
        return
    dialect = ctx.service.dialect
    if operation.action is not None:
        ctx.body = operation.body.value(raw, dialect, ctx.version, operation.action)
    else:
        ctx.body = operation.body.read(raw, dialect, ctx.version)


async def perform(ctx: Ctx, operation: Operation) -> Response:
    """Do it: in a transaction when it writes, on a reader when not, on its own when so declared."""
    if operation.stream:
        authorise(ctx, operation)
        return await _recorded_after(ctx, await operation.render(ctx, await operation.run(ctx)))
    database = ctx.engine.database
    if operation.alone:
        async with database.read() as ctx.reader:
            await _admit(ctx, operation)
        ctx.reader = None
        return await _recorded_after(ctx, await operation.render(ctx, await operation.run(ctx)))
    if not operation.writes:
        async with database.read() as ctx.reader:
            return await _work(ctx, operation)
    for _ in range(_AGAIN):
        with contextlib.suppress(Collided):  # the database undid all of it, for another one's sake
            return await _write(ctx, operation)
        ctx.recorded = False
    return await _write(ctx, operation)


async def _write(ctx: Ctx, operation: Operation) -> Response:
    async with ctx.engine.database.begin() as transaction:
        ctx.writing(transaction)
        response = await _work(ctx, operation)
        if response.status < _FIRST_ERROR:
            await ctx.record(response)
        return response


async def _recorded_after(ctx: Ctx, response: Response) -> Response:
    """Record a change whose handler opened no transaction that could carry the record."""
    if _is_unrecorded(ctx, response):
        async with ctx.engine.database.begin() as transaction:
            ctx.writing(transaction)
            await ctx.record(response)
    return response


def _is_unrecorded(ctx: Ctx, response: Response) -> bool:
    """Say whether something changed that is not in the audit log yet."""
    missing = ctx.engine.record is not None and not ctx.recorded
    return missing and ctx.operation.changes and response.status < _FIRST_ERROR


async def _admit(ctx: Ctx, operation: Operation) -> None:
    if operation.load is not None:
        try:
            ctx.target = await operation.load(ctx)
        except NotFound as error:
            if operation.policy is not None and not isinstance(error, ctx.service.dialect.reveals):
                ctx.authorise(operation.policy, dict(ctx.params))
            raise
    authorise(ctx, operation)


async def _work(ctx: Ctx, operation: Operation) -> Response:
    await _admit(ctx, operation)
    if operation.quota:
        bodies = ctx.body if isinstance(ctx.body, list) else [ctx.body]
        admin = ctx.identity.is_admin  # who alone makes things for others
        for whose, count in Counter(
            getattr(b, "for_project", None) if admin else None for b in bodies
        ).items():
            await ctx.claim({name: n * count for name, n in operation.quota.items()}, project_id=whose)
    return await operation.render(ctx, await operation.run(ctx))


def authorise(ctx: Ctx, operation: Operation) -> None:
    """Hold the caller against the operation's rule, on the row it acts on."""
    if operation.policy is None:
        return
    target = operation.target(ctx) if operation.target is not None else ctx.target
    try:
        ctx.authorise(operation.policy, target)
    except Forbidden as error:
        if operation.conceals:
            raise NotFound from error
        raise
