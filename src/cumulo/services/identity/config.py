"""Identity's settings."""

from typing import ClassVar

from cumulo.core.config import Section


class IdentitySettings(Section, frozen=True, kw_only=True):
    """`[identity]`. token_seconds: how long a token lives. cached_tokens: how many are kept verified."""

    section: ClassVar[str] = "identity"
    token_seconds: int = 3600
    cached_tokens: int = 4096
