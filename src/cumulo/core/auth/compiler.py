"""Turning trees of checks into closures: a rule costs a fraction of a microsecond.

References to other rules are resolved while compiling, so a circle is found then and not in a request.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from cumulo.core.auth import grammar, targets
from cumulo.core.auth.identity import CREDENTIALS, Identity
from cumulo.core.errors import Invalid

Decision = Callable[[Identity, Any], bool]


class CircularRule(Invalid):
    """The policy rule {name} refers to itself ({path})."""


def always(_identity: Identity, _target: Any) -> bool:
    """Allow."""
    return True


def never(_identity: Identity, _target: Any) -> bool:
    """Refuse."""
    return False


class Compiler:
    """Compiles the rules of one set; `default`, when defined, stands for every rule that is not."""

    def __init__(self, checks: Mapping[str, grammar.Check]) -> None:
        self._checks = checks
        self._done: dict[str, Decision] = {}
        self._open: list[str] = []

    def rule(self, name: str) -> Decision:
        """Compile a rule by name; an unknown one refuses."""
        if name not in self._checks:
            if name == "default" or "default" not in self._checks:
                return never
            name = "default"
        if name in self._done:
            return self._done[name]
        if name in self._open:
            raise CircularRule(name=name, path=" → ".join([*self._open, name]))
        self._open.append(name)
        self._done[name] = self.check(self._checks[name])
        self._open.pop()
        return self._done[name]

    def check(self, check: grammar.Check) -> Decision:
        """Compile one check and whatever it holds."""
        match check:
            case grammar.RuleReference(name=name):
                return self.rule(name)
            case grammar.Not(part=part):
                inner = self.check(part)
                return lambda identity, target: not inner(identity, target)
            case grammar.And(parts=parts):
                return _all([self.check(part) for part in parts])
            case grammar.Or(parts=parts):
                return _any([self.check(part) for part in parts])
            case _:
                return _leaf(check)


def _leaf(check: grammar.Check) -> Decision:
    match check:
        case grammar.Always():
            return always
        case grammar.RoleCheck(template=template):
            return _role(template)
        case grammar.Literal(value=value, template=template):
            fill = targets.filler(template)
            return lambda _identity, target: fill(target) == value
        case grammar.Credential(path=path, template=template):
            return _credential(path, template)
        case grammar.Field():
            return _field(check)
        case _:
            return never


def _all(parts: list[Decision]) -> Decision:
    if len(parts) == 2:  # noqa: PLR2004  the usual case, without a loop
        one, two = parts
        return lambda identity, target: one(identity, target) and two(identity, target)

    def check(identity: Identity, target: Any) -> bool:
        for part in parts:  # noqa: SIM110  a generator would cost more than the checks
            if not part(identity, target):
                return False
        return True

    return check


def _any(parts: list[Decision]) -> Decision:
    if len(parts) == 2:  # noqa: PLR2004  the usual case, without a loop
        one, two = parts
        return lambda identity, target: one(identity, target) or two(identity, target)

    def check(identity: Identity, target: Any) -> bool:
        for part in parts:  # noqa: SIM110  a generator would cost more than the checks
            if part(identity, target):
                return True
        return False

    return check


def _role(template: str) -> Decision:
    constant = targets.constant(template)
    if constant is not None:
        name = constant.lower()
        return lambda identity, _target: name in identity.role_keys
    fill = targets.filler(template)

    def check(identity: Identity, target: Any) -> bool:
        filled = fill(target)
        return filled is not None and filled.lower() in identity.role_keys

    return check


def _credential(path: str, template: str) -> Decision:
    name = CREDENTIALS.get(path)
    if name is None:
        return never
    if name == "roles":
        return _listed_role(template)
    constant = targets.constant(template)
    if constant == "None":  # upstream's way to ask for a token without it: `not domain_id:None`
        return lambda identity, _target: getattr(identity, name) is None
    if constant is not None:
        return lambda identity, _target: _equals(getattr(identity, name), constant)
    fill = targets.filler(template)

    def check(identity: Identity, target: Any) -> bool:
        mine = getattr(identity, name)
        return mine is not None and str(mine) == fill(target)

    return check


def _equals(value: Any, text: str) -> bool:
    return value is not None and str(value) == text


def _listed_role(template: str) -> Decision:
    """`roles:admin` compares exactly, unlike `role:admin`."""
    fill = targets.filler(template)
    return lambda identity, target: fill(target) in identity.roles


def _field(check: grammar.Field) -> Decision:
    get = targets.getter(check.name)
    if check.value.startswith("~"):
        pattern = re.compile(check.value[1:])
        return lambda _identity, target: _matches(pattern, get(target))
    wanted = check.value.lower()

    def equals(_identity: Identity, target: Any) -> bool:
        value = get(target)
        return value is not targets.MISSING and value is not None and str(value).lower() == wanted

    return equals


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.match(value) is not None
