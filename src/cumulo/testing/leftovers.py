"""What a cloud has on the machine and in its engines: to see that what was deleted left nothing."""

import json

from cumulo.runtime.engines import libvirt
from cumulo.runtime.state import StateFolder
from cumulo.testing.launched import LaunchedCloud, said_by

Inventory = dict[str, set[str]]
NORTHBOUND = (
    "ACL",
    "Address_Set",
    "DHCP_Options",
    "DNS",
    "Logical_Router",
    "Logical_Router_Port",
    "Logical_Router_Static_Route",
    "Logical_Switch",
    "Logical_Switch_Port",
    "NAT",
    "Port_Group",
    "QoS",
)


def inventory(cloud: LaunchedCloud) -> Inventory:
    """Return all that stands: domains, ports, OVN rows, namespaces, taps, guests' files, allocations."""
    state = cloud.state
    found = {
        "domains": _words("virsh", "-c", libvirt.uri(state), "list", "--all", "--name"),
        "switch ports": _switch_ports(state),
        "port bindings": _rows(state, "ovn-sbctl", "sb", "Port_Binding", "logical_port"),
        "namespaces": {name for name in _namespaces() if name.startswith(f"cu{state.instance}-")},
        "taps": {name for name in links() if name.startswith("tap")},
        "guests' files": {path.name for path in (state.path / "node" / "servers").glob("*")},
        "allocations": _allocations(cloud),
    }
    for table in NORTHBOUND:
        found[f"OVN {table}"] = _rows(state, "ovn-nbctl", "nb", table, "_uuid")
    return found


def grown(before: Inventory, after: Inventory) -> dict[str, list[str]]:
    """Return what stands now and did not stand before."""
    return {kind: sorted(more) for kind, there in after.items() if (more := there - before[kind])}


def _words(*line: str) -> set[str]:
    return set(said_by(list(line)).split())


def _switch_ports(state: StateFolder) -> set[str]:
    database = f"--db=unix:{state.socket('vswitch')}"
    bridges = (state.integration_bridge, state.external_bridge)
    return set().union(*(_words("ovs-vsctl", database, "list-ports", bridge) for bridge in bridges))


def _rows(state: StateFolder, program: str, name: str, table: str, column: str) -> set[str]:
    database = f"--db=unix:{state.socket(name)}"
    listed = said_by(
        [program, database, "--timeout=10", "--format=json", f"--columns={column}", "list", table]
    )
    return {json.dumps(row) for row in json.loads(listed)["data"]} if listed.strip() else set()


def _namespaces() -> set[str]:
    return {entry["name"] for entry in json.loads(said_by(["ip", "-json", "netns", "list"]) or "[]")}


def links() -> set[str]:
    """Return the names of all network devices of the machine."""
    return {link["ifname"] for link in json.loads(said_by(["ip", "-json", "link", "show"]))}


def _allocations(cloud: LaunchedCloud) -> set[str]:
    found: set[str] = set()
    for provider in cloud.admin.json("resource", "provider", "list"):
        shown = cloud.admin.json("resource", "provider", "show", "--allocations", provider["uuid"])
        found.update(shown.get("allocations") or {})
    return found
