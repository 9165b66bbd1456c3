"""The tables of trunks: ports that carry others' traffic by VLAN tag."""

from cumulo.core.db import Boolean, Integer, Model, String, Unique, column
from cumulo.services.network.model.standard import Named


class Trunk(Named, table="network_trunks"):
    """A port whose guest tags what belongs to other ports."""

    port_id: str = column(String(36), references="network_ports.id", unique=True)
    admin_state_up: bool = column(Boolean, default=True)


class Subport(Model, table="network_subports"):
    """A port that a guest reaches by a VLAN tag on its trunk."""

    port_id: str = column(String(36), key=True, references="network_ports.id")
    trunk_id: str = column(String(36), references="network_trunks.id")
    segmentation_type: str = column(String(16), default="vlan")
    segmentation_id: int = column(Integer)
    __extra__ = (Unique("trunk_id", "segmentation_id"),)
