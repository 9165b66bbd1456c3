"""A service: what one of OpenStack's projects is here, as one value that the runtime composes."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from cumulo.core.http.body import BodyForm
from cumulo.core.http.dialect import Dialect
from cumulo.core.http.messages import Response
from cumulo.core.http.operation import (
    READS,
    Handler,
    Operation,
    caller,
    hints_of,
    summary_of,
    version_or_none,
)

if TYPE_CHECKING:
    from cumulo.core.auth import Rule
    from cumulo.core.config import Section
    from cumulo.core.http.context import Ctx
    from cumulo.core.http.websockets import WebSocket
    from cumulo.core.quota import Limits

Opened = Callable[["WebSocket"], Awaitable[None]]


class Part(Protocol):
    """What a service is made of: a Resource or a RouteSet."""

    def operations(self, dialect: Dialect) -> Iterable[Operation]:
        """Return the operations that the declarations add up to."""


class RouteSet:
    """Operations that are no resource: tokens, discovery, image data, consoles.

    They go down the same pipeline and stand in the same registry as every other.
    """

    def __init__(self) -> None:
        self._operations: list[Operation] = []
        self.websockets: dict[str, Opened] = {}

    def route(
        self,
        method: str,
        path: str,
        *,
        policy: "Rule | None",
        status: int = 200,
        envelope: str | None = None,
        stream: bool = False,
        transaction: bool | None = None,
        since: str | None = None,
        until: str | None = None,
        at_root: bool = False,
        action: str | None = None,
        media: tuple[str, ...] = ("application/json",),
        target: "Callable[[Ctx], Any] | None" = None,
        load: "Callable[[Ctx], Awaitable[Any]] | None" = None,
    ) -> Callable[[Handler], Handler]:
        """Declare a route. The handler may return a Response, None, or anything JSON can hold.

        load: fetches what the policy is checked against; the handler gets it as its remaining parameter.
        transaction: by the method when None; False leaves it to the handler to open what it needs.
        """

        def declare(handler: Handler) -> Handler:
            hints = hints_of(handler)
            parts = [p for p in path.split("/") if p.startswith("{")]
            parameters = tuple(p.strip("{}").rstrip("+") for p in parts)
            operation = Operation(
                name=handler.__name__,
                method=method,
                path=path,
                policy=policy,
                run=caller(handler, parameters),
                render=_plain,
                summary=summary_of(handler, handler.__name__),
                status=status,
                body=BodyForm(hints["body"], envelope) if "body" in hints else None,
                since=version_or_none(since),
                until=version_or_none(until),
                stream=stream,
                at_root=at_root,
                writes=method not in READS if transaction is None else transaction,
                alone=transaction is False,
                media=media,
                target=target,
                load=load,
                action=action,
            )
            self._operations.append(operation)
            return handler

        return declare

    def websocket(self, path: str) -> Callable[[Opened], Opened]:
        """Declare a WebSocket at a path below the service's mount point."""

        def declare(opened: Opened) -> Opened:
            self.websockets[path] = opened
            return opened

        return declare

    def operations(self, dialect: Dialect) -> Iterable[Operation]:
        """Return what was declared; routes need nothing of the dialect."""
        del dialect
        return self._operations


async def _plain(ctx: "Ctx", result: Any) -> Response:
    """Render what a route returned."""
    if isinstance(result, Response):
        return result
    status = ctx.operation.status
    return Response(status) if result is None else Response(status, result)


@dataclass(frozen=True, kw_only=True)
class Service:
    """One service.

    types: its catalog types, the official one first. endpoint: its catalog entry's URL below the mount
    point, such as `/v2.1`. adapters: contract → factory of what fulfils it. owned: what fulfils
    `cumulo.contracts.ownership.Ownership`, where projects own something here. sealed: what fulfils
    `cumulo.contracts.sealing.Sealing`, where secrets are kept sealed here.
    """

    name: str
    types: tuple[str, ...]
    dialect: Dialect
    parts: tuple[Part, ...] = ()
    rules: "tuple[Rule, ...]" = ()
    sagas: tuple[type, ...] = ()
    reconcilers: tuple[Any, ...] = ()
    schedules: tuple[Any, ...] = ()
    settings: "type[Section] | None" = None
    limits: "Limits | None" = None
    adapters: Mapping[type, Callable[..., Any]] = field(default_factory=dict)
    owned: Any = None
    sealed: Any = None
    endpoint: str = ""
    known_as: str = ""  # OpenStack's project name, as the catalog shows it
    description: str = ""

    def operations(self) -> list[Operation]:
        """Return every operation of the service."""
        return [operation for part in self.parts for operation in part.operations(self.dialect)]

    def websockets(self) -> dict[str, Opened]:
        """Return every WebSocket of the service, by path."""
        found: dict[str, Opened] = {}
        for part in self.parts:
            found.update(getattr(part, "websockets", {}))
        return found
