"""The mini image: a small Linux that boots in seconds even under emulation.

Kernel of Debian's cloud flavour, busybox, dropbear; DHCP, the metadata service or a config drive; some
30 MB. The disk has an MBR and two partitions: FAT with the kernel and the initramfs, which syslinux (BIOS)
and systemd-boot (UEFI) share, and a small ext4 root that takes the whole disk at first boot. What runs in the
guest lies in `guest/mini/`. The login is `root`.
"""

import tempfile
from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path

import msgspec

from cumulo.runtime.images import packages, tools
from cumulo.runtime.images.bootable import TOOLS, UEFI_PACKAGE, Layout, boot_tree, write_image
from cumulo.runtime.images.modules import Modules
from cumulo.runtime.images.tree import Tree, newc

BUSYBOX = "busybox-static"
KERNEL = r"linux-image-\d.*-cloud-amd64"
LIBRARIES = {  # package → the shared libraries that dropbear, resize2fs and mke2fs need of it
    "libc6": ("libc.so.6", "ld-linux-x86-64.so.2"),
    "zlib1g": ("libz.so.1",),
    "libcrypt1": ("libcrypt.so.1",),
    "libgmp10": ("libgmp.so.10",),
    "libtomcrypt1": ("libtomcrypt.so.1",),
    "libtommath1": ("libtommath.so.1",),
    "libext2fs2": ("libext2fs.so.2", "libe2p.so.2"),
    "libcom-err2": ("libcom_err.so.2",),
    "libblkid1": ("libblkid.so.1",),
    "libuuid1": ("libuuid.so.1",),
}
PROGRAMS = {  # package → path in it
    "dosfstools": ("sbin/mkfs.fat",),
    "dropbear-bin": ("usr/sbin/dropbear", "usr/bin/dropbearkey", "usr/bin/dbclient"),
    "e2fsprogs": ("sbin/mke2fs", "sbin/resize2fs"),
}

PROPERTIES = {  # what the catalogue says of the image
    "os_type": "linux",
    "os_distro": "debian",
    "os_admin_user": "root",
    "hw_rng_model": "virtio",
    "cumulo_builder": "mini",
}

FIRST_MODULES = ("virtio_pci", "virtio_blk", "virtio_rng", "virtio_net")
SCSI_MODULES = ("virtio_scsi", "sd_mod", "ata_piix")
DRIVE_MODULES = (
    "ata_piix",
    "virtio_scsi",
    "sd_mod",
    "sr_mod",
    "isofs",
    "nls_utf8",
    "nls_ascii",
    "nls_cp437",
    "vfat",
)
LATE_MODULES = ("button", "evdev", "virtio_balloon", "virtio_console", *DRIVE_MODULES, "8021q", "virtiofs")

# What costs an emulated processor time and gives a small test guest nothing is off. Its cycles are no clock:
# a busy host has them counted wrong at boot, and time runs twice as fast. `rcS` takes KVM's clock if any.
LAYOUT = Layout(
    title="mini",
    command_line=(
        "root=/dev/vda2 console=tty0 console=ttyS0,115200 quiet mitigations=off tsc=reliable no_timer_check "
        "clocksource=acpi_pm cryptomgr.notests random.trust_cpu=on random.trust_bootloader=on nokaslr"
    ),
    boot_mib=24,
    root_mib=24,
    boot_label="MINI",
    root_label="mini-root",
    inodes=2048,
)


class Mini(msgspec.Struct, frozen=True):
    """A built mini image: qcow2 at `path`; the Debian packages it is made of, name → version."""

    path: Path
    packages: dict[str, str]


def build_mini(output: Path, *, cache: Path, say: Callable[[str], None] = lambda _: None) -> Mini:
    """Build the mini image into `output`, with Debian packages kept in `cache`.

    Takes some seconds of one processor and blocks; call it from a thread when on an event loop. Raises
    `tools.ToolMissing`, `packages.PackageUnavailable`, `tools.ToolFailed`.
    """
    tools.require((*TOOLS, "apt-cache", "apt-get", "depmod", "dpkg-deb"))
    say("fetching Debian packages")
    kernel = packages.dependency("linux-image-cloud-amd64", KERNEL)
    fetched = packages.fetch([kernel, BUSYBOX, *LIBRARIES, *PROGRAMS, UEFI_PACKAGE], cache)
    versions = {name: package.version for name, package in sorted(fetched.items())}
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cumulo-mini-", dir=output.parent) as folder:
        work = Path(folder)
        say("unpacking them")
        material = work / "material"
        packages.unpack(list(fetched.values()), material)
        modules = Modules(material)
        say("writing the disk")
        vmlinuz = (material / f"boot/vmlinuz-{modules.release}").read_bytes()
        boot = boot_tree(LAYOUT, vmlinuz, newc(_initramfs(material, modules)), material)
        write_image(LAYOUT, boot, _root(material, modules, versions), output, work)
    say(f"{output} is ready")
    return Mini(output, versions)


