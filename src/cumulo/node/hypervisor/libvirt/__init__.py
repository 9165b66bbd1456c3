"""Real guests by libvirt: QEMU with KVM where a guest really runs in it, else with TCG."""

from cumulo.node.hypervisor.libvirt.driver import LibvirtHypervisor

__all__ = ["LibvirtHypervisor"]
