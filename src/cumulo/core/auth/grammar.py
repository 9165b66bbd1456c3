"""The language of policy rules, as oslo.policy defines it: text in, a tree of checks out.

    rule    = "" (always) | expression
    check   = "@" (always) | "!" (never) | kind ":" match
    joined by `not`, `and`, `or` (in any case; `and` binds tighter) and parentheses

Words are split at white space; parentheses are taken only from a word's two ends, since `%(name)s` holds
some. What cannot be understood refuses: a word without a colon is "never", and so is a rule that does not
parse. `str` of a check writes it as an operator would.
"""

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec


class Always(msgspec.Struct, frozen=True):
    """`@`: anyone."""

    def __str__(self) -> str:
        return "@"


class Never(msgspec.Struct, frozen=True):
    """`!`: no one; also what stands for text that is not understood."""

    why: str = ""

    def __str__(self) -> str:
        return f"! ({self.why})" if self.why else "!"


class RuleReference(msgspec.Struct, frozen=True):
    """`rule:name`: whatever that rule says."""

    name: str

    def __str__(self) -> str:
        return f"rule:{self.name}"


class RoleCheck(msgspec.Struct, frozen=True):
    """`role:name`: the token has the role, in any case; the name may be a template."""

    template: str

    def __str__(self) -> str:
        return f"role:{self.template}"


class Literal(msgspec.Struct, frozen=True):
    """`'word':%(attribute)s`, `True:…`, `None:…`: a constant equals the filled template."""

    value: str
    template: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.template}"


class Credential(msgspec.Struct, frozen=True):
    """`project_id:%(project_id)s`: something of the token equals the filled template."""

    path: str
    template: str

    def __str__(self) -> str:
        return f"{self.path}:{self.template}"


class Field(msgspec.Struct, frozen=True):
    """`field:networks:shared=True`, network's own kind: the target's field is this, or matches `~this`."""

    name: str
    value: str
    text: str

    def __str__(self) -> str:
        return self.text


class Not(msgspec.Struct, frozen=True):
    """The contrary of a check."""

    part: Any

    def __str__(self) -> str:
        return f"not {self.part}"


class And(msgspec.Struct, frozen=True):
    """All of several checks."""

    parts: tuple[Any, ...]

    def __str__(self) -> str:
        return "(" + " and ".join(map(str, self.parts)) + ")"


class Or(msgspec.Struct, frozen=True):
    """Any of several checks."""

    parts: tuple[Any, ...]

    def __str__(self) -> str:
        return "(" + " or ".join(map(str, self.parts)) + ")"


Check = Always | Never | RuleReference | RoleCheck | Literal | Credential | Field | Not | And | Or


class _NotUnderstood(Exception):
    """The words do not form a rule."""


def parse(rule: str | Sequence[str | Sequence[str]]) -> Check:
    """Parse a rule: text, or the older list of lists (the outer joined by `or`, the inner by `and`)."""
    if not rule:
        return Always()
    if not isinstance(rule, str):
        return _parse_lists(rule)
    try:
        return _Parser(_words(rule)).whole()
    except _NotUnderstood:
        return Never(f"not understood: {rule}")


def _parse_lists(rule: Sequence[str | Sequence[str]]) -> Check:
    choices: list[Check] = []
    for inner in rule:
        if not inner:
            continue
        parts = tuple(_check(word) for word in ([inner] if isinstance(inner, str) else inner))
        choices.append(parts[0] if len(parts) == 1 else And(parts))
    if not choices:
        return Never("only empty lists")
    return choices[0] if len(choices) == 1 else Or(tuple(choices))


def _words(rule: str) -> list[str | Check]:
    """Return operators and parentheses as text, and every other word as the check it means."""
    words: list[str | Check] = []
    for word in rule.split():
        opened = word.lstrip("(")
        words += ["("] * (len(word) - len(opened))
        bare = opened.rstrip(")")
        if bare.lower() in {"and", "or", "not"}:
            words.append(bare.lower())
        elif bare:
            if len(opened) > 1 and opened[0] == opened[-1] and opened[0] in "\"'":
                raise _NotUnderstood  # a quoted word alone is no check
            words.append(_check(bare))
        words += [")"] * (len(opened) - len(bare))
    return words


class _Parser:
    """Recursive descent over the words of one rule."""

    def __init__(self, words: list[str | Check]) -> None:
        self._words = words
        self._next = 0

    def whole(self) -> Check:
        found = self._any()
        if self._next != len(self._words):
            raise _NotUnderstood
        return found

    def _take(self, word: str) -> bool:
        if self._next < len(self._words) and self._words[self._next] == word:
            self._next += 1
            return True
        return False

    def _any(self) -> Check:
        parts = [self._all()]
        while self._take("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all(self) -> Check:
        parts = [self._one()]
        while self._take("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _one(self) -> Check:
        if self._take("not"):
            return Not(self._one())
        if self._take("("):
            found = self._any()
            if not self._take(")"):
                raise _NotUnderstood
            return found
        if self._next >= len(self._words):
            raise _NotUnderstood
        word = self._words[self._next]
        if isinstance(word, str):
            raise _NotUnderstood
        self._next += 1
        return word


def _check(word: str) -> Check:
    if word in {"@", "!"}:
        return Always() if word == "@" else Never()
    kind, colon, match = word.partition(":")
    if not colon:
        return Never(f"not understood: {word}")
    return _KINDS.get(kind, _literal_or_credential)(kind, match)


def _remote(_kind: str, _match: str) -> Check:
    return Never("asking another server for a decision is not supported")


def _field(kind: str, match: str) -> Check:
    shape = re.fullmatch(r"[^:]+:(.+?)=(.*)", match)
    text = f"{kind}:{match}"
    return Field(shape[1], shape[2], text) if shape else Never(f"not understood: {text}")


def _literal_or_credential(kind: str, match: str) -> Check:
    try:
        return Literal(str(ast.literal_eval(kind)), match, kind)
    except ValueError:
        return Credential(kind, match)
    except (SyntaxError, TypeError, MemoryError, RecursionError):
        return Never(f"not understood: {kind}:{match}")


_KINDS: Mapping[str, Callable[[str, str], Check]] = {
    "rule": lambda _kind, match: RuleReference(match),
    "role": lambda _kind, match: RoleCheck(match),
    "field": _field,
    "http": _remote,
    "https": _remote,
}