def _initramfs(material: Path, modules: Modules) -> Tree:
    tree = Tree()
    for folder in ("dev", "proc", "sys", "root"):
        tree.folder(folder)
    tree.copy(material / "bin/busybox", "bin/busybox", 0o755)
    tree.link("bin/sh", "busybox")
    tree.file("init", _guest_file("init"), 0o755)
    first = modules.closure(FIRST_MODULES)
    scsi = [path for path in modules.closure(SCSI_MODULES) if path not in first]
    _add_modules(tree, modules, first, "modules.first")
    _add_modules(tree, modules, scsi, "modules.scsi")
    return tree


def _root(material: Path, modules: Modules, versions: dict[str, str]) -> Tree:
    tree = Tree()
    for name in (
        "dev",
        "home",
        "media",
        "mnt",
        "proc",
        "run",
        "sys",
        "etc/dropbear",
        "var/log",
        "var/lib/mini",
    ):
        tree.folder(name)
    tree.folder("tmp", 0o1777)
    tree.folder("root", 0o700)
    tree.folder("root/.ssh", 0o700)
    _add_programs(tree, material)
    early = set(modules.closure(FIRST_MODULES))
    for names, listing in ((LATE_MODULES, "modules.late"), (DRIVE_MODULES, "modules.drive")):
        wanted = [path for path in modules.closure(names) if path not in early]
        _add_modules(tree, modules, wanted, f"etc/mini/{listing}")
    for name, content in modules.indexes(modules.closure((*FIRST_MODULES, *LATE_MODULES))).items():
        tree.file(f"lib/modules/{modules.release}/{name}", content)
    for name in ("rcS", "network", "lease", "metadata", "late", "terminal", "shutdown"):
        tree.file(f"etc/mini/{name}", _guest_file(name), 0o755)
    for name in ("functions", "json.awk"):
        tree.file(f"etc/mini/{name}", _guest_file(name))
    tree.file("etc/acpi/PWRF/00000080", _guest_file("power-button"), 0o755)
    for name in ("blkid", "curl", "lsblk", "mkfs", "sudo"):
        tree.file(f"usr/bin/{name}", _guest_file(name), 0o755)
    for name in ("ext2", "ext3", "ext4"):
        tree.link(f"sbin/mkfs.{name}", "mke2fs")
    tree.link("sbin/mkfs.vfat", "mkfs.fat")
    _add_settings(tree)
    tree.file("etc/mini/packages", "".join(f"{name} {version}\n" for name, version in versions.items()))
    return tree


def _add_settings(tree: Tree) -> None:
    """Add what lies in etc: whose system it is, who may log in, where names are looked up."""
    tree.file("etc/inittab", _guest_file("inittab"))
    tree.file("etc/issue", _guest_file("issue"))
    tree.file("etc/hostname", "mini\n")
    tree.file("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
    tree.file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
    tree.file("etc/shadow", "root::19000:0:99999:7:::\n", 0o600)
    tree.file("etc/group", "root:x:0:\ntty:x:5:\n")
    tree.file("etc/shells", "/bin/sh\n")
    # What `mount` tries by itself, whether the kernel has it yet or fetches it by `modprobe` then.
    tree.file("etc/filesystems", "ext4\nvfat\niso9660\n*\n")
    tree.file("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
    tree.link("etc/resolv.conf", "/run/resolv.conf")
    tree.link("var/run", "/run")


def _add_programs(tree: Tree, material: Path) -> None:
    """Add busybox with a link per applet, the other programs, and their libraries."""
    tree.copy(material / "bin/busybox", "bin/busybox", 0o755)
    for applet in tools.run([material / "bin/busybox", "--list"]).split():
        if applet not in {"busybox", "dpkg", "dpkg-deb", "rpm", "linux32", "linux64", "linuxrc"}:
            tree.link(f"bin/{applet}", "busybox")
    for name in ("init", "reboot", "poweroff", "halt", "modprobe"):
        tree.link(f"sbin/{name}", "/bin/busybox")
    for paths in PROGRAMS.values():
        for path in paths:
            tree.copy(material / path, path, 0o755)
    for name in (library for libraries in LIBRARIES.values() for library in libraries):
        found = next(
            path for folder in ("lib", "usr/lib") for path in (material / folder).glob(f"*-linux-gnu/{name}")
        )
        folder = "lib64" if name.startswith("ld-") else "lib/x86_64-linux-gnu"
        tree.copy(found, f"{folder}/{name}", 0o755)


def _add_modules(tree: Tree, modules: Modules, paths: Iterable[str], listing: str) -> None:
    """Add the modules' files, and a file that lists them in the order to load them."""
    lines = []
    for path in paths:
        place = f"lib/modules/{modules.release}/{path}"
        if place not in tree:
            tree.copy(modules.folder / path, place)
        lines.append(f"/{place}\n")
    tree.file(listing, "".join(lines))


def _guest_file(name: str) -> bytes:
    return resources.files("cumulo.runtime.images").joinpath("guest", "mini", name).read_bytes()
