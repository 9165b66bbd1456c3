"""Builders of guest images, from Debian packages only, the same bytes each time.

Nothing here needs root, a loop device or a mount: packages are unpacked by `dpkg-deb`, file systems are
written by `mke2fs`/`debugfs` and mtools straight into files, the partition table and initramfs by Python.
"""
