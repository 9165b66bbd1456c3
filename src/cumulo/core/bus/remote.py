"""Contracts over the bus: a Protocol's methods become verbs on one side and a proxy on the other.

Both are derived from the Protocol's type hints, so a contract is written once. The arguments of a method
cross as one struct.
"""

import inspect
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, NamedTuple, TypeVar, cast, get_type_hints

import msgspec

from cumulo.core.bus.bus import Bus, Verb, answering

P = TypeVar("P")

PATIENCE = 3600.0  # seconds; the effect that calls has a limit of its own, and a shorter one


class Method(NamedTuple):
    """A Protocol's method: its parameters as a struct type, and what it returns."""

    arguments: type[msgspec.Struct]
    names: tuple[str, ...]
    result: Any


def verbs(prefix: str, contract: Any, implementation: object) -> dict[str, Verb]:
    """Return the verbs `prefix.method` by which an object fulfils a contract over the bus."""
    return {
        f"{prefix}.{name}": answering(method.arguments, _calling(getattr(implementation, name)))
        for name, method in methods(contract).items()
    }


def remote(
    bus: Bus, host: str, contract: type[P], *, timeout: float = PATIENCE, prefix: str | None = None
) -> P:
    """Return an object that fulfils a contract by asking a host; its verbs are `prefix.method`.

    prefix: the contract's name in lower case when it is not said.
    """
    named = cast("Any", contract)
    proxy = _proxy(named, prefix or named.__name__.lower())(bus, host, timeout)
    return cast("P", proxy)


@cache
def methods(contract: Any) -> dict[str, Method]:
    """Return a Protocol's public methods by name."""
    found = {}
    for name, function in inspect.getmembers(contract, inspect.isfunction):
        if name.startswith("_"):
            continue
        hints = get_type_hints(function)
        parameters = list(inspect.signature(function).parameters.values())[1:]
        fields: list[Any] = [
            (p.name, hints[p.name])
            if p.default is inspect.Parameter.empty
            else (p.name, hints[p.name], p.default)
            for p in parameters
        ]
        arguments = msgspec.defstruct(f"{contract.__name__}_{name}", fields, kw_only=True)
        names = tuple(p.name for p in parameters)
        found[name] = Method(arguments, names, hints.get("return", Any))
    return found


class _Remote:
    def __init__(self, bus: Bus, host: str, timeout: float) -> None:
        self._bus = bus
        self._host = host
        self._timeout = timeout


@cache
def _proxy(contract: Any, prefix: str) -> type[_Remote]:
    namespace = {name: _asking(f"{prefix}.{name}", method) for name, method in methods(contract).items()}
    return type(f"Remote{contract.__name__}", (_Remote,), namespace)


def _asking(verb: str, method: Method) -> Callable[..., Awaitable[Any]]:
    async def ask(self: Any, *positional: Any, **named: Any) -> Any:
        given = dict(zip(method.names, positional, strict=False)) | named
        argument = method.arguments(**given)
        return await self._bus.call(self._host, verb, argument, method.result, timeout=self._timeout)

    return ask


def _calling(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def call(argument: msgspec.Struct) -> Any:
        names = argument.__struct_fields__
        return await function(**{name: getattr(argument, name) for name in names})

    return call
