"""A resource: declared, not coded. List and show follow from the view; the rest from small handlers."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import msgspec

from cumulo.core import clock
from cumulo.core.auth import Rule
from cumulo.core.db import Model
from cumulo.core.errors import NotFound
from cumulo.core.flags import Guarded, flags_of
from cumulo.core.http.body import BodyForm
from cumulo.core.http.context import Ctx
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
from cumulo.core.resource.listing import list_response, only
from cumulo.core.resource.query import Filter
from cumulo.core.resource.view import View

Scope = Callable[[Ctx, Any], Sequence[Any]]
Build = Callable[[Dialect], Operation]


def PROJECT(ctx: Ctx, model: Any) -> Sequence[Any]:  # noqa: N802  reads as the constant it is in declarations
    """Scope: the caller's project's own rows; every row for an administrator."""
    return () if ctx.identity.is_admin else (model.c.project_id == ctx.identity.project_id,)


def GLOBAL(ctx: Ctx, model: Any) -> Sequence[Any]:  # noqa: ARG001, N802  as above
    """Scope: every row."""
    return ()


class Resource:
    """One kind of thing under one path.

    name, plural: its keys on the wire. scope: the conditions of what a caller may touch at all; outside of
    it is 404. key: the attribute that the path names. order: lists' default order (`created_at:desc`).
    missing: the error for an unknown one, given `id=`. quota: what creating one claims.
    """

    def __init__(
        self,
        name: str,
        path: str,
        *,
        model: type[Model],
        view: type[View],
        scope: Scope,
        plural: str | None = None,
        key: str = "id",
        parameter: str | None = None,
        order: Sequence[str] = (),
        missing: type[NotFound] = NotFound,
        quota: dict[str, int] | None = None,
        target: Callable[[Ctx], Any] | None = None,
    ) -> None:
        self.name = name
        self.plural = plural or f"{name}s"
        self.path = path
        self.model = model
        self.view = view
        self.scope = scope
        self.key = key
        self.parameter = parameter or f"{name.replace('-', '_')}_id"
        self.order = tuple(order)
        self.missing = missing
        self.quota = quota or {}
        self.target = target
        self.filters: dict[str, Filter] = {}
        self._builds: list[Build] = []

    @property
    def item(self) -> str:
        """The path of one."""
        return f"{self.path}/{{{self.parameter}}}"

    def operations(self, dialect: Dialect) -> Iterable[Operation]:
        """Return the operations as this dialect writes them."""
        return [build(dialect) for build in self._builds]

    def filter(self, name: str) -> Callable[[Filter], Filter]:
        """Declare a list parameter of its own: (ctx, value) → condition, or None for no condition."""

        def declare(function: Filter) -> Filter:
            self.filters[name] = function
            return function

        return declare

    def list(
        self,
        *,
        policy: Rule,
        detail: Rule | None = None,
        brief: type[View] | None = None,
        before: Callable[[Ctx], Awaitable[None]] | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> None:
        """Declare the list; with `detail`, the full view at `/detail` and `brief` at the plain path.

        before: what must be so before anything is listed; the list is in a transaction then.
        """
        options = {"since": since, "until": until, "before": before}
        self._listing(self.path, "list", policy, brief or self.view, dict(options))
        if detail is not None:
            self._listing(f"{self.path}/detail", "detail", detail, self.view, dict(options))

    def _listing(self, path: str, verb: str, policy: Rule, view: type[View], options: dict[str, Any]) -> None:
        before = options.pop("before")

        async def run(ctx: Ctx) -> Response:
            if before is not None:
                await before(ctx)
            return await list_response(ctx, self, view)

        self._add(
            verb=verb, method="GET", path=path, policy=policy, run=run, view=view, lists=True,
            writes=before is not None, summary=f"List {self.plural}.", **options,
        )  # fmt: skip

    def show(
        self,
        *,
        policy: Rule,
        status: int = 200,
        view: type[View] | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> None:
        """Declare the show."""

        async def run(ctx: Ctx) -> Any:
            return ctx.target

        self._add(
            verb="show", method="GET", path=self.item, policy=policy, run=run, writes=False, load=self.load,
            view=view, summary=f"Show one {self.name}.", status=status, since=since, until=until,
        )  # fmt: skip

    def create(
        self, *, policy: Rule, status: int = 201, envelope: str | None = None, view: type[View] | None = None,
        since: str | None = None, until: str | None = None,
    ) -> Callable[[Handler], Handler]:  # fmt: skip
        """Declare the create: the handler takes the body and returns the new row.

        envelope: the key around the body; `""` for none, where the body's type holds it itself.
        """
        return self._handled(
            "create", "POST", self.path, policy, status=status, envelope=envelope, view=view,
            since=since, until=until, quota=self.quota, target=self.target,
        )  # fmt: skip

    def update(
        self, body: Any = None, *, policy: Rule, status: int = 200, envelope: str | None = None,
        view: type[View] | None = None, since: str | None = None, until: str | None = None,
    ) -> Callable[[Handler], Handler]:  # fmt: skip
        """Declare the update: of plain columns with a body type alone, else as a decorator."""
        options = {"status": status, "envelope": envelope, "view": view, "since": since, "until": until}
        declare = self._handled("update", "", self.item, policy, load=self.load, **options)
        if body is not None:

            async def apply(ctx: Ctx, body: Any) -> Any:
                return await save_changes(ctx, ctx.target, body.given())

            apply.__doc__ = f"Update one {self.name}."
            apply.__annotations__["body"] = body
            declare(apply)
        return declare

    def delete(
        self, *, policy: Rule, status: int = 204, plain: bool = False, since: str | None = None
    ) -> Callable[[Handler], Handler]:
        """Declare the delete; `plain`: the row just goes, no handler needed."""
        declare = self._handled(
            "delete", "DELETE", self.item, policy, status=status, load=self.load, since=since
        )
        if plain:

            async def remove(ctx: Ctx) -> None:
                column = self.model.c[self.key]
                await ctx.db.delete(
                    self.model, column == getattr(ctx.target, self.key), *self.scope(ctx, self.model)
                )

            remove.__doc__ = f"Delete one {self.name}."
            declare(remove)
        return declare

    def action(
        self, key: str, *, policy: Rule, status: int = 202, since: str | None = None,
        until: str | None = None, view: type[View] | None = None,
    ) -> Callable[[Handler], Handler]:  # fmt: skip
        """Declare an action: `POST {item}/action` with `key` as the body's only key."""
        return self._handled(
            f"action.{key}", "POST", f"{self.item}/action", policy, status=status, load=self.load,
            action=key, since=since, until=until, view=view,
        )  # fmt: skip

    def member(
        self, method: str, path: str, *, policy: Rule, status: int = 200, envelope: str = "",
        since: str | None = None, until: str | None = None, view: type[View] | None = None,
        media: tuple[str, ...] = ("application/json",), target: Callable[[Ctx], Any] | None = None,
    ) -> Callable[[Handler], Handler]:  # fmt: skip
        """Declare something at or below one item's path, with its row loaded.

        target: what the policy is checked against, where that is not the row itself.
        """
        verb = f"{method.lower()}{path.replace('/', '.')}"
        return self._handled(
            verb, method, f"{self.item}{path}", policy, status=status, load=self.load, envelope=envelope,
            since=since, until=until, view=view, writes=method not in READS, media=media,
            target=target,
        )  # fmt: skip

    async def load(self, ctx: Ctx) -> Any:
        """Fetch the row that the path names, within the caller's scope; NotFound.

        What changes it has it alone: what is read of it is so until it is written.
        """
        wanted, model = ctx.params[self.parameter], self.model
        where = (model.c[self.key] == wanted, *self.scope(ctx, model))
        row = await ctx.db.one(model, *where, for_update=ctx.operation.writes)
        if row is None:
            raise self.missing(id=wanted)
        return row

    def _handled(
        self, verb: str, method: str, path: str, policy: Rule, **options: Any
    ) -> Callable[[Handler], Handler]:
        def declare(handler: Handler) -> Handler:
            summary = summary_of(handler, f"{verb} {self.name}")
            self._add(
                verb=verb,
                method=method,
                path=path,
                policy=policy,
                handler=handler,
                summary=summary,
                **options,
            )
            return handler

        return declare

    def _add(
        self, *, verb: str, method: str, path: str, policy: Rule, summary: str,
        handler: Handler | None = None, run: Callable[[Ctx], Awaitable[Any]] | None = None,
        envelope: str | None = None, view: type[View] | None = None, since: str | None = None,
        until: str | None = None, action: str | None = None, **options: Any,
    ) -> None:  # fmt: skip
        shown = view or self.view

        async def render(ctx: Ctx, result: Any) -> Response:
            return await self.respond(ctx, result, shown)

        def build(dialect: Dialect) -> Operation:
            parts = (p.strip("{}").rstrip("+") for p in path.split("/") if p.startswith("{"))
            does = run or _guarded(caller(handler, tuple(parts)) if handler else _nothing, handler)
            return Operation(
                name=f"{self.plural}.{verb}",
                method=method or dialect.update_method,
                path=path,
                policy=policy,
                run=does,
                render=render,
                summary=summary,
                body=self._form(handler, envelope, action, dialect),
                since=version_or_none(since),
                until=version_or_none(until),
                action=action,
                view=shown,
                conceals=dialect.conceals and verb == "show",
                **options,
            )

        self._builds.append(build)

    def _form(
        self, handler: Handler | None, envelope: str | None, action: str | None, dialect: Dialect
    ) -> BodyForm | None:
        hints = hints_of(handler) if handler else {}
        if "body" not in hints:
            return None
        if action is not None:
            return BodyForm(hints["body"])
        key = envelope if envelope is not None else (self.name if dialect.wrapped else "")
        return BodyForm(hints["body"], key or None, self.plural if dialect.bulk_create else None)

    async def respond(self, ctx: Ctx, result: Any, view: type[View]) -> Response:
        """Render what an operation returned: rows by the view, anything else as it is."""
        status = ctx.operation.status
        if isinstance(result, Response):
            return result
        if result is None:
            return Response(status)
        wrapped = ctx.service.dialect.wrapped
        if isinstance(result, Model):
            shape = only(ctx, (await view.render(ctx, [result]))[0])
            return Response(status, {self.name: shape} if wrapped else shape)
        if isinstance(result, list) and all(isinstance(row, Model) for row in result):
            return Response(status, {self.plural: await view.render(ctx, result)})
        return Response(status, result)


