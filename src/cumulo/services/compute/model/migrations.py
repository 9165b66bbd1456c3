"""How servers moved between hosts and flavors."""

from datetime import datetime
from enum import StrEnum

from cumulo.core import clock, ids
from cumulo.core.db import Index, Model, String, When, column


class Wish(StrEnum):
    """What can be asked of a live migration that is under way."""

    ABORT = "abort"
    COMPLETE = "complete"


class Migration(Model, table="compute_migrations"):
    """One move of a server. `id` is also the consumer in placement that holds what the server left behind.

    kind: resize, migration, live-migration, evacuation. status: pre-migrating, migrating, post-migrating,
    finished (waits for a confirmation), confirming, confirmed, reverting, reverted, completed, error; of a
    live one accepted, preparing, running, completed, cancelled, error; of an evacuation accepted,
    pre-migrating, done, error. wish: what somebody asked of a live one that is under way.
    """

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    server_id: str = column(String(36))
    project_id: str = column(String(64))
    user_id: str = column(String(64))
    kind: str = column(String(32))
    status: str = column(String(32), default="pre-migrating")
    source: str = column(String(255), default="")
    destination: str | None = column(String(255), default=None)
    old_flavor_id: str = column(String(255), default="")
    new_flavor_id: str = column(String(255), default="")
    wish: Wish | None = column(String(16), default=None)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime | None = column(When, default=None)
    __extra__ = (Index("server_id", "created_at"), Index("status", "updated_at"))

    @property
    def number(self) -> int:
        """An integer that stands for the migration, as the API wants one beside its id."""
        return int(self.id[:7], 16)
