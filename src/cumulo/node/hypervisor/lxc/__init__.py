"""Containers as servers, by libvirt's LXC driver: unprivileged, from an archive of a root file system."""
