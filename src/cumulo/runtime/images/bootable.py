"""The disk that both images share: FAT for the boot loaders, ext4 for the root.

syslinux (BIOS) and systemd-boot (UEFI) read the same kernel and initramfs from the FAT partition.
"""

from pathlib import Path

import msgspec

from cumulo.runtime.images import disk, filesystems, tools
from cumulo.runtime.images.tree import Tree

UEFI_PACKAGE = "systemd-boot-efi"
TOOLS = ("debugfs", "mcopy", "mformat", "mke2fs", "qemu-img", "syslinux")
_UEFI_LOADER = "usr/lib/systemd/boot/efi/systemd-bootx64.efi"
_BOOT_CODE = Path("/usr/lib/syslinux/mbr/mbr.bin")
_FAT_LBA, _LINUX = 0x0C, 0x83  # partition types
_IDENTITY = 0x6D696E69


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between the disks. Sizes in MiB; `title` is the boot entry's name."""

    title: str
    command_line: str
    boot_mib: int
    root_mib: int
    boot_label: str
    root_label: str
    inodes: int
    journal_mib: int = 4


def boot_tree(layout: Layout, kernel: bytes, initrd: bytes, material: Path) -> Tree:
    """Return the boot partition's files. `material`: where UEFI_PACKAGE is unpacked."""
    line = layout.command_line
    tree = Tree()
    tree.file("vmlinuz", kernel)
    tree.file("initrd", initrd)
    entry = f"LABEL {layout.title}\n KERNEL /vmlinuz\n INITRD /initrd\n APPEND {line}\n"
    tree.file("syslinux.cfg", f"DEFAULT {layout.title}\nPROMPT 0\n{entry}")
    tree.copy(material / _UEFI_LOADER, "EFI/BOOT/BOOTX64.EFI")
    tree.file("loader/loader.conf", "timeout 0\ndefault cloud.conf\n")
    entry = f"title {layout.title}\nlinux /vmlinuz\ninitrd /initrd\noptions {line}\n"
    tree.file("loader/entries/cloud.conf", entry)
    return tree


def write_image(layout: Layout, boot: Tree, root: Tree, output: Path, work: Path) -> None:
    """Write the qcow2 image; intermediate files go to `work`, the image appears whole."""
    fat, ext4, raw, made = (work / name for name in ("boot.fat", "root.ext4", "disk.raw", "disk.qcow2"))
    filesystems.write_fat(boot, fat, mib=layout.boot_mib, label=layout.boot_label, serial=_IDENTITY)
    tools.run(["syslinux", "--install", fat])
    filesystems.write_ext4(
        root,
        ext4,
        mib=layout.root_mib,
        label=layout.root_label,
        inodes=layout.inodes,
        journal_mib=layout.journal_mib,
    )
    partitions = [disk.Partition(fat, _FAT_LBA, bootable=True), disk.Partition(ext4, _LINUX)]
    disk.write_disk(raw, partitions, boot_code=_BOOT_CODE.read_bytes(), identity=_IDENTITY)
    disk.write_qcow2(raw, made)
    made.replace(output)
