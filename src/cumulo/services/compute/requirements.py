"""Two little languages of conditions on hosts: what flavors' extra specs say, and the hint `query`.

A spec's value is compared as a word, or begins with an operator: `>= 3`, `s== kvm`, `<in> ssd`,
`<all-in> aes mmx`, `<or> a <or> b`. A query is JSON: `[">=", "$free_ram_mb", 1024]`, with `and`, `or`, `not`.
"""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from cumulo.core.http.body import BROKEN

Compare = Callable[[Any, Any], bool]
NUMBERS: Mapping[str, Compare] = {
    "=": operator.ge,  # upstream's, for clients that know it so
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
}
WORDS: Mapping[str, Compare] = {
    "s==": operator.eq,
    "s!=": operator.ne,
    "s>=": operator.ge,
    "s>": operator.gt,
    "s<=": operator.le,
    "s<": operator.lt,
}
QUERIES: Mapping[str, Compare] = {
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
DEEPEST = 16  # conditions within conditions


class BadQuery(ValueError):
    """A query is none."""


def matches(value: str, requirement: str) -> bool:
    """Say whether a value is as a flavor's extra spec wants it."""
    first, _, rest = requirement.strip().partition(" ")
    if first in _SETS:
        return _SETS[first](value, requirement.removeprefix(first))
    if first in WORDS:
        return WORDS[first](value, rest.strip())
    if first not in NUMBERS:
        return value == requirement
    try:
        return NUMBERS[first](float(value), float(rest))
    except ValueError:
        return False


_SETS: Mapping[str, Callable[[str, str], bool]] = {
    "<or>": lambda value, rest: value in [word.strip() for word in rest.split("<or>")],
    "<in>": lambda value, rest: rest.strip() in value,
    "<all-in>": lambda value, rest: all(word in value for word in rest.split()),
}


def read_query(text: str) -> Sequence[Any]:
    """Read a hint's query. BadQuery when it is none."""
    try:
        query = msgspec.json.decode(text)
    except BROKEN:
        raise BadQuery("it is no JSON") from None
    _check(query, 0)
    return list(query)


def _check(query: Any, depth: int) -> None:
    if not isinstance(query, list) or not query or depth > DEEPEST:
        raise BadQuery("each condition is a list that begins with an operator")
    word, *rest = query
    if not isinstance(word, str):
        raise BadQuery("an operator is a word")
    if word in ("and", "or", "not"):
        for each in rest:
            _check(each, depth + 1)
    elif word not in QUERIES and word != "in":
        raise BadQuery(f"there is no operator {word!r}")
    elif len(rest) < 2:  # noqa: PLR2004  a comparison has two sides
        raise BadQuery(f"{word!r} compares two things")


def holds(query: Sequence[Any], facts: Mapping[str, Any]) -> bool:
    """Say whether a query holds for what is known of a host. A fact that is not known makes it false."""
    word, *rest = query
    if word in _JOINTS:
        return _JOINTS[word](holds(each, facts) for each in rest)
    first, *others = [_value(each, facts) for each in rest]
    if first is None or None in others:
        return False
    if word == "in":
        return first in others
    try:
        return all(QUERIES[word](first, other) for other in others)
    except TypeError:
        return False


_JOINTS: Mapping[str, Callable[[Iterable[bool]], bool]] = {
    "and": all,
    "or": any,
    "not": lambda answers: not any(answers),
}


def _value(term: Any, facts: Mapping[str, Any]) -> Any:
    return facts.get(term[1:]) if isinstance(term, str) and term.startswith("$") else term
