"""Pools in a Ceph cluster, reached by QEMU's own RBD client."""
