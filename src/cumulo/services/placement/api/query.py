"""Placement's own little languages in query strings."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cumulo.core.http import Ctx
from cumulo.core.microversions import parse
from cumulo.services.placement import errors
from cumulo.services.placement.api.dialect import reached
from cumulo.services.placement.model import WHOLE

_DIGITS = len(str(WHOLE))


def check_parameters(ctx: Ctx, known: Mapping[str, str]) -> None:
    """Refuse parameters that there are not, or not in this version; `known`: since when. BadQuery."""
    for name in ctx.request.query:
        if name not in known or not reached(ctx, parse(known[name])):
            raise errors.BadQuery(name=name, reason="there is no such parameter")


def amounts_of(name: str, value: str) -> dict[str, int]:
    """Read `VCPU:1,MEMORY_MB:512`. BadQuery when it is not of that form."""
    found: dict[str, int] = {}
    for part in value.split(","):
        resource, _, amount = part.strip().partition(":")
        if not resource or not amount.isdecimal() or len(amount) > _DIGITS or not 1 <= int(amount) <= WHOLE:
            reason = f"{part!r} is not of the form CLASS:AMOUNT"
            raise errors.BadQuery(name=name, reason=reason)
        found[resource] = int(amount)
    return found


@dataclass(frozen=True)
class Wish:
    """What must be so, each set being of alternatives, and what must not."""

    required: tuple[frozenset[str], ...] = ()
    forbidden: frozenset[str] = frozenset()


def wanted_traits(name: str, values: Sequence[str], *, alternatives: bool, negative: bool = True) -> Wish:
    """Read `A`, `!B` where what is negative may be, and `in:A,B` where alternatives may. BadQuery."""
    required: list[frozenset[str]] = []
    forbidden: set[str] = set()
    for value in values:
        if value.startswith("in:"):
            if not alternatives:
                raise errors.BadQuery(name=name, reason="alternatives (in:) came with version 1.39")
            required.append(frozenset(_words(name, value.removeprefix("in:"))))
            continue
        for word in _words(name, value):
            if word.startswith("!") and not negative:
                raise errors.BadQuery(name=name, reason="forbidden traits came with version 1.22")
            if word.startswith("!"):
                forbidden.add(word[1:])
            else:
                required.append(frozenset({word}))
    both = sorted(forbidden & {word for words in required if len(words) == 1 for word in words})
    if both:
        raise errors.BadQuery(name=name, reason=f"{', '.join(both)} is both required and forbidden")
    return Wish(tuple(required), frozenset(forbidden))


def members_of(name: str, values: Sequence[str], *, forbidden: bool) -> Wish:
    """Read `AGG`, `in:AGG1,AGG2`, and with `!` before either those not to be in. BadQuery."""
    required: list[frozenset[str]] = []
    unwanted: set[str] = set()
    for value in values:
        negative = value.startswith("!")
        if negative and not forbidden:
            raise errors.BadQuery(name=name, reason="forbidden aggregates came with version 1.32")
        plain = value.removeprefix("!")
        words = _words(name, plain.removeprefix("in:")) if plain.startswith("in:") else [plain]
        for word in words:
            if not UUID.fullmatch(word):
                raise errors.BadQuery(name=name, reason=f"{word!r} is no UUID")
        if negative:
            unwanted.update(words)
        else:
            required.append(frozenset(words))
    return Wish(tuple(required), frozenset(unwanted))


def _words(name: str, value: str) -> list[str]:
    words = [word.strip() for word in value.split(",")]
    if not all(words):
        raise errors.BadQuery(name=name, reason=f"{value!r} has an empty part")
    return words


UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
