"""Identity's settings."""

from typing import ClassVar, Literal

from cumulo.core.config import Section


class IdentitySettings(Section, frozen=True, kw_only=True):
    """`[identity]`. token_seconds: how long a token lives. cached_tokens: how many are kept verified.

    limit_model: how projects' limits relate to their domain's. The rules on passwords are all off by default
    (0, false, empty): after `lockout_failures` wrong passwords in a row the user is locked out for
    `lockout_seconds`; a password ends after `password_expires_days`; the last `unique_last_passwords` may not
    come again; a user may change it once in `minimum_password_age_days`; it fits `password_regex`, whose
    description is shown; a password that an administrator set must be changed at its first use.
    expired_token_seconds: how long after its end a token may still be looked at, by who asks for it.
    audit_days: how long events of the audit log are kept; 0: for ever. audit_refusals: how many kinds of
    refused logins and changes it takes in a minute.
    """

    section: ClassVar[str] = "identity"
    token_seconds: int = 3600
    cached_tokens: int = 4096
    expired_token_seconds: int = 172_800
    limit_model: Literal["flat", "strict_two_level"] = "flat"
    lockout_failures: int = 0
    lockout_seconds: int = 1800
    password_expires_days: int = 0
    unique_last_passwords: int = 0
    minimum_password_age_days: int = 0
    password_regex: str = ""
    password_regex_description: str = ""
    change_password_at_first_use: bool = False
    audit_days: int = 90
    audit_refusals: int = 240
