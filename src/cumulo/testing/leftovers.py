"""What a cloud has on the machine and in its engines: to see that what was deleted left nothing."""

import contextlib
import json
from pathlib import Path

from cumulo.node.ports import taps
from cumulo.runtime.engines import libvirt
from cumulo.runtime.state import StateFolder
from cumulo.testing.launched import LaunchedCloud, said_by, until

Inventory = dict[str, set[str]]
EVERYONES = "cumulo_drop"  # the group whose members' traffic is dropped by default; made with the first port
NORTHBOUND = {  # table → a column that says what a row is
    "ACL": "match",
    "Address_Set": "name",
    "DHCP_Options": "cidr",
    "DNS": "records",
    "Logical_Router": "name",
    "Logical_Router_Policy": "match",
    "Logical_Router_Port": "name",
    "Logical_Router_Static_Route": "nexthop",
    "Logical_Switch": "name",
    "Logical_Switch_Port": "name",
    "NAT": "external_ip",
    "Port_Group": "name",
    "QoS": "match",
}


def inventory(cloud: LaunchedCloud) -> Inventory:
    """Return all that stands: domains, ports, OVN rows, namespaces, taps, files, daemons, allocations."""
    state = cloud.state
    found = {
        "domains": _words("virsh", "-c", libvirt.uri(state), "list", "--all", "--name"),
        "switch ports": _switch_ports(state),
        "port bindings": _rows(state, "ovn-sbctl", "sb", "Port_Binding", "logical_port"),
        "namespaces": {name for name in _namespaces() if name.startswith(f"cu{state.instance}-")},
        "taps": set(taps.owned(f"cumulo:{state.instance}:")),
        "guests' files": {path.name for path in (state.path / "node" / "servers").glob("*")},
        "allocations": _allocations(cloud),
        "volumes' files": {
            str(path.relative_to(state.path)) for path in state.path.glob("volumes/*/*") if path.is_file()
        },
        "storage daemons": storage_daemons(state),
        "secrets": _secrets(state),
    }
    for table, column in NORTHBOUND.items():
        found[f"OVN {table}"] = _rows(state, "ovn-nbctl", "nb", table, f"_uuid,{column}")
    return found


def storage_daemons(state: StateFolder) -> set[str]:
    """Return the pids of the daemons that export volumes."""
    sockets = f"/run/cumulo-{state.instance}/".encode(), f"{state.path}/run/".encode()
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes()
            if words.startswith(b"qemu-storage-daemon\0") and any(place in words for place in sockets):
                found.add(folder.name)
    return found


def settled(cloud: LaunchedCloud) -> Inventory:
    """Return what stands once nothing changes any more."""
    seen: list[Inventory] = [{}]

    def unchanged() -> Inventory | None:
        seen.append(inventory(cloud))
        return seen[-1] if seen[-1] == seen[-2] else None

    return until(unchanged, seconds=60, what="the cloud to settle")


def grown(before: Inventory, after: Inventory) -> dict[str, list[str]]:
    """Return what stands now and did not stand before."""
    return {kind: sorted(more) for kind, there in after.items() if (more := there - before[kind])}


def _secrets(state: StateFolder) -> set[str]:
    """Return the secrets that libvirtd knows for guests' disks."""
    listed = said_by(["virsh", "-c", libvirt.uri(state), "-q", "secret-list"])
    return {line.split()[0] for line in listed.splitlines() if line.strip()}


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
    rows = {json.dumps(row) for row in json.loads(listed)["data"]} if listed.strip() else set()
    return {row for row in rows if EVERYONES not in row}


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
