"""The ASGI application: every service on one listener, and each on its classic port where asked."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from cumulo.core import clock
from cumulo.core.auth import Authenticator, Enforcer
from cumulo.core.db import Database
from cumulo.core.http.context import Ctx
from cumulo.core.http.cors import Cors
from cumulo.core.http.faults import loggable, response_to
from cumulo.core.http.messages import JSON, Disconnected, Receive, Request, Response, Scope, Send
from cumulo.core.http.mount import Mount
from cumulo.core.http.openapi import document
from cumulo.core.http.operation import READS
from cumulo.core.http.pipeline import handle
from cumulo.core.http.service import Service
from cumulo.core.http.websockets import WebSocket
from cumulo.core.observe import Metrics

if TYPE_CHECKING:
    from cumulo.core.quota import Quota
    from cumulo.core.tasks import Tasks

log = structlog.get_logger()
DESCRIPTION = "openapi.json"
_GLOBAL_ID = re.compile(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(kw_only=True)
class Engine:
    """What every request shares. `bindings`: adapters, drivers and settings by their type.

    access: called with the context once the caller is known; raises to refuse (access rules of
    application credentials). record: called with the context and the answer (None when it is not made yet)
    of each change, within its transaction. refused: called with the context and the error of what failed,
    once that is answered. Both are for the audit log. public_url: what clients call us, where a proxy stands
    before us.
    """

    database: Database
    authenticator: Authenticator
    enforcer: Enforcer
    tasks: "Tasks"
    quota: "Quota"
    bindings: Mapping[type, Any] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=Metrics)
    cors: Cors = field(default_factory=Cors)
    access: Callable[[Ctx], None] | None = None
    record: Callable[[Ctx, Response | None], Awaitable[None]] | None = None
    refused: Callable[[Ctx, Exception], Awaitable[None]] | None = None
    public_url: str | None = None

    def check_access(self, ctx: Ctx) -> None:
        """Apply what a credential itself forbids."""
        if self.access is not None:
            self.access(ctx)


class App:
    """The ASGI callable. `extra` serves paths that belong to no service (`/healthz`, a console)."""

    def __init__(
        self,
        engine: Engine,
        services: Iterable[Service],
        extra: Mapping[str, Callable[[Request], Awaitable[Response]]] | None = None,
    ) -> None:
        self.engine = engine
        self.mounts = {s.dialect.path.strip("/"): Mount(s) for s in services}
        self.ports = {
            m.service.dialect.classic_port: m for m in self.mounts.values() if m.service.dialect.classic_port
        }
        self._described: dict[str, bytes] = {}
        self.extra = {"metrics": self._metrics, "healthz": _healthy, **(extra or {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(Request(scope, receive), send)

    async def _http(self, request: Request, send: Send) -> None:
        preflight = self.engine.cors.preflight(request)
        if preflight is not None:
            await preflight.send(send)
            return
        segments = request.segments()
        mount, rest, prefix = self._mount(request.scope, segments)
        if mount is None:
            response = await self._outside(request, segments)
            await response.send(send, head=request.method == "HEAD")
            return
        if rest == [DESCRIPTION] and request.method in READS:
            described = self._describe(mount.service)
            await Response(200, described, {"Content-Type": JSON}).send(send, head=request.method == "HEAD")
            return
        await self._serve(mount, rest, prefix, request, send)

    def _describe(self, service: Service) -> bytes:
        """Return the service's OpenAPI document, made at its first use."""
        if service.name not in self._described:
            self._described[service.name] = msgspec.json.encode(document(service))
        return self._described[service.name]

    async def _serve(
        self, mount: Mount, segments: list[str], prefix: str, request: Request, send: Send
    ) -> None:
        ctx = self._context(mount, prefix, request)
        started = clock.monotonic()
        failed: Exception | None = None
        try:
            response = await handle(ctx, mount, segments)
            for name, value in ctx.headers.items():
                response.headers.setdefault(name, value)
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001  every fault becomes an answer
            response, failed = response_to(error, ctx), error
        self._stamp(ctx, response)
        await response.send(send, head=request.method == "HEAD")
        self._tell(ctx, response, clock.monotonic() - started)
        if failed is not None and self.engine.refused is not None:
            await self.engine.refused(ctx, failed)

    def _tell(self, ctx: Ctx, response: Response, seconds: float) -> None:
        """Count and log an answer."""
        operation = getattr(ctx, "operation", None)
        name = operation.name if operation is not None else "none"
        self.engine.metrics.answered(ctx.service.name, name, response.status, seconds)
        log.debug(
            "request",
            request_id=ctx.request_id,
            method=ctx.request.method,
            path=loggable(ctx.request.path),
            status=response.status,
            ms=round(seconds * 1000, 1),
        )

    def _context(self, mount: Mount, prefix: str, request: Request) -> Ctx:
        ctx = Ctx(self.engine, mount.service, request)
        ctx.root_url = self.engine.public_url or origin(request)
        ctx.base_url = ctx.root_url + prefix + mount.service.dialect.version_path
        wanted = request.headers.get("x-openstack-request-id")
        if wanted and _GLOBAL_ID.fullmatch(wanted):
            structlog.contextvars.bind_contextvars(global_request_id=wanted)
        return ctx

    def _stamp(self, ctx: Ctx, response: Response) -> None:
        dialect = ctx.service.dialect
        for name in dialect.request_id_headers:
            response.headers[name] = ctx.request_id
        for name, value in dialect.headers.items():
            response.headers.setdefault(name, value)
        for name, value in self.engine.cors.headers(ctx.request).items():
            said = response.headers.get(name)
            response.headers[name] = f"{said}, {value}" if said and name == "Vary" else value

    def _mount(self, scope: Scope, segments: list[str]) -> tuple[Mount | None, list[str], str]:
        """Find the service: by its classic port, else by the path's first part."""
        server = scope.get("server")
        mount = self.ports.get(server[1]) if server else None
        if mount is not None and not (segments and segments[0] in self.mounts):
            return mount, segments, ""
        if segments and segments[0] in self.mounts:
            mount = self.mounts[segments[0]]
            return mount, segments[1:], mount.service.dialect.path
        return None, segments, ""

    async def _outside(self, request: Request, segments: list[str]) -> Response:
        handler = self.extra.get(segments[0] if segments else "")
        if handler is not None:
            return await handler(request)
        if segments:
            return Response(404, {"error": {"code": 404, "message": "No service here."}})
        here = origin(request)
        listed = {name: f"{here}/{name}" for name in sorted(self.mounts)}
        return Response(200, {"cumulo": {"services": listed}})

    async def _metrics(self, request: Request) -> Response:
        del request
        kind, body = self.engine.metrics.exposition()
        return Response(200, body, {"Content-Type": kind})

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send, self.engine.bindings)
        mount, rest, _ = self._mount(scope, Request(scope, receive).segments())
        opened = mount.websockets.get("/" + "/".join(rest)) if mount else None
        if opened is None:
            await socket.refuse()
        else:
            await opened(socket)


async def _healthy(request: Request) -> Response:
    """Answer while the loop turns."""
    del request
    return Response(200, {"status": "ok"})


def origin(request: Request) -> str:
    """Return `scheme://host:port` as the client wrote it."""
    host = request.headers.get("host")
    if host is None:
        server = request.scope.get("server") or ("127.0.0.1", 80)
        host = f"{server[0]}:{server[1]}"
    scheme = request.headers.get("x-forwarded-proto") or request.scope.get("scheme", "http")
    return f"{scheme}://{host}"
