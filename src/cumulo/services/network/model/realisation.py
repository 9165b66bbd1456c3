"""How far the data plane is."""

from datetime import datetime

from cumulo.core import clock
from cumulo.core.db import BigInteger, Index, Integer, Model, String, Text, When, column


class Realisation(Model, table="network_realisations"):
    """How far the data plane is with one resource. Gone once a deleted resource is removed there."""

    kind: str = column(String(16), key=True)
    id: str = column(String(36), key=True)
    revision: int = column(BigInteger, default=1)
    realised: int = column(BigInteger, default=0)
    attempts: int = column(Integer, default=0)
    retry_at: datetime = column(When, default_factory=clock.now)
    error: str = column(Text, default="")
    __extra__ = (Index("kind", "id", name="ix_network_unrealised", where="realised < revision"),)
