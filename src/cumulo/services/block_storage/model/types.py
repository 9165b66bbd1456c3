"""Volume types and what belongs to them: access, encryption, QoS, defaults."""

from datetime import datetime

from cumulo.core import clock, ids
from cumulo.core.db import Boolean, Integer, Json, Model, String, Text, When, column

MULTIATTACH = "multiattach"


class QosSpecs(Model, table="block_storage_qos_specs"):
    """Limits that volume types can be given. consumer: who applies them (front-end, back-end, both)."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    name: str = column(String(255), unique=True)
    consumer: str = column(String(16), default="back-end")
    specs: dict[str, str] = column(Json, default_factory=dict)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime | None = column(When, default=None)


class VolumeType(Model, table="block_storage_types"):
    """A kind of volume: its extra specs say which pools it may lie in and what it can do."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    name: str = column(String(255), unique=True)
    description: str | None = column(Text, default=None)
    is_public: bool = column(Boolean, default=True)
    extra_specs: dict[str, str] = column(Json, default_factory=dict)
    qos_specs_id: str | None = column(
        String(36), default=None, references="block_storage_qos_specs.id", index=True
    )
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime | None = column(When, default=None)

    @property
    def is_multiattach(self) -> bool:
        """Whether its volumes may be given to several servers: `multiattach = <is> True`."""
        operator, _, text = self.extra_specs.get(MULTIATTACH, "").partition(" ")
        return operator == "<is>" and text.strip().lower() in {"true", "1", "yes", "on", "t", "y"}


class TypeAccess(Model, table="block_storage_type_access"):
    """A project that may use a private type."""

    volume_type_id: str = column(
        String(36), key=True, references="block_storage_types.id", on_delete="CASCADE"
    )
    project_id: str = column(String(64), key=True)


class Encryption(Model, table="block_storage_encryptions"):
    """How volumes of a type are encrypted. provider: `luks`, whoever wrote it in whichever words."""

    encryption_id: str = column(String(36), key=True, default_factory=ids.dashed)
    volume_type_id: str = column(
        String(36), unique=True, references="block_storage_types.id", on_delete="CASCADE"
    )
    provider: str = column(String(255))
    cipher: str | None = column(String(255), default=None)
    key_size: int | None = column(Integer, default=None)
    control_location: str = column(String(16), default="front-end")
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime | None = column(When, default=None)


class DefaultType(Model, table="block_storage_default_types"):
    """A project's own default type, in place of the cloud's."""

    project_id: str = column(String(64), key=True)
    volume_type_id: str = column(String(36), references="block_storage_types.id", on_delete="CASCADE")
