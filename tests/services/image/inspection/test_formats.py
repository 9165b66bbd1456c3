"""Every other format: what qemu-img makes is accepted with its size, what was tampered with is refused."""

import io
import json
import struct
import subprocess
import tarfile
import tracemalloc
from pathlib import Path

import pytest
from tests.services.image.inspection.test_inspection import inspect

from cumulo.services.image.inspection import ContentRefused, Inspector

MADE = {  # disk_format → qemu-img's name and options
    "vmdk": [("vmdk", ""), ("vmdk", "subformat=streamOptimized"), ("vmdk", "subformat=monolithicSparse")],
    "vdi": [("vdi", ""), ("vdi", "static=on")],
    "vhd": [("vpc", "subformat=dynamic"), ("vpc", "subformat=fixed"), ("vpc", "force_size=on")],
    "vhdx": [("vhdx", ""), ("vhdx", "subformat=fixed"), ("vhdx", "block_size=16M")],
    "ploop": [("parallels", "")],
}
CASES = [(kind, *made) for kind, all_made in MADE.items() for made in all_made]


def make(folder: Path, name: str, options: str = "", size: str = "48M", data: int = 3_000_000) -> bytearray:
    """Convert a disk with some data in the middle into a format of QEMU's."""
    source, path = folder / "source", folder / f"image.{name}"
    with source.open("wb") as file:
        file.truncate(int(size.removesuffix("M")) << 20)
        file.seek(5 << 20)
        file.write(bytes(range(256)) * (data // 256))
    words = ["-o", options] if options else []
    command = ["qemu-img", "convert", "-f", "raw", "-O", name, *words, str(source), str(path)]
    subprocess.run(command, check=True)
    return bytearray(path.read_bytes())


@pytest.mark.parametrize(("kind", "name", "options"), CASES)
def test_what_qemu_makes_is_accepted_with_its_size(tmp_path: Path, kind: str, name: str, options: str):
    content = bytes(make(tmp_path, name, options))
    info = ["qemu-img", "info", "--output=json", "-f", name, str(tmp_path / f"image.{name}")]
    size = json.loads(subprocess.check_output(info))["virtual-size"]
    assert inspect(content, kind).virtual_size == size


@pytest.mark.parametrize(("kind", "name", "options"), CASES)
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, kind: str, name: str, options: str):
    content = bytes(make(tmp_path, name, options))
    for length in (len(content) // 2, 600, 100):
        with pytest.raises(ContentRefused):
            inspect(content[:length], kind)


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("declared", MADE)
def test_a_format_is_only_what_it_is_declared_to_be(tmp_path: Path, kind: str, declared: str):
    if kind != declared:
        with pytest.raises(ContentRefused, match="declared as"):
            inspect(bytes(make(tmp_path, MADE[kind][0][0])), declared)


@pytest.mark.parametrize("kind", MADE)
def test_random_bytes_are_no_disk_of_any_format(kind: str):
    with pytest.raises(ContentRefused):
        inspect(b"random", kind)
    with pytest.raises(ContentRefused):
        inspect(b"", kind)
    with pytest.raises(ContentRefused):
        inspect(bytes(100_000), kind)


def vmdk_with(image: bytearray, old: bytes, new: bytes) -> bytes:
    """Change the descriptor inside."""
    at = image.index(old)
    changed = image[at : 21 * 512].replace(old, new, 1)
    image[at : 21 * 512] = changed[: 21 * 512 - at]
    return bytes(image)


VMDK = {
    "an extent elsewhere": (b'SPARSE "', b'SPARSE "/etc/', "other files"),
    "a flat extent": (b"SPARSE ", b"FLAT   ", "other files"),
    "two extents": (b"RW ", b'RW 1 FLAT "/etc/shadow" 0\nRW ', "other files"),
    "a parent": (b"CID=", b'parentFileNameHint="/etc/shadow"\nCID=', "parent"),
    "a parent's id": (b"parentCID=ffffffff", b"parentCID=12345678", "parent"),
    "another type": (b"monolithicSparse", b"monolithicFlat  ", "type"),
    "a tracked file": (b"CID=", b'changeTrackPath="x"\nCID=', "another file"),
    "no descriptor": (b"# Disk DescriptorFile", b"# Risk DescriptorFile", "no descriptor"),
}


@pytest.mark.parametrize("name", VMDK)
def test_a_vmdk_that_names_other_files_is_refused(tmp_path: Path, name: str):
    old, new, reason = VMDK[name]
    with pytest.raises(ContentRefused, match=reason):
        inspect(vmdk_with(make(tmp_path, "vmdk"), old, new), "vmdk")


VMDK_FIELDS = {
    "no capacity": ("<Q", 12, 0, "virtual size"),
    "a bomb": ("<Q", 12, 1 << 50, "virtual size"),
    "odd grains": ("<Q", 20, 3, "grains"),
    "descriptor elsewhere": ("<Q", 28, 2, "no allowed place"),
    "no descriptor": ("<Q", 28, 0, "no descriptor"),
    "odd tables": ("<I", 44, 7, "entries"),
    "directory beyond the end": ("<Q", 56, 1 << 40, "cut off"),
    "version": ("<I", 4, 9, "version"),
}


@pytest.mark.parametrize("name", VMDK_FIELDS)
def test_a_vmdk_header_is_checked_field_by_field(tmp_path: Path, name: str):
    form, at, value, reason = VMDK_FIELDS[name]
    image = make(tmp_path, "vmdk")
    struct.pack_into(form, image, at, value)
    with pytest.raises(ContentRefused, match=reason):
        inspect(bytes(image), "vmdk")


def test_a_vmdk_has_no_second_descriptor_where_qemu_looks_for_a_parent(tmp_path: Path):
    image = make(tmp_path, "vmdk")
    image += bytes(-len(image) % 512)
    struct.pack_into("<Q", image, 28, len(image) // 512)
    image += image[512 : 21 * 512]  # an honest one, of which the header tells
    parent = b"# Disk DescriptorFile\nCID=00000001\nparentCID=ffffffff\n"
    parent += b'parentFileNameHint="/etc/shadow"\n'
    image[512 : 21 * 512] = parent.ljust(20 * 512, b"\0")
    path = tmp_path / "named.vmdk"
    path.write_bytes(image)
    info = subprocess.check_output(["qemu-img", "info", "-f", "vmdk", "--output=json", str(path)])
    assert json.loads(info)["backing-filename"] == "/etc/shadow"  # QEMU believes that one
    with pytest.raises(ContentRefused, match="no allowed place"):
        inspect(bytes(image), "vmdk")


def test_a_vmdk_that_names_one_grain_table_for_all_is_no_endless_work(tmp_path: Path):
    image = make(tmp_path, "vmdk")
    tables = 1 << 20
    struct.pack_into("<QQ", image, 12, tables * 512, 1)  # capacity, in grains of one sector
    image += bytes(-len(image) % 512)
    struct.pack_into("<Q", image, 56, len(image) // 512 + 4)
    image += bytes(2048) + struct.pack("<I", len(image) // 512) * tables
    with pytest.raises(ContentRefused, match="more grain tables"):
        inspect(bytes(image), "vmdk")


def test_a_vmdk_footer_must_say_what_the_header_says(tmp_path: Path):
    image = make(tmp_path, "vmdk", "subformat=streamOptimized")
    image[56:64] = b"\xff" * 8
    end = len(image)
    footer = bytes(struct.pack("<QII", 0, 0, 3)).ljust(512, b"\0")
    original = bytearray(make(tmp_path, "vmdk", "subformat=streamOptimized")[:512])
    good = bytes(image) + footer + bytes(original) + bytes(512)
    assert inspect(good, "vmdk").virtual_size == 48 << 20
    struct.pack_into("<Q", original, 28, 0)  # another descriptor
    bad = bytes(image) + footer + bytes(original) + bytes(512)
    assert len(bad) == end + 1536
    with pytest.raises(ContentRefused, match="differ"):
        inspect(bad, "vmdk")
    with pytest.raises(ContentRefused, match="no footer"):
        inspect(bytes(image), "vmdk")


def test_vmdk_descriptors_and_old_sparse_files_are_refused():
    for content in (b'# Disk DescriptorFile\nRW 1 FLAT "/etc/shadow" 0\n', b"COWD" + bytes(2048)):
        with pytest.raises(ContentRefused, match="other files"):
            inspect(content, "vmdk")


VDI = {
    "a parent": ("<16s", 0x1B8, b"x" * 16, "parent"),
    "a link": ("<16s", 0x1A8, b"x" * 16, "parent"),
    "a bomb": ("<Q", 0x170, 1 << 60, "virtual size"),
    "a version": ("<I", 0x44, 7, "version"),
    "a type": ("<I", 0x4C, 4, "type"),
    "sectors": ("<I", 0x168, 4096, "blocks"),
    "the map": ("<I", 0x154, 1 << 31, "cut off"),
    "blocks": ("<I", 0x180, 1, "number of blocks"),
}


@pytest.mark.parametrize("name", VDI)
def test_a_vdi_header_is_checked_field_by_field(tmp_path: Path, name: str):
    form, at, value, reason = VDI[name]
    image = make(tmp_path, "vdi")
    struct.pack_into(form, image, at, value)
    with pytest.raises(ContentRefused, match=reason):
        inspect(bytes(image), "vdi")


def test_a_vhd_with_a_parent_or_a_changed_footer_is_refused(tmp_path: Path):
    image = make(tmp_path, "vpc")
    changed = bytearray(image)
    changed[60:64] = struct.pack(">I", 4)
    with pytest.raises(ContentRefused, match="checksum"):
        inspect(bytes(changed), "vhd")
    for start in (0, len(image) - 512):
        image[start + 60 : start + 64] = struct.pack(">I", 4)
        total = sum(image[start : start + 512]) - sum(image[start + 64 : start + 68])
        image[start + 64 : start + 68] = struct.pack(">I", ~total & 0xFFFFFFFF)
    with pytest.raises(ContentRefused, match="parent"):
        inspect(bytes(image), "vhd")


def test_a_vhdx_with_a_parent_or_an_open_log_is_refused(tmp_path: Path):
    image = make(tmp_path, "vhdx")
    item = image.index(bytes.fromhex("3767a1ca36fa434db3b633f0aa44e76b"))
    table = image.index(b"metadata")
    at = table + struct.unpack_from("<I", image, item + 16)[0]
    changed = bytearray(image)
    changed[at + 4] |= 2
    with pytest.raises(ContentRefused, match="parent"):
        inspect(bytes(changed), "vhdx")
    for header in (65536, 131072):
        image[header + 48 : header + 64] = b"x" * 16
    with pytest.raises(ContentRefused, match="log"):
        inspect(bytes(image), "vhdx")


def test_the_metadata_of_a_vhdx_are_not_kept_in_memory(tmp_path: Path):
    image = make(tmp_path, "vhdx")
    at = next(n for n in range(1 << 20, len(image), 1 << 20) if image[n : n + 8] == b"metadata")
    (count,) = struct.unpack_from("<H", image, at + 10)
    least = len(image) - at - (65 << 10)
    for number in range(count, 2047):  # each its own, all of the same bytes
        struct.pack_into(
            "<QQIII", image, at + 32 + 32 * number, number, number, 1 << 16, min(least, 900 << 10), 0
        )
    struct.pack_into("<H", image, at + 10, 2047)
    tracemalloc.start()
    assert inspect(bytes(image), "vhdx").virtual_size == 48 << 20
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4 * len(image)


def test_the_block_table_of_a_vhd_is_read_in_pieces(tmp_path: Path):
    image = make(tmp_path, "vpc", "subformat=dynamic,force_size=on", size="4M", data=256)
    entries = 2 << 20
    content = io.BytesIO()
    footer = bytearray(image[-512:])
    struct.pack_into(">Q", footer, 48, (entries - 1024) // 2 * 512)
    struct.pack_into(">I", footer, 64, ~(sum(footer) - sum(footer[64:68])) & 0xFFFFFFFF)
    head = bytearray(image[512:1536])
    struct.pack_into(">QIII", head, 16, 1536, 0x10000, entries, 512)
    struct.pack_into(">I", head, 36, ~(sum(head) - sum(head[36:40])) & 0xFFFFFFFF)
    content.write(footer + head)
    content.write(b"\xff" * (entries * 4))
    content.write(footer)
    look = Inspector("vhd", "bare", largest=1 << 44)
    tracemalloc.start()
    assert look.finish(content).virtual_size == (entries - 1024) // 2 * 512
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < entries * 4


def test_a_gpt_disk_is_known_by_its_table(tmp_path: Path):
    disk = bytearray(1 << 20)
    fields = (b"EFI PART", 0x10000, 92, 0, 0, 1, 2047, 34, 2014)
    struct.pack_into("<8sIIIIQQQQ", disk, 512, *fields)
    assert inspect(bytes(disk), "gpt").virtual_size == 1 << 20
    assert inspect(bytes(disk), "raw").virtual_size == 1 << 20
    with pytest.raises(ContentRefused, match="cut off"):
        inspect(bytes(disk[:100_000]), "gpt")
    with pytest.raises(ContentRefused, match="no such partition table"):
        inspect(bytes(1 << 20), "gpt")


@pytest.mark.parametrize("kind", ["ami", "ari", "aki"])
def test_parts_of_old_machine_images_must_not_be_disks(tmp_path: Path, kind: str):
    assert inspect(b"kernel or ramdisk", kind, kind).virtual_size == 17
    with pytest.raises(ContentRefused, match="looks like vdi"):
        inspect(bytes(make(tmp_path, "vdi")), kind, kind)


def archive(*names: str) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    return written.getvalue()


def test_an_ova_begins_with_its_descriptor():
    for content in (archive("disk.vmdk", "machine.ovf"), b"machine.ovf", b"", archive()):
        with pytest.raises(ContentRefused, match="declared as ova"):
            inspect(content, "vmdk", "ova")


def test_docker_and_compressed_containers_are_looked_at():
    assert inspect(archive("layer.tar"), "raw", "docker").virtual_size is None
    for container in ("docker", "compressed"):
        with pytest.raises(ContentRefused, match=f"declared as {container}"):
            inspect(b"something else", "raw", container)
