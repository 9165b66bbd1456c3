"""Ways to volumes that last: a guest's requests wait while an export is gone, and go on once it is back.

QEMU's NBD client can reconnect (`reconnect-delay`), which Debian 12's libvirt 9.0 has no word for. So each
NBD node that libvirt made is put in the place of one that reconnects, under the same name, through a third
that stands in meanwhile; QEMU lets no request be in flight while a node's child changes. Without it, a
volume's daemon could never be started anew under a running guest, nor a volume grow: an export is as large as
it was when it was made (QEMU's QMP reference: blockdev-add, blockdev-reopen, block-export-add).
"""

import json
import xml.etree.ElementTree as ET
from typing import Any

import libvirt_qemu

from cumulo.node.hypervisor.libvirt.connection import Domain
from cumulo.node.hypervisor.libvirt.definitions import parse

WITHIN = 300  # seconds in which an export must be back, before its guest sees an error
PAGE = 512  # bytes that are read to have QEMU connect anew


def make_lasting(domain: Domain) -> None:
    """Have all NBD disks of an active domain reconnect. Those that do already are left alone.

    The marks of those that are gone go.
    """
    disks = parse(domain.XMLDesc()).iterfind("devices/disk")
    exported = [disk for disk in disks if disk.find("source[@protocol='nbd']") is not None]
    if not exported:
        return
    nodes = {node["node-name"]: node for node in ask(domain, "query-named-block-nodes", flat=True)}
    for disk in exported:
        _replace(domain, disk, nodes)
    marks = {_mark(_number(disk)) for disk in exported}
    for name in [name for name in nodes if name.startswith(_mark("")) and name not in marks]:
        ask(domain, "blockdev-del", **{"node-name": name})  # of a disk that the guest was slow to let go


def reconnect(domain: Domain, disk: ET.Element) -> None:
    """Have QEMU read a little of an NBD disk: only a request makes it connect anew and see a new size."""
    alias = disk.find("alias")
    if disk.find("source[@protocol='nbd']") is None or alias is None:
        return
    device = f"/machine/peripheral/{alias.get('name')}"
    if disk.find("target[@bus='virtio']") is not None:
        device += "/virtio-backend"
    ask(domain, "human-monitor-command", **{"command-line": f'qemu-io -d {device} "read 0 {PAGE}"'})


def forget(domain: Domain, disk: ET.Element) -> None:
    """Remove the mark of a disk that is gone."""
    number = _number(disk)
    marks = {node["node-name"] for node in ask(domain, "query-named-block-nodes", flat=True)}
    if _mark(number) in marks:
        ask(domain, "blockdev-del", **{"node-name": _mark(number)})


def _replace(domain: Domain, disk: ET.Element, nodes: dict[str, Any]) -> None:
    number = _number(disk)
    mark, storage, format_ = _mark(number), f"libvirt-{number}-storage", f"libvirt-{number}-format"
    standing_in = f"stand-in-{number}"
    if mark in nodes or format_ not in nodes:
        return
    client = _client(disk)
    parent = _parent(nodes[format_], format_)
    if standing_in not in nodes:
        ask(domain, "blockdev-add", **client, **{"node-name": standing_in})
    ask(domain, "blockdev-reopen", options=[{**parent, "file": standing_in}])
    if storage in nodes:
        ask(domain, "blockdev-del", **{"node-name": storage})
    ask(domain, "blockdev-add", **client, **{"node-name": storage})
    ask(domain, "blockdev-reopen", options=[{**parent, "file": storage}])
    ask(domain, "blockdev-del", **{"node-name": standing_in})
    ask(domain, "blockdev-add", **{"driver": "null-co", "node-name": mark, "size": 0})


def _number(disk: ET.Element) -> str:
    source = disk.find("source")
    return "" if source is None else source.get("index", "")


def _mark(number: str) -> str:
    return f"lasting-{number}"


def _client(disk: ET.Element) -> dict[str, Any]:
    """Return the options of a client of the disk's export that reconnects."""
    source, host = disk.find("source"), disk.find("source/host")
    if source is None or host is None:
        return {}
    if host.get("transport") == "unix":
        server = {"type": "unix", "path": host.get("socket")}
    else:
        server = {"type": "inet", "host": host.get("name"), "port": host.get("port", "10809")}
    options: dict[str, Any] = {"driver": "nbd", "server": server, "export": source.get("name", "")}
    if source.get("tls") == "yes":
        options["tls-creds"] = f"objlibvirt-{_number(disk)}-storage_tls0"
    if disk.find("readonly") is not None:
        options["read-only"] = True
    shared = {"reconnect-delay": WITHIN, "cache": {"direct": True}, "discard": "unmap"}
    return {**options, **shared}


def _parent(node: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the options of the node above, as libvirt made it: what is left out would be reset."""
    options: dict[str, Any] = {
        "driver": node["drv"],
        "node-name": name,
        "read-only": node["ro"],
        "discard": "unmap",
        "cache": {"direct": True, "no-flush": False},
    }
    if node["drv"] == "luks":
        options["key-secret"] = f"{name}-encryption-secret0"
    return options


def ask(domain: Domain, command: str, **arguments: Any) -> Any:
    """Return what QEMU answers to a QMP command."""
    text = json.dumps({"execute": command, "arguments": arguments})
    return json.loads(libvirt_qemu.qemuMonitorCommand(domain, text, 0))["return"]
