"""Drivers: a registry of named implementations of a Protocol, and what can go wrong in one."""

from collections.abc import Callable
from typing import Generic, TypeVar

P = TypeVar("P")


class DriverError(Exception):
    """The driver failed. `public` is what a user may read of it."""

    def __init__(self, message: str = "", *, public: str | None = None) -> None:
        super().__init__(message)
        self.public = message if public is None else public


class Temporary(DriverError):
    """It failed now but may succeed later; `retry_in` seconds from now is a good time."""

    def __init__(
        self, message: str = "", *, retry_in: float | None = None, public: str | None = None
    ) -> None:
        super().__init__(message, public=public)
        self.retry_in = retry_in


class Permanent(DriverError):
    """It will fail however often it is tried."""


class Gone(Permanent):
    """What was to be worked on does not exist any more."""


class Unsupported(Permanent):
    """This driver cannot do it."""


class Registry(Generic[P]):
    """Named implementations of one Protocol."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._known: dict[str, P] = {}

    def register(self, name: str) -> Callable[[P], P]:
        """Return a decorator that makes what it decorates known as `name`."""

        def known(implementation: P) -> P:
            self._known[name] = implementation
            return implementation

        return known

    def get(self, name: str) -> P:
        """Return the implementation; Unsupported names those that exist."""
        try:
            return self._known[name]
        except KeyError:
            known = ", ".join(sorted(self._known)) or "none"
            raise Unsupported(f"no {self.name} driver {name!r}; known: {known}") from None
