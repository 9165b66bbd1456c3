"""What clients were told: which things are there, which must be gone, and which were refused how."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

import msgspec


class Fate(StrEnum):
    """What a client was told of a thing."""

    THERE = "there"
    LEAVING = "leaving"  # its deletion was accepted
    UNSURE = "unsure"  # its deletion was asked for, and no answer came
    MAY_GO = "may go"  # it is made by work that may fail and then leaves nothing: a server's image


class Thing(msgspec.Struct):
    """Something that a client made. path: where it is shown. server: which has it as a disk or a card.

    precious: a volume with the content that must be kept.
    """

    kind: str
    id: str
    path: str
    client: int
    fate: Fate = Fate.THERE
    server: str = ""
    size: int = 1
    precious: bool = False


class Violation(msgspec.Struct, frozen=True):
    """Something that must not be: about which id, in words."""

    id: str
    what: str


class Promises:
    """What all clients were told. May be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.things: dict[str, Thing] = {}
        self.violations: dict[Violation, None] = {}
        self.answers: Counter[str] = Counter()

    def made(self, thing: Thing) -> None:
        """Note that a thing was made."""
        with self._lock:
            self.things[thing.id] = thing

    def of(self, client: int, kind: str, fits: Callable[[Thing], bool] = lambda _: True) -> list[Thing]:
        """Return a client's things of a kind that are there, in the order in which they were made."""
        with self._lock:
            things = list(self.things.values())
        return [
            thing
            for thing in things
            if (thing.client, thing.kind) == (client, kind)
            and thing.fate in (Fate.THERE, Fate.MAY_GO)
            and fits(thing)
        ]

    def count(self, verb: str, outcome: Any) -> None:
        """Count how an act ended."""
        with self._lock:
            self.answers[f"{verb} {outcome}"] += 1

    def violated(self, id: str, what: str) -> None:
        """Note something that must not be, once."""
        with self._lock:
            self.violations[Violation(id, what)] = None

    def summary(self) -> Iterator[str]:
        """Yield how often each act ended how."""
        verbs: dict[str, list[str]] = {}
        for name, times in sorted(self.answers.items()):
            verb, _, outcome = name.partition(" ")
            verbs.setdefault(verb, []).append(f"{outcome} x{times}")
        yield from (f"  {verb:<26}{', '.join(outcomes)}" for verb, outcomes in verbs.items())
