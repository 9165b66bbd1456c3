"""Who may use what is another project's."""

from datetime import datetime

from cumulo.core import clock, ids
from cumulo.core.db import Model, String, Unique, When, column

EVERYONE = "*"
SHARED, EXTERNAL = "access_as_shared", "access_as_external"


class RbacPolicy(Model, table="network_rbac_policies"):
    """A project, or everyone (`*`), may use one object. `action` is neutron's word for how."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    project_id: str = column(String(255), index=True)
    object_type: str = column(String(32))
    object_id: str = column(String(36))
    target_project: str = column(String(255), index=True)
    action: str = column(String(32))
    created_at: datetime = column(When, default_factory=clock.now)
    __extra__ = (Unique("object_id", "target_project", "action", name="uq_network_rbac_policies"),)
