"""What other services ask of identity. (Authenticating a token is `cumulo.core.auth.Authenticator`.)"""

from collections.abc import Mapping
from typing import Protocol

from cumulo.core.db import Reader


class Projects(Protocol):
    """The projects that resources belong to."""

    async def exists(self, db: Reader, project_id: str) -> bool:
        """Say whether the project exists and is enabled."""


class UnifiedLimits(Protocol):
    """The limits that operators keep in identity, for the services that hold their projects to them."""

    async def of(self, db: Reader, service: str, project_id: str) -> Mapping[str, int]:
        """Return a project's limits in a service (by its catalog type): its own, else the registered ones."""
