"""Who asks, and what they may do: identities, policy rules, tokens and passwords."""

from cumulo.core.auth.enforcer import BASE_RULES, Enforcer, FileEnforcer, Rule, read_policy
from cumulo.core.auth.identity import ANONYMOUS, AccessRule, Authenticator, Identity
from cumulo.core.auth.personas import (
    ADMIN,
    ADMIN_OR_SERVICE,
    ANYONE,
    PROJECT_MANAGER_OR_ADMIN,
    PROJECT_MEMBER,
    PROJECT_MEMBER_OR_ADMIN,
    PROJECT_READER,
    PROJECT_READER_OR_ADMIN,
    SERVICE,
)

__all__ = [
    "ADMIN",
    "ADMIN_OR_SERVICE",
    "ANONYMOUS",
    "ANYONE",
    "BASE_RULES",
    "PROJECT_MANAGER_OR_ADMIN",
    "PROJECT_MEMBER",
    "PROJECT_MEMBER_OR_ADMIN",
    "PROJECT_READER",
    "PROJECT_READER_OR_ADMIN",
    "SERVICE",
    "AccessRule",
    "Authenticator",
    "Enforcer",
    "FileEnforcer",
    "Identity",
    "Rule",
    "read_policy",
]
