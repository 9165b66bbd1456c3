"""Views: how a row looks on the wire, compiled to one function per version and visibility.

A view names its fields; each shows the row's attribute of the same name unless a flag says otherwise. The
compiled function fills a copy of one dict in straight lines, so that a thousand rows cost a few milliseconds.
"""

import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, ClassVar

import msgspec

from cumulo.core.auth import Rule
from cumulo.core.db.types import from_microseconds
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

    @property
    def is_instant(self) -> bool:
        """Whether the field is an instant that the row has."""
        return self.kind is datetime and self.computed is None and self.spread is None

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
    async def render(cls, ctx: Ctx, rows: Sequence[Any], *, final: bool = False) -> list[Any]:
        """Turn rows into what the client of this request may see of them.

        final: nobody but the encoder will look at it. It need not be a dict then, and costs less.
        """
        extra = await cls.preload(ctx, rows) if cls.preload is not View.preload else None
        page = PageContext(ctx, extra)
        renderer = cls.renderer(ctx, final=final)
        shapes = [renderer(row, page) for row in rows]
        version = ctx.version
        if version is not None:
            for shim in cls.shims:
                if version <= shim.until:
                    shapes = [shim.change(shape) for shape in shapes]
        return shapes

    @classmethod
    def renderer(cls, ctx: Ctx, *, final: bool = False) -> Renderer:
        """Return the compiled function for this request's version and caller."""
        timestamp, fields = ctx.service.dialect.timestamp, cls._shown(ctx)
        in_lines = final and not cls.shims and all(field.spread is None for field in fields)
        key = (timestamp, in_lines, tuple(field.attribute for field in fields))
        renderer = cls._renderers.get(key)
        if renderer is None:
            make = lines if in_lines else compiled
            renderer = cls._renderers[key] = make(fields, timestamp)
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
        if None in reads or not wanted.issubset(model.__struct_fields__):
            return model
        instants = [field.source for field in cls._shown(ctx) if field.is_instant]
        others = [field.reads or () for field in cls._shown(ctx) if not field.is_instant]
        return _lean(model, wanted, frozenset(instants).difference(besides, *others))


@lru_cache(maxsize=512)
def _lean(model: Any, names: frozenset[str], numbers: frozenset[str]) -> Any:
    """Return a struct for some of a model's columns, which `Reader.all` takes in its place.

    numbers: those of instants that may stay as the database has them, for `_writing`.
    """
    fields: list[tuple[str, Any]] = [(name, Any) for name in model.__struct_fields__ if name in names]
    of = {"table": model.table, "c": model.c, "numbers": numbers}
    return msgspec.defstruct(f"{model.__name__}Line", fields, namespace=of, gc=False)


@cache
def _writing(timestamp: Callable[[datetime], str]) -> Callable[[datetime | int], str]:
    """Return how instants are written, numbers of microseconds too: rows often share a second with others."""
    grain = 1_000_000 if timestamp(from_microseconds(0)) == timestamp(from_microseconds(1000)) else 1

    @lru_cache(maxsize=4096)
    def of(number: int) -> str:
        return timestamp(from_microseconds(number * grain))

    return lambda instant: of(instant // grain) if isinstance(instant, int) else timestamp(instant)


def compiled(fields: Sequence[FieldPlan], timestamp: Callable[[datetime], str]) -> Renderer:
    """Write and compile the function that renders these fields."""
    names: dict[str, Any] = {"t": _writing(timestamp), "UNSET": msgspec.UNSET}
    always, after = {}, []
    for number, field in enumerate(fields):
        value = _value(number, field, names)
        if field.spread is not None:
            after.append(f" d.update({value})")
        elif field.computed is not None and field.computed.optional:
            after.append(f" v = {value}\n if v is not UNSET: d[{field.wire!r}] = v")
        else:
            always[field.wire] = value
    # A display of more than 15 entries makes several dicts and merges them: a copy that is filled does not.
    names["blank"] = dict.fromkeys(always)
    filled = [f" d[{wire!r}] = {value}" for wire, value in always.items()]
    source = ["def render(row, page):", " d = blank.copy()", *filled, *after, " return d"]
    # The text holds only names from class bodies of this package: no request reaches it.
    exec("\n".join(source), names)  # noqa: S102  a loop over the fields takes several times as long
    return typing.cast("Renderer", names["render"])


def lines(fields: Sequence[FieldPlan], timestamp: Callable[[datetime], str]) -> Renderer:
    """As `compiled`, but into structs, which are written in little more than half of a dict's time."""
    names: dict[str, Any] = {"t": _writing(timestamp)}
    values = [_value(number, field, names) for number, field in enumerate(fields)]
    wires = {f"f{number}": field.wire for number, field in enumerate(fields)}
    names["line"] = msgspec.defstruct("Line", [(name, Any) for name in wires], rename=wires, gc=False)
    text = f"lambda row, page: line({', '.join(values)})"
    return typing.cast("Renderer", eval(text, names))  # noqa: S307  the text is made of class bodies' names alone


def _value(number: int, field: FieldPlan, names: dict[str, Any]) -> str:
    """Return the text of a field's value; what it calls comes to the names."""
    called = field.spread or field.computed
    if called is not None:
        names[f"f{number}"] = called.function
        return f"f{number}(row, page)"
    value = f"row.{field.source}"
    return f"None if {value} is None else t({value})" if field.is_instant else value


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
