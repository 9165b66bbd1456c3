"""The rules of one service, and the decision whether an identity may do something to a target.

One enforcer a service: operators keep a `policy.yaml` for each, and equal names may differ between services.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog
import yaml

from cumulo.core import clock
from cumulo.core.auth import compiler, grammar
from cumulo.core.auth.identity import Identity
from cumulo.core.errors import Error, Invalid

log = structlog.get_logger(__name__)
_LOOK_AGAIN = 1.0  # seconds

Text = str | Sequence[str | Sequence[str]]


class PolicyFileInvalid(Invalid):
    """The policy file {path} is not a mapping of rule names to rules."""


class Rule(msgspec.Struct, frozen=True):
    """A named decision: upstream's name, its default in policy language, and one sentence.

    `scope_types` are the scopes of a token that may use it at all ("system", "domain", "project"; none: any).
    `deprecated` is an older name whose override still counts when the new name has none.
    """

    name: str
    default: str
    description: str = ""
    scope_types: tuple[str, ...] = ()
    deprecated: str | None = None


def read_policy(path: Path) -> dict[str, Text]:
    """Read an operator's policy file (YAML or JSON); a file that is absent or empty overrides nothing."""
    if not path.exists():
        return {}
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise PolicyFileInvalid(path=path) from error
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise PolicyFileInvalid(path=path)
    if not all(isinstance(rule, str | list) for rule in found.values()):
        raise PolicyFileInvalid(path=path)
    return found


class Enforcer:
    """Decides by a service's rules and an operator's overrides of them.

    A target is a mapping or a row; without one the identity is its own target, so that
    `project_id:%(project_id)s` asks for a token with a project.
    """

    def __init__(self, rules: Iterable[Rule], overrides: Mapping[str, Text] | None = None) -> None:
        self._rules = {rule.name: rule for rule in (*BASE_RULES, *rules)}
        self.reload(overrides or {})

    def reload(self, overrides: Mapping[str, Text]) -> None:
        """Take other overrides; when they are circular, raise and keep the present ones."""
        checks = {rule.name: grammar.parse(_chosen(rule, overrides)) for rule in self._rules.values()}
        checks |= {name: grammar.parse(text) for name, text in overrides.items() if name not in checks}
        compile_ = compiler.Compiler(checks)
        decisions = {name: compile_.rule(name) for name in checks}
        self._checks, self._decisions = checks, decisions
        self._default = compile_.rule("default")

    @property
    def rules(self) -> Mapping[str, Rule]:
        """Every declared rule by name, the well-known base rules included."""
        return self._rules

    def allows(self, rule: str | Rule, identity: Identity, target: Any = None) -> bool:
        """Say whether the identity may do this to the target; an unknown rule refuses."""
        if type(rule) is str:
            known = self._rules.get(rule)
            name = rule
        else:
            known = rule  # type: ignore[assignment]  # a name was handled above
            name = rule.name  # type: ignore[union-attr]  # a name was handled above
        if known is not None and known.scope_types and identity.scope not in known.scope_types:
            return False
        decide = self._decisions.get(name, self._default)
        return decide(identity, identity if target is None else target)

    def explain(self, rule: str | Rule, identity: Identity, target: Any = None) -> str:
        """Say in indented lines how each part of the rule decided, for an operator who wonders."""
        name = rule if isinstance(rule, str) else rule.name
        target = identity if target is None else target
        verdict = "allowed" if self.allows(rule, identity, target) else "refused"
        lines = [f"{name}: {verdict}"]
        known = self._rules.get(name)
        if known is not None and known.scope_types and identity.scope not in known.scope_types:
            scopes = ", ".join(known.scope_types)
            lines.append(f"  the token's scope is {identity.scope}; the rule wants {scopes}")
        lines += self._lines(grammar.RuleReference(name), identity, target, depth=1)
        return "\n".join(lines)

    def _lines(self, check: Any, identity: Identity, target: Any, *, depth: int) -> list[str]:
        decided = compiler.Compiler(self._checks).check(check)(identity, target)
        line = "  " * depth + ("yes  " if decided else "no   ") + str(check)
        inner: tuple[Any, ...] = ()
        match check:
            case grammar.RuleReference(name=name):
                found = self._checks.get(name) or self._checks.get("default")
                inner = (found,) if found is not None else ()
                line += "" if inner else "  (no such rule)"
            case grammar.Not(part=part):
                inner = (part,)
            case grammar.And(parts=parts) | grammar.Or(parts=parts):
                inner = parts
            case grammar.Credential(path=path):
                line += f"  ({path} is {identity.credential(path)!r})"
            case grammar.RoleCheck():
                line += f"  (roles are {', '.join(identity.roles) or 'none'})"
        return [
            line,
            *(text for part in inner for text in self._lines(part, identity, target, depth=depth + 1)),
        ]


class FileEnforcer(Enforcer):
    """An enforcer whose overrides are an operator's file: looked at again each second, while it is asked.

    A file that cannot be understood raises at the start; later it is told in the log and the overrides stay.
    """

    def __init__(self, rules: Iterable[Rule], path: Path) -> None:
        self._path = path
        self._stamp = self._stamped()
        self._look_at = clock.monotonic() + _LOOK_AGAIN
        super().__init__(rules, read_policy(path))

    def allows(self, rule: str | Rule, identity: Identity, target: Any = None) -> bool:
        """Decide by the file as it is now, give or take a second."""
        if clock.monotonic() >= self._look_at:
            self._look()
        return super().allows(rule, identity, target)

    def _look(self) -> None:
        self._look_at = clock.monotonic() + _LOOK_AGAIN
        stamp = self._stamped()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.reload(read_policy(self._path))
        except (Error, OSError, UnicodeDecodeError) as error:
            log.warning("policy.file_refused", path=str(self._path), reason=str(error))
        else:
            log.warning("policy.reloaded", path=str(self._path))

    def _stamped(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size


def _chosen(rule: Rule, overrides: Mapping[str, Text]) -> Text:
    if rule.name in overrides:
        return overrides[rule.name]
    if rule.deprecated is not None and rule.deprecated in overrides:
        return overrides[rule.deprecated]
    return rule.default


#: Rules that services build theirs on, under the names that operators' files already use. A service that
#: declares one of these names itself, with another default, has its own.
BASE_RULES = (
    Rule("context_is_admin", "role:admin", "The administrator, in the words of most services."),
    Rule("admin_required", "role:admin or is_admin:1", "The administrator, in identity's words."),
    Rule("admin_only", "rule:context_is_admin", "The administrator, in network's words."),
    Rule("admin_api", "is_admin:True", "The administrator, in older words."),
    Rule("admin_or_owner", "is_admin:True or project_id:%(project_id)s", "Older words."),
    Rule("service_role", "role:service", "Another service of the cloud."),
    Rule("service_api", "role:service", "Another service of the cloud."),
    Rule("admin_or_service_api", "role:admin or role:service", "Administrator or service."),
    Rule("project_reader_api", "role:reader and project_id:%(project_id)s", "Who may look."),
    Rule("project_member_api", "role:member and project_id:%(project_id)s", "Who may use."),
    Rule("project_manager_api", "role:manager and project_id:%(project_id)s", "Who may manage."),
    Rule("project_reader_or_admin", "rule:project_reader_api or rule:context_is_admin", "Look."),
    Rule("project_member_or_admin", "rule:project_member_api or rule:context_is_admin", "Use."),
    Rule("project_manager_or_admin", "rule:project_manager_api or rule:context_is_admin", "Manage."),
)
