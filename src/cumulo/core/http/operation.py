"""An operation: one thing that a service does over HTTP, declared once and walked by tests and docs."""

import inspect
import typing
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cumulo.core.http.body import BodyForm
from cumulo.core.http.messages import Response
from cumulo.core.microversions import Version, parse

if TYPE_CHECKING:
    from cumulo.core.auth import Rule
    from cumulo.core.http.context import Ctx

Handler = Callable[..., Awaitable[Any]]
READS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation.

    path: below the service's version path (below its mount point when `at_root`). policy: the rule that
    guards it; None: open to all. run: does it and returns a result; render: turns that into a response.
    load: fetches the row it acts on, in the caller's scope. target: what the policy is checked
    against. since, until: the microversions that have it. stream: the body is left unread and no
    transaction is opened. alone: the caller is admitted, then nothing is open; the handler opens a reader
    or a transaction around what takes long. action: the body's only key, where several operations share
    a path.
    """

    name: str
    method: str
    path: str
    policy: "Rule | None"
    run: "Callable[[Ctx], Awaitable[Any]]"
    render: "Callable[[Ctx, Any], Awaitable[Response]]"
    summary: str
    status: int = 200
    action: str | None = None
    body: BodyForm | None = None
    load: "Callable[[Ctx], Awaitable[Any]] | None" = None
    target: "Callable[[Ctx], Any] | None" = None
    since: Version | None = None
    until: Version | None = None
    stream: bool = False
    alone: bool = False
    at_root: bool = False
    writes: bool = True
    conceals: bool = False  # a caller who may not do it is told 404, not 403
    media: tuple[str, ...] = ("application/json",)
    quota: Mapping[str, int] = field(default_factory=dict)
    view: Any = None
    lists: bool = False

    @property
    def changes(self) -> bool:
        """Say whether it is meant to change something."""
        return self.method not in READS

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names in the path's braces, in order."""
        parts = self.path.split("/")
        return tuple(part.strip("{}").rstrip("+") for part in parts if part.startswith("{"))

    def serves(self, version: Version | None) -> bool:
        """Say whether this version of the API has the operation."""
        if version is None:
            return True
        return (self.since is None or version >= self.since) and (self.until is None or version <= self.until)


def version_or_none(text: str | None) -> Version | None:
    """Read a declaration's `since=` or `until=`."""
    return None if text is None else parse(text)


def summary_of(handler: Handler, fallback: str) -> str:
    """Return the first line of a handler's docstring."""
    text = inspect.getdoc(handler)
    return text.splitlines()[0] if text else fallback


def hints_of(handler: Handler) -> dict[str, Any]:
    """Return a handler's parameters with their types, `Annotated` kept; without `ctx` and `return`."""
    hints = typing.get_type_hints(handler, include_extras=True)
    names = inspect.signature(handler).parameters
    return {name: hints.get(name, Any) for name in names if name != "ctx"}


def caller(handler: Handler, parameters: tuple[str, ...]) -> "Callable[[Ctx], Awaitable[Any]]":
    """Bind a handler's parameters by name: path values, `body`; the remaining one is the loaded row."""
    getters = [_getter(name, parameters) for name in hints_of(handler)]
    if not getters:
        return handler

    async def call(ctx: "Ctx") -> Any:
        return await handler(ctx, *[getter(ctx) for getter in getters])

    return call


def _getter(name: str, parameters: tuple[str, ...]) -> "Callable[[Ctx], Any]":
    if name == "body":
        return lambda ctx: ctx.body
    if name in parameters:
        return lambda ctx: ctx.params[name]
    return lambda ctx: ctx.target
