"""The tables of metering labels: what of routers' traffic is counted, and how much it was."""

from datetime import datetime

from cumulo.core import clock, ids
from cumulo.core.db import BigInteger, Boolean, Model, String, When, column


class MeteringLabel(Model, table="network_metering_labels"):
    """What is counted together: of the project's routers, or of everyone's (`shared`)."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    project_id: str = column(String(255), index=True)
    name: str = column(String(255), default="")
    description: str = column(String(1024), default="")
    shared: bool = column(Boolean, default=False)
    packets: int = column(BigInteger, default=0)
    octets: int = column(BigInteger, default=0)
    created_at: datetime = column(When, default_factory=clock.now)


class MeteringRule(Model, table="network_metering_rules"):
    """Whose traffic a label counts, or does not (`excluded`): that of a prefix outside, of one direction."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    label_id: str = column(
        String(36), references="network_metering_labels.id", on_delete="CASCADE", index=True
    )
    project_id: str = column(String(255))
    direction: str = column(String(16))
    remote_ip_prefix: str = column(String(64))
    excluded: bool = column(Boolean, default=False)
    created_at: datetime = column(When, default_factory=clock.now)


class MeterReading(Model, table="network_meter_readings"):
    """What a host had counted of one mark when it was last asked."""

    host: str = column(String(255), key=True)
    mark: int = column(BigInteger, key=True)
    packets: int = column(BigInteger, default=0)
    octets: int = column(BigInteger, default=0)
