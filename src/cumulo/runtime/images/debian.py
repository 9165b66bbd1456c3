"""The Debian image: Debian 12 with cloud-init, for servers that are to be like any cloud's.

mmdebstrap installs it into a tar file, whose bytes depend only on the packages; from there it goes the way of
the mini image. The login is `debian`. Kernel updates reach the boot partition by a hook.
"""

import tarfile
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import msgspec

from cumulo.runtime.images import packages, tools
from cumulo.runtime.images.bootable import TOOLS, UEFI_PACKAGE, Layout, boot_tree, write_image
from cumulo.runtime.images.tree import Directory, File, Link, Tree

SUITE = "bookworm"
PACKAGES = (
    "linux-image-cloud-amd64", "systemd-sysv", "systemd-resolved", "systemd-timesyncd", "dbus", "udev",
    "cloud-init", "openssh-server", "netplan.io", "isc-dhcp-client", "iproute2", "iputils-ping",
    "ca-certificates", "kmod", "cloud-guest-utils", "fdisk", "e2fsprogs", "dosfstools", "sudo",
    "initramfs-tools", "busybox", "lz4", "less", "vim-tiny",
)  # fmt: skip
LEFT_OUT = ("doc", "man", "locale", "info")  # below /usr/share
UNUSED = ("e2scrub_reap.service", "e2scrub_all.timer")  # for LVM only, and slow to find that out
LAYOUT = Layout(
    title="debian",
    command_line="root=LABEL=root ro console=tty0 console=ttyS0,115200 quiet net.ifnames=0",
    boot_mib=64,
    root_mib=1024,
    boot_label="BOOT",
    root_label="root",
    inodes=65536,
    journal_mib=16,
)
PROPERTIES = {
    "os_type": "linux",
    "os_distro": "debian",
    "os_version": "12",
    "os_admin_user": "debian",
    "hw_rng_model": "virtio",
    "cumulo_builder": "debian",
}
_CAPABILITY = "SCHILY.xattr.security.capability"
_HOOKS = ("etc/kernel/postinst.d/zz-copy-kernel", "etc/initramfs/post-update.d/zz-copy-kernel")


class Debian(msgspec.Struct, frozen=True):
    """A built Debian image: qcow2 at `path`."""

    path: Path


def build_debian(output: Path, *, cache: Path, say: Callable[[str], None] = lambda _: None) -> Debian:
    """Build the Debian image into `output`, as root or where user namespaces are allowed.

    Takes one or two minutes and some 3 GB of room beside `output`, and blocks. Raises as `build_mini` does.
    """
    tools.require((*TOOLS, "apt-get", "dpkg-deb", "mmdebstrap"))
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cumulo-debian-", dir=output.parent) as folder:
        work = Path(folder)
        material = work / "material"
        packages.unpack(list(packages.fetch([UEFI_PACKAGE], cache).values()), material)
        say("installing Debian with mmdebstrap")
        install(work / "root.tar", work)
        say("reading what it made")
        root = read_tar(work / "root.tar", work / "files")
        add_settings(root)
        say("writing the disk")
        boot = boot_tree(
            LAYOUT, _content(root, "boot/vmlinuz-"), _content(root, "boot/initrd.img-"), material
        )
        write_image(LAYOUT, boot, root, output, work)
    say(f"{output} is ready")
    return Debian(output)


def install(target: Path, work: Path) -> None:
    """Install the packages into a tar file."""
    hook = work / "customize"
    hook.write_bytes(_guest_file("customize"))
    hook.chmod(0o755)
    options = ["--variant=apt", "--aptopt=APT::Install-Recommends false", f"--customize-hook={hook}"]
    options += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in LEFT_OUT]
    options.append(f"--include={','.join(PACKAGES)}")
    tools.run(["mmdebstrap", *options, SUITE, target], environment={"TMPDIR": str(work)})


def read_tar(path: Path, files: Path) -> Tree:
    """Return a tar file's tree; the contents are put into the folder `files`. Devices are left out."""
    files.mkdir()
    tree, hard = Tree(), []
    with tarfile.open(path) as archive:
        for number, member in enumerate(archive):
            name, owner = member.name.removeprefix("./").strip("/"), (member.uid, member.gid)
            if member.isdir() and name not in ("", "."):
                tree.put(name, Directory(member.mode, owner))
            elif member.issym():
                tree.put(name, Link(member.linkname, owner))
            elif member.islnk():
                hard.append((name, member.linkname.removeprefix("./")))
            elif member.isreg():
                content = archive.extractfile(member)
                source = files / str(number)
                source.write_bytes(content.read() if content else b"")
                tree.put(name, File(source, member.mode, owner, _capability(member)))
    for name, same in hard:  # a copy will do: there are hardly any
        tree.put(name, tree[same])
    return tree


def _capability(member: tarfile.TarInfo) -> bytes:
    return member.pax_headers.get(_CAPABILITY, "").encode("utf-8", "surrogateescape")


def add_settings(tree: Tree) -> None:
    """Add what makes it a guest of this cloud."""
    tree.file("etc/fstab", _guest_file("fstab"))
    tree.file("etc/hostname", "debian\n")
    tree.file("etc/cloud/cloud.cfg.d/90_cumulo.cfg", _guest_file("cloud.cfg"))
    tree.link("etc/systemd/system/default.target", "/usr/lib/systemd/system/multi-user.target")
    for unit in UNUSED:
        tree.link(f"etc/systemd/system/{unit}", "/dev/null")
    tree.folder("boot/efi")
    for hook in _HOOKS:
        tree.file(hook, _guest_file("copy-kernel"), 0o755)


def _content(tree: Tree, prefix: str) -> bytes:
    """Return the content of the only file whose path begins so."""
    return next(node.read() for path, node in tree if path.startswith(prefix) and isinstance(node, File))


def _guest_file(name: str) -> bytes:
    return resources.files("cumulo.runtime.images").joinpath("guest", "debian", name).read_bytes()
