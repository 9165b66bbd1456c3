"""What operators look after: pools and services as they report themselves, messages, quota classes."""

from datetime import datetime, timedelta

from cumulo.core import clock, ids
from cumulo.core.db import Boolean, Float, Index, Integer, Model, String, Text, Unique, When, column


class Pool(Model, table="block_storage_pools"):
    """A pool as it last reported itself. `name`: `host@backend#pool`."""

    name: str = column(String(255), key=True)
    service: str = column(String(255), index=True)  # `host@backend`, where the bus reaches it
    host: str = column(String(255))
    backend: str = column(String(255))
    driver: str = column(String(64))
    protocol: str = column(String(64))
    total_gib: float = column(Float)
    free_gib: float = column(Float)
    allocated_gib: float = column(Float, default=0.0)
    thin: bool = column(Boolean, default=True)
    thick: bool = column(Boolean, default=False)
    multiattach: bool = column(Boolean, default=True)
    online_extend: bool = column(Boolean, default=True)
    max_over_subscription_ratio: float = column(Float, default=20.0)
    reserved_percentage: int = column(Integer, default=0)
    seen_at: datetime = column(When, default_factory=clock.now)


class StorageService(Model, table="block_storage_services"):
    """A service as operators see it: `cinder-volume` of each backend, scheduler, backup."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    binary: str = column(String(64))
    host: str = column(String(255))
    zone: str = column(String(255), default="nova")
    disabled: bool = column(Boolean, default=False)
    disabled_reason: str | None = column(Text, default=None)
    frozen: bool = column(Boolean, default=False)
    seen_at: datetime = column(When, default_factory=clock.now)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime | None = column(When, default=None)
    __extra__ = (Unique("host", "binary", name="uq_block_storage_services_host"),)

    def is_up(self, silence: float) -> bool:
        """Say whether it reported within the last `silence` seconds."""
        return clock.now() - self.seen_at <= timedelta(seconds=silence)


class Message(Model, table="block_storage_messages"):
    """Why something failed, told to the project it failed for."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    project_id: str = column(String(64))
    request_id: str = column(String(64))
    resource_type: str = column(String(64))
    resource_id: str | None = column(String(36), default=None)
    event_id: str = column(String(255))
    level: str = column(String(16), default="ERROR")
    text: str = column(Text)
    created_at: datetime = column(When, default_factory=clock.now)
    expires_at: datetime = column(When)
    __extra__ = (Index("project_id", "created_at"), Index("expires_at"), Index("resource_id"))


class QuotaClass(Model, table="block_storage_quota_classes"):
    """A limit of a quota class. The class `default` holds for every project without a limit of its own."""

    name: str = column(String(64), key=True)
    resource: str = column(String(64), key=True)
    value: int = column(Integer)
