"""Views: how a row looks on the wire, compiled to one function per version and visibility.

A view names its fields; each shows the row's attribute of the same name unless a flag says otherwise. The
compiled function fills a copy of one dict in straight lines, so that a thousand rows cost a few milliseconds.
"""

import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar

import msgspec

from cumulo.core.auth import Rule
from cumulo.core.flags import (
    Computed,
    Filterable,
    Since,
    Sortable,
    Source,
    Spread,
    Until,
    VisibleTo,
    Wire,
    flags_in,
)
from cumulo.core.http.context import Ctx
from cumulo.core.microversions import Version, parse

Shape = dict[str, Any]
Renderer = Callable[[Any, "PageContext"], Shape]


@dataclass(frozen=True, slots=True)
class PageContext:
    """What computed fields may look at: the request, and what the view's `preload` returned."""

    ctx: Ctx
    extra: Any = None

    @property
    def base_url(self) -> str:
        """The service's URL with its version, for links."""
        return self.ctx.base_url


@dataclass(frozen=True)
class FieldPlan:
    """One field of a view, its flags read once."""

    attribute: str
    wire: str
    source: str
    kind: type
    computed: Computed | None
    spread: Spread | None
    since: Version | None
    until: Version | None
    rules: tuple[Rule, ...]
    filterable: bool
    sortable: bool

    @property
    def reads(self) -> tuple[str, ...] | None:
        """What of a row the field shows; None when nobody says."""
        if self.spread is not None:
            return None
        return (self.source,) if self.computed is None else self.computed.reads

    def in_version(self, version: Version | None) -> bool:
        """Say whether this version of the API has the field."""
        if version is None:
            return True
        return (self.since is None or version >= self.since) and (self.until is None or version <= self.until)


@dataclass(frozen=True)
class Shim:
    """A pure change of shape for versions up to `until`."""

    until: Version
    change: Callable[[Shape], Shape]


