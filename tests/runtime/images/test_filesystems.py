import subprocess
from pathlib import Path

import pytest

from cumulo.runtime.images.filesystems import write_ext4, write_fat
from cumulo.runtime.images.tree import Directory, File, Tree


def sample() -> Tree:
    tree = Tree()
    tree.file("etc/hostname", "mini\n")
    tree.file("bin/tool", b"\x7fELF" + bytes(9000), 0o755)
    tree.link("bin/[", "tool")
    tree.folder("tmp", 0o1777)
    tree.put("var/log", Directory(0o2775, (0, 43)))
    tree.put("bin/ping", File(b"x", 0o755, capability=bytes.fromhex("0100000200200000" + "00" * 12)))
    return tree


def debugfs(image: Path, command: str) -> str:
    done = subprocess.run(["debugfs", "-R", command, image], capture_output=True, text=True, check=True)
    return done.stdout


def test_ext4_holds_the_tree_and_is_clean(tmp_path):
    image = tmp_path / "root"
    write_ext4(sample(), image, mib=16, label="r")
    subprocess.run(["e2fsck", "-fn", image], check=True, capture_output=True)
    assert debugfs(image, "cat /etc/hostname") == "mini\n"
    assert "Mode:  0755" in debugfs(image, "stat /bin/tool")
    assert "Mode:  01777" in debugfs(image, "stat /tmp")
    assert 'Fast link dest: "tool"' in debugfs(image, "stat /bin/[")
    assert "User:     0" in debugfs(image, "stat /bin/tool")
    assert "Group:    43" in debugfs(image, "stat /var/log")
    assert "security.capability" in debugfs(image, "ea_list /bin/ping")


def test_two_ext4_of_one_tree_are_equal(tmp_path):
    write_ext4(sample(), tmp_path / "one", mib=16, label="r")
    write_ext4(sample(), tmp_path / "two", mib=16, label="r")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def boot_files() -> Tree:
    tree = Tree()
    tree.file("EFI/BOOT/BOOTX64.EFI", b"MZ")
    tree.file("syslinux.cfg", "DEFAULT x\n")
    return tree


def test_two_fat_file_systems_of_one_tree_are_equal(tmp_path):
    for name in ("one", "two"):
        write_fat(boot_files(), tmp_path / name, mib=4, label="BOOT", serial=7)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    shown = subprocess.run(
        ["mtype", "-i", tmp_path / "one", "::/syslinux.cfg"], capture_output=True, text=True, check=True
    )
    assert shown.stdout == "DEFAULT x\n"


def test_fat_refuses_a_link(tmp_path):
    tree = Tree()
    tree.link("a", "b")
    with pytest.raises(ValueError, match="no links"):
        write_fat(tree, tmp_path / "f", mib=4, label="B", serial=1)
