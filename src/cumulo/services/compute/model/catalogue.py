"""Flavors and keypairs: what a server is made from."""

from datetime import datetime

from cumulo.core import clock, ids
from cumulo.core.db import Boolean, Float, Integer, Json, Model, String, Text, Unique, When, column


class Flavor(Model, table="compute_flavors"):
    """A size of server. Memory and swap in MiB, disks in GiB. `id` is the operator's own word."""

    id: str = column(String(255), key=True)
    name: str = column(String(255))
    vcpus: int = column(Integer)
    memory_mib: int = column(Integer)
    root_gib: int = column(Integer, default=0)
    ephemeral_gib: int = column(Integer, default=0)
    swap_mib: int = column(Integer, default=0)
    rxtx_factor: float = column(Float, default=1.0)
    is_public: bool = column(Boolean, default=True)
    description: str | None = column(Text, default=None)
    extra_specs: dict[str, str] = column(Json, default_factory=dict)
    created_at: datetime = column(When, default_factory=clock.now)
    __extra__ = (Unique("name", name="uq_compute_flavors_name"),)


class FlavorAccess(Model, table="compute_flavor_access"):
    """A project that may use a flavor that is not public."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    flavor_id: str = column(String(255), references="compute_flavors.id")
    project_id: str = column(String(255), index=True)
    __extra__ = (Unique("flavor_id", "project_id", name="uq_compute_flavor_access"),)


class Keypair(Model, table="compute_keypairs"):
    """A user's public key. `kind` is ssh or x509. `number` is the integer id that the API shows."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    user_id: str = column(String(64))
    name: str = column(String(255))
    kind: str = column(String(16), default="ssh")
    fingerprint: str = column(String(255))
    public_key: str = column(Text)
    created_at: datetime = column(When, default_factory=clock.now)
    __extra__ = (Unique("user_id", "name", name="uq_compute_keypairs_name"),)

    @property
    def number(self) -> int:
        """An integer that stands for the keypair, as the API wants one beside the name."""
        return int(self.id[:7], 16)
