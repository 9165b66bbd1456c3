"""The tables of what traffic may cost and is promised: QoS policies and their rules."""

from datetime import datetime

from cumulo.core import clock, ids
from cumulo.core.db import Boolean, Index, Integer, Model, String, When, column
from cumulo.services.network.model.standard import Named


class QosPolicy(Named, table="network_qos_policies"):
    """Rules for ports, networks and floating IPs. The one that is a project's default is for new networks."""

    is_default: bool = column(Boolean, default=False)
    __extra__ = (
        Index("project_id", name="uq_network_qos_policies_default", unique=True, where="is_default"),
    )


class QosRule(Model, table="network_qos_rules"):
    """A rule of a policy. `kind` is neutron's word (`bandwidth_limit`) and says which numbers it has.

    Bandwidths in kbit/s, bursts in kbit, packet rates in thousands/s; `direction` is seen from the guest.
    """

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    policy_id: str = column(String(36), references="network_qos_policies.id", on_delete="CASCADE", index=True)
    kind: str = column(String(32))
    direction: str | None = column(String(16), default=None)
    max_kbps: int | None = column(Integer, default=None)
    max_burst_kbps: int | None = column(Integer, default=None)
    min_kbps: int | None = column(Integer, default=None)
    min_kpps: int | None = column(Integer, default=None)
    dscp_mark: int | None = column(Integer, default=None)
    created_at: datetime = column(When, default_factory=clock.now)