class View:
    """A resource on the wire. Subclass with `model=`, annotate fields, add flags by `Annotated`."""

    model: ClassVar[Any] = None
    fields: ClassVar[tuple[FieldPlan, ...]] = ()
    shims: ClassVar[list[Shim]]
    _renderers: ClassVar[dict[Any, Renderer]]
    _choices: ClassVar[dict[Any, tuple[FieldPlan, ...]]]
    _rules: ClassVar[tuple[Rule, ...]]

    def __init_subclass__(cls, *, model: Any = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if model is not None:
            cls.model = model
        hints = typing.get_type_hints(cls, include_extras=True)
        cls.fields = tuple(_plan(name, hint) for name, hint in hints.items() if not _is_class(hint))
        cls.shims = list(getattr(cls, "shims", ()))
        cls._renderers, cls._choices = {}, {}
        cls._rules = tuple(dict.fromkeys(rule for field in cls.fields for rule in field.rules))

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> Any:
        """Fetch, for a whole page at once, what computed fields need besides the rows."""

    @classmethod
    def shim(cls, until: str) -> Callable[[Callable[[Shape], Shape]], Callable[[Shape], Shape]]:
        """Declare a change of shape for versions up to and with `until`; newest first."""

        def declare(change: Callable[[Shape], Shape]) -> Callable[[Shape], Shape]:
            cls.shims.append(Shim(parse(until), change))
            return change

        return declare

    @classmethod
    async def render(cls, ctx: Ctx, rows: Sequence[Any]) -> list[Shape]:
        """Turn rows into what the client of this request may see of them."""
        extra = await cls.preload(ctx, rows) if cls.preload is not View.preload else None
        page = PageContext(ctx, extra)
        renderer = cls.renderer(ctx)
        shapes = [renderer(row, page) for row in rows]
        version = ctx.version
        if version is not None:
            for shim in cls.shims:
                if version <= shim.until:
                    shapes = [shim.change(shape) for shape in shapes]
        return shapes

    @classmethod
    def renderer(cls, ctx: Ctx) -> Renderer:
        """Return the compiled function for this request's version and caller."""
        timestamp, fields = ctx.service.dialect.timestamp, cls._shown(ctx)
        key = (timestamp, tuple(field.attribute for field in fields))
        renderer = cls._renderers.get(key)
        if renderer is None:
            renderer = cls._renderers[key] = compiled(fields, timestamp)
        return renderer

    @classmethod
    def _shown(cls, ctx: Ctx) -> tuple[FieldPlan, ...]:
        """Return the fields that this version has and this caller may see."""
        passed = tuple(map(ctx.may, cls._rules))
        shown = cls._choices.get((ctx.version, passed))
        if shown is None:
            may = dict(zip(cls._rules, passed, strict=True))
            here = (field for field in cls.fields if field.in_version(ctx.version))
            shown = tuple(field for field in here if all(may[rule] for rule in field.rules))
            cls._choices[ctx.version, passed] = shown
        return shown

    @classmethod
    def rows(cls, ctx: Ctx, model: Any, *besides: str) -> Any:
        """Return what a list reads its rows into, `besides` included; the model where no less is enough."""
        reads = [field.reads for field in cls._shown(ctx)]
        wanted = frozenset(besides).union(*(names for names in reads if names is not None))
        enough = None not in reads and wanted.issubset(model.__struct_fields__)
        return _lean(model, wanted) if enough else model


@lru_cache(maxsize=512)
def _lean(model: Any, names: frozenset[str]) -> Any:
    """Return a struct for some of a model's columns, which `Reader.all` takes in its place."""
    fields: list[tuple[str, Any]] = [(name, Any) for name in model.__struct_fields__ if name in names]
    of = {"table": model.table, "c": model.c}
    return msgspec.defstruct(f"{model.__name__}Line", fields, namespace=of, gc=False)


def compiled(fields: Sequence[FieldPlan], timestamp: Callable[[datetime], str]) -> Renderer:
    """Write and compile the function that renders these fields."""
    names: dict[str, Any] = {"t": timestamp, "UNSET": msgspec.UNSET}
    always, after = {}, []
    for number, field in enumerate(fields):
        if field.spread is not None:
            names[f"f{number}"] = field.spread.function
            after.append(f" d.update(f{number}(row, page))")
        elif field.computed is not None:
            names[f"f{number}"] = field.computed.function
            if field.computed.optional:
                after.append(f" v = f{number}(row, page)\n if v is not UNSET: d[{field.wire!r}] = v")
            else:
                always[field.wire] = f"f{number}(row, page)"
        elif field.kind is datetime:
            value = f"row.{field.source}"
            always[field.wire] = f"None if {value} is None else t({value})"
        else:
            always[field.wire] = f"row.{field.source}"
    # A display of more than 15 entries makes several dicts and merges them: a copy that is filled does not.
    names["blank"] = dict.fromkeys(always)
    filled = [f" d[{wire!r}] = {value}" for wire, value in always.items()]
    lines = ["def render(row, page):", " d = blank.copy()", *filled, *after, " return d"]
    # The text holds only names from class bodies of this package: no request reaches it.
    exec("\n".join(lines), names)  # noqa: S102  straight lines are what makes lists cheap
    return typing.cast("Renderer", names["render"])


def _plan(attribute: str, hint: Any) -> FieldPlan:
    flags = flags_in(hint)

    def first(kind: type) -> Any:
        return next((flag for flag in flags if isinstance(flag, kind)), None)

    wire, source, since, until = first(Wire), first(Source), first(Since), first(Until)
    return FieldPlan(
        attribute=attribute,
        wire=wire.name if wire else attribute,
        source=source.attribute if source else attribute,
        kind=plain_kind(hint),
        computed=first(Computed),
        spread=first(Spread),
        since=since.version if since else None,
        until=until.version if until else None,
        rules=tuple(flag.rule for flag in flags if isinstance(flag, VisibleTo)),
        filterable=Filterable in flags,
        sortable=Sortable in flags,
    )


def plain_kind(hint: Any) -> type:
    """Return the class behind an annotation: `Annotated[str | None, …]` is str; unclear: object."""
    if typing.get_origin(hint) is typing.Annotated:
        return plain_kind(hint.__origin__)
    if isinstance(hint, type):
        return hint
    inner = [plain_kind(a) for a in typing.get_args(hint) if a not in (type(None), msgspec.UnsetType)]
    return inner[0] if len(inner) == 1 else object


def _is_class(hint: Any) -> bool:
    return typing.get_origin(hint) is ClassVar or hint is ClassVar
