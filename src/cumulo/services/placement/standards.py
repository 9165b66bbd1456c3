"""The resource classes that every cloud shares: those of os-resource-classes."""

CLASSES = (
    "VCPU",
    "MEMORY_MB",
    "DISK_GB",
    "PCI_DEVICE",
    "SRIOV_NET_VF",
    "NUMA_SOCKET",
    "NUMA_CORE",
    "NUMA_THREAD",
    "NUMA_MEMORY_MB",
    "IPV4_ADDRESS",
    "VGPU",
    "VGPU_DISPLAY_HEAD",
    "NET_BW_EGR_KILOBIT_PER_SEC",
    "NET_BW_IGR_KILOBIT_PER_SEC",
    "PCPU",
    "MEM_ENCRYPTION_CONTEXT",
    "FPGA",
    "PGPU",
    "NET_PACKET_RATE_KILOPACKET_PER_SEC",
    "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC",
    "NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC",
)

UNITS = {
    "VCPU": "vCPUs",
    "PCPU": "dedicated CPUs",
    "MEMORY_MB": "MiB of memory",
    "DISK_GB": "GiB of disk",
    "VGPU": "virtual GPUs",
    "NET_BW_EGR_KILOBIT_PER_SEC": "kbit/s outward",
    "NET_BW_IGR_KILOBIT_PER_SEC": "kbit/s inward",
    "NET_PACKET_RATE_KILOPACKET_PER_SEC": "thousand packets/s",
    "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC": "thousand packets/s outward",
    "NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC": "thousand packets/s inward",
}
"""How amounts of a class are spoken of; other classes by their name."""


def spoken(resource: str, amount: int | None = None) -> str:
    """Return `512 MiB of memory`, or `memory` words alone when there is no amount."""
    unit = UNITS.get(resource, resource)
    return unit if amount is None else f"{amount} {unit}"
