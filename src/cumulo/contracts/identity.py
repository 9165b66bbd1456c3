"""What other services ask of identity. (Authenticating a token is `cumulo.core.auth.Authenticator`.)"""

from typing import Protocol

from cumulo.core.db import Reader


class Projects(Protocol):
    """The projects that resources belong to."""

    async def exists(self, db: Reader, project_id: str) -> bool:
        """Say whether the project exists and is enabled."""
