"""The table of what was made for projects that asked for any network at all."""

from cumulo.core.db import Model, String, column


class Topology(Model, table="network_topologies"):
    """A project's automatic network, and the router that leads out of it."""

    project_id: str = column(String(255), key=True)
    network_id: str = column(String(36), references="network_networks.id", on_delete="CASCADE")
    router_id: str | None = column(
        String(36), default=None, references="network_routers.id", on_delete="SET NULL"
    )
