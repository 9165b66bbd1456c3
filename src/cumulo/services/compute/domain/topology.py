"""How a server's processors and memory are laid out for its guest: its NUMA nodes, and its pages."""

from typing import Any

from cumulo.contracts.hardware import Cell, Hardware
from cumulo.services.compute import guests
from cumulo.services.compute.model import Server


def of(server: Server) -> dict[str, Any]:
    """Return a server's nodes; none where its flavor and image ask for nothing of the kind.

    Where on the host each lies is the host's to choose, so it is not told.
    """
    hardware = guests.hardware_of(server)
    cells = hardware.cells
    if not cells and (hardware.page_kib or hardware.pinned):
        cells = (Cell(cpus=tuple(range(server.vcpus)), memory_mib=server.memory_mib),)
    pages = hardware.page_kib or None
    return {"nodes": [_node(cell, hardware) for cell in cells], "pagesize_kb": pages if cells else None}


def _node(cell: Cell, hardware: Hardware) -> dict[str, Any]:
    threads = hardware.topology[2] if hardware.topology is not None else 1
    cpus = list(cell.cpus)
    together = [cpus[at : at + threads] for at in range(0, len(cpus), threads)] if threads > 1 else []
    return {"memory_mb": cell.memory_mib, "vcpu_set": cpus, "siblings": together}