async def _nothing(ctx: Ctx) -> None:
    """Do nothing: an operation whose whole effect is its declaration."""


def _guarded(
    run: Callable[[Ctx], Awaitable[Any]], handler: Handler | None
) -> Callable[[Ctx], Awaitable[Any]]:
    """Check the rules of guarded fields that say more than their default; spread a bulk body."""
    kind = hints_of(handler).get("body") if handler else None
    rules: dict[str, Rule] = {}
    plain: dict[str, Any] = {}
    if isinstance(kind, type) and hasattr(kind, "__struct_fields__"):
        flags = flags_of(kind)
        rules = {n: f.rule for n, found in flags.items() for f in found if isinstance(f, Guarded)}
        plain = {field.name: field.default for field in msgspec.structs.fields(kind)}

    async def one(ctx: Ctx) -> Any:
        if rules:
            given = ctx.body.given()
            for name in rules.keys() & given.keys():
                if given[name] != plain[name]:
                    ctx.authorise(rules[name], ctx.target)
        return await run(ctx)

    async def guarded(ctx: Ctx) -> Any:
        if not isinstance(ctx.body, list):
            return await one(ctx)
        results = []
        for body in list(ctx.body):
            ctx.body = body
            results.append(await one(ctx))
        return results

    return guarded if kind is not None else run


async def save_changes(ctx: Ctx, row: Any, changes: dict[str, Any]) -> Any:
    """Write changed attributes of a row, and its `updated_at` where it has one."""
    for name, value in changes.items():
        setattr(row, name, value)
    if "updated_at" in row.__struct_fields__:
        row.updated_at = changes["updated_at"] = clock.now()
    if changes:
        await ctx.db.save(row, *changes)
    return row
