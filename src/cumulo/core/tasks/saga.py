"""Sagas: durable work declared as a list of parts, each with its undo.

A *step* touches only the database and commits together with the record that it is done: exactly once. An
*effect* touches the world with no transaction open, and after a crash it runs again: so what it calls must be
idempotent. Names of sagas and parts are stored; renaming one strands the tasks that are under way.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Generic, TypeVar, cast, get_type_hints, overload

import msgspec

from cumulo.core.tasks.runs import EffectRun, StepRun, TaskError

S = TypeVar("S")
T = TypeVar("T")

Body = Callable[[Any, Any], Awaitable[Any]]
When = Callable[[Any, Any], bool]


class Part(Generic[T]):
    """One part of a saga. `run[CreateServer.place]` gives its recorded result."""

    def __init__(self, body: Body, *, when: When | None, retries: int, timeout: float | None) -> None:
        self.body = body
        self.when = when
        self.retries = retries
        self.timeout = timeout
        self.name: str = body.__name__
        self.summary = " ".join((body.__doc__ or self.name).split())
        self.undoing: Body | None = None
        self._shape: Any = None

    def decode(self, result: msgspec.Raw | None) -> T:
        """Return a recorded result in the type that the part's annotation promises."""
        if result is None:
            return cast("T", None)
        if self._shape is None:
            self._shape = get_type_hints(self.body).get("return", Any)
        return cast("T", msgspec.json.decode(result, type=self._shape))


class Step(Part[T]):
    """A part that only writes to the database."""

    def undo(self, body: Callable[[S, StepRun], Awaitable[None]]) -> Callable[[S, StepRun], Awaitable[None]]:
        """Declare what takes the step back; it must bear that there is nothing to take back."""
        self.undoing = cast("Body", body)
        return body


class Effect(Part[T]):
    """A part that touches the world, outside of any transaction."""

    def undo(
        self, body: Callable[[S, EffectRun], Awaitable[None]]
    ) -> Callable[[S, EffectRun], Awaitable[None]]:
        """Declare what takes the effect back; it must bear that there is nothing to take back."""
        self.undoing = cast("Body", body)
        return body


@overload
def step(body: Callable[[S, StepRun], Awaitable[T]], /) -> Step[T]: ...
@overload
def step(
    *, when: Callable[[Any, StepRun], bool] | None = None, retries: int = 5
) -> Callable[[Callable[[S, StepRun], Awaitable[T]]], Step[T]]: ...
def step(body: Any = None, /, *, when: Any = None, retries: int = 5) -> Any:
    """Declare a step. It is left out when `when(saga, run)` says no."""
    if body is not None:
        return Step(body, when=None, retries=retries, timeout=None)
    return lambda body: Step(body, when=when, retries=retries, timeout=None)


@overload
def effect(body: Callable[[S, EffectRun], Awaitable[T]], /) -> Effect[T]: ...
@overload
def effect(
    *,
    timeout: float = 600,
    retries: int = 3,
    when: Callable[[Any, EffectRun], bool] | None = None,
) -> Callable[[Callable[[S, EffectRun], Awaitable[T]]], Effect[T]]: ...
def effect(body: Any = None, /, *, timeout: float = 600, retries: int = 3, when: Any = None) -> Any:
    """Declare an effect: at most `timeout` seconds a try, tried again `retries` times when Temporary."""
    if body is not None:
        return Effect(body, when=None, retries=retries, timeout=timeout)
    return lambda body: Effect(body, when=when, retries=retries, timeout=timeout)


class Failure:
    """What runs after all undos of a failed saga, in the transaction that ends it."""

    def __init__(self, body: Callable[[Any, StepRun, TaskError], Awaitable[None]]) -> None:
        self.body = body


def on_failure(body: Callable[[S, StepRun, TaskError], Awaitable[None]]) -> Failure:
    """Declare what is done once a saga has failed and all is undone."""
    return Failure(cast("Callable[[Any, StepRun, TaskError], Awaitable[None]]", body))


SAGAS: dict[str, "type[Saga]"] = {}
"""Every saga by its stored name."""


class Saga(msgspec.Struct):
    """Parameters of a piece of durable work; the class's body lists its parts in order.

    lock: a template over the parameters; only one unfinished task may hold the same lock. Empty: no lock.
    """

    lock: ClassVar[str] = ""
    parts: ClassVar[Mapping[str, Part[Any]]] = {}
    failure: ClassVar[Failure | None] = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        declared = list(vars(cls).values())
        parts = {item.name: item for item in declared if isinstance(item, Part)}
        if parts:
            cls.parts = parts
            SAGAS[cls.__name__] = cls
            cls.failure = next((item for item in declared if isinstance(item, Failure)), None)

    @classmethod
    def summary(cls) -> str:
        """Return what the saga does, in a sentence."""
        return " ".join((cls.__doc__ or cls.__name__).split())

    def locked(self) -> str | None:
        """Return the name that this saga holds while it is unfinished."""
        return self.lock.format(**msgspec.structs.asdict(self)) if self.lock else None
