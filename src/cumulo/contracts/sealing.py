"""Secrets that services keep sealed in the database, and how their keys turn.

A service that seals fulfils `Sealing` and declares it: `Service(..., sealed=PassphrasesSealed())`. The
runtime composes all of them into `Sealers`; turning the keys asks each of them, in one transaction.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from cumulo.core.work import Work

KEPT_KEYS = 3
"""Keys that stay after a turn, the newest included: what another transaction seals meanwhile still opens."""


class Sealing(Protocol):
    """What one service has sealed."""

    async def reseal(self, work: Work) -> int:
        """Make a new key and seal everything anew by it, in the caller's transaction; return how many.

        No older key may be forgotten before that transaction is committed, however often that fails.
        """


class Sealers(msgspec.Struct, frozen=True):
    """Every service that seals something, by its name. Bound by the runtime."""

    by_service: Mapping[str, Sealing]
