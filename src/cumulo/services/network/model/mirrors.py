"""The table of mirrors: ports whose packets are sent elsewhere, too."""

from cumulo.core.db import Json, String, column
from cumulo.services.network.model.standard import Standard


class TapMirror(Standard, table="network_tap_mirrors"):
    """A port, and where its packets go: by the tunnel of a number for each direction, IN (to it) and OUT."""

    name: str = column(String(255), default="")
    port_id: str = column(String(36), references="network_ports.id", index=True)
    mirror_type: str = column(String(16))
    remote_ip: str = column(String(64), index=True)
    directions: dict[str, int] = column(Json, default_factory=dict)
