"""Calls that Nova has given up for good: whoever makes one is told so. Each with the release that did it."""

from typing import Any

from cumulo.core.errors import Gone
from cumulo.core.http import Ctx, RouteSet
from cumulo.services.compute import policy

routes = RouteSet()
REMOVED = (
    ("GET", "/os-agents", "22.0.0"),
    ("POST", "/os-agents", "22.0.0"),
    ("PUT", "/os-agents/{agent_build_id}", "22.0.0"),
    ("DELETE", "/os-agents/{agent_build_id}", "22.0.0"),
    ("GET", "/os-cells", "20.0.0"),
    ("POST", "/os-cells", "20.0.0"),
    ("GET", "/os-cells/capacities", "20.0.0"),
    ("GET", "/os-cells/detail", "20.0.0"),
    ("GET", "/os-cells/info", "20.0.0"),
    ("POST", "/os-cells/sync_instances", "20.0.0"),
    ("GET", "/os-cells/{cell_id}", "20.0.0"),
    ("PUT", "/os-cells/{cell_id}", "20.0.0"),
    ("DELETE", "/os-cells/{cell_id}", "20.0.0"),
    ("GET", "/os-cells/{cell_id}/capacities", "20.0.0"),
    ("POST", "/os-certificates", "16.0.0"),
    ("GET", "/os-certificates/{certificate_id}", "16.0.0"),
    ("GET", "/os-cloudpipe", "16.0.0"),
    ("POST", "/os-cloudpipe", "16.0.0"),
    ("PUT", "/os-cloudpipe/{cloudpipe_id}", "16.0.0"),
    ("GET", "/os-fixed-ips/{fixed_ip}", "18.0.0"),
    ("POST", "/os-fixed-ips/{fixed_ip}/action", "18.0.0"),
    ("GET", "/os-floating-ip-dns", "18.0.0"),
    ("PUT", "/os-floating-ip-dns/{domain}", "18.0.0"),
    ("DELETE", "/os-floating-ip-dns/{domain}", "18.0.0"),
    ("GET", "/os-floating-ip-dns/{domain}/entries/{entry}", "18.0.0"),
    ("PUT", "/os-floating-ip-dns/{domain}/entries/{entry}", "18.0.0"),
    ("DELETE", "/os-floating-ip-dns/{domain}/entries/{entry}", "18.0.0"),
    ("GET", "/os-floating-ips-bulk", "18.0.0"),
    ("POST", "/os-floating-ips-bulk", "18.0.0"),
    ("GET", "/os-floating-ips-bulk/{host_name}", "18.0.0"),
    ("PUT", "/os-floating-ips-bulk/delete", "18.0.0"),
    ("GET", "/os-fping", "18.0.0"),
    ("GET", "/os-fping/{server_id}", "18.0.0"),
    ("POST", "/os-networks", "21.0.0"),
    ("POST", "/os-networks/add", "21.0.0"),
    ("DELETE", "/os-networks/{network_id}", "21.0.0"),
    ("POST", "/os-networks/{network_id}/action", "21.0.0"),
    ("GET", "/os-security-group-default-rules", "21.0.0"),
    ("POST", "/os-security-group-default-rules", "21.0.0"),
    ("GET", "/os-security-group-default-rules/{rule_id}", "21.0.0"),
    ("DELETE", "/os-security-group-default-rules/{rule_id}", "21.0.0"),
    ("POST", "/os-tenant-networks", "21.0.0"),
    ("DELETE", "/os-tenant-networks/{network_id}", "21.0.0"),
    ("GET", "/servers/{server_id}/consoles", "21.0.0"),
    ("POST", "/servers/{server_id}/consoles", "21.0.0"),
    ("GET", "/servers/{server_id}/consoles/{console_id}", "21.0.0"),
    ("DELETE", "/servers/{server_id}/consoles/{console_id}", "21.0.0"),
    ("GET", "/servers/{server_id}/os-virtual-interfaces", "18.0.0"),
)
ACTIONS = (  # of servers, each with the last version that had it
    ("resetNetwork", "23.0.0", None),
    ("os-getRDPConsole", "29.0.0", "2.5"),
)


def remove(method: str, path: str, release: str, action: str | None = None, until: str | None = None) -> None:
    """Declare a call that is gone."""

    async def gone(ctx: Ctx) -> Any:
        """Say that the call is gone."""
        del ctx
        raise Gone(f"This call was removed from the compute API in Nova's release {release}.")

    routes.route(method, path, policy=policy.REMOVED, action=action, until=until)(gone)


for _method, _path, _release in REMOVED:
    remove(_method, _path, _release)
for _action, _release, _until in ACTIONS:
    remove("POST", "/servers/{server_id}/action", _release, _action, _until)
