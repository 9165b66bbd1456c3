"""Drivers of a host's hypervisor: `libvirt` (real guests) and `fake` (remembered ones)."""
