"""A corpus of honest and hostile images; `qemu-img` and oslo.utils' inspector are the oracles."""

import io
import json
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oslo_utils.imageutils import format_inspector

from cumulo.services.image.inspection import ContentRefused, Inspection, Inspector

LARGEST = 16 << 40
END = struct.pack(">II", 0, 0)


def qcow2(size: int = 1 << 30, *, bits: int = 16, version: int = 3, **changes: int) -> bytearray:
    """An empty qcow2 image: header, refcount table, refcount block, level 1 table."""
    cluster = 1 << bits
    fields = {
        "version": version,
        "backing_offset": 0,
        "backing_length": 0,
        "bits": bits,
        "size": size,
        "encryption": 0,
        "l1_entries": -(-size // (cluster * cluster // 8)),
        "l1_offset": 3 * cluster,
        "refcount_offset": cluster,
        "refcount_clusters": 1,
        "snapshots": 0,
        "snapshots_offset": 0,
        "incompatible": 0,
        "compatible": 0,
        "autoclear": 0,
        "refcount_order": 4,
        "length": 104,
    } | changes
    image = bytearray(4 * cluster)
    struct.pack_into(">4sIQIIQIIQQIIQQQQII", image, 0, b"QFI\xfb", *fields.values())
    return image


def with_extension(image: bytearray, kind: int, data: bytes) -> bytearray:
    record = struct.pack(">II", kind, len(data)) + data + bytes(-len(data) % 8) + END
    image[104 : 104 + len(record)] = record
    return image


def inspect(content: bytes, disk_format: str, container: str = "bare", block: int = 65536) -> Inspection:
    inspector = Inspector(disk_format, container, largest=LARGEST)
    for start in range(0, len(content), block):
        inspector.feed(content[start : start + block])
    return inspector.finish(io.BytesIO(content))


HOSTILE = {
    "backing file": (qcow2(backing_offset=200, backing_length=11), "backing file"),
    "backing file of no length": (qcow2(backing_offset=200), "backing file"),
    "backing format": (with_extension(qcow2(), 0xE2792ACA, b"raw"), "backing file"),
    "data file": (qcow2(incompatible=4), "another file"),
    "name of a data file": (with_extension(qcow2(), 0x44415441, b"/etc/shadow"), "names a file"),
    "unknown feature": (qcow2(incompatible=1 << 40), "not known"),
    "corrupt mark": (qcow2(incompatible=2), "corrupt"),
    "AES": (qcow2(encryption=1), "encrypted"),
    "LUKS": (qcow2(encryption=2), "encrypted"),
    "encryption header": (with_extension(qcow2(), 0x0537BE77, bytes(16)), "encrypted"),
    "version 4": (qcow2(version=4), "version 4"),
    "version 1": (qcow2(version=1), "version 1"),
    "absurd size": (qcow2(size=1 << 62, l1_entries=1), "virtual size"),
    "no size": (qcow2(size=0), "virtual size"),
    "tiny clusters": (qcow2(bits=16)[:20] + struct.pack(">I", 8) + qcow2()[24:], "clusters"),
    "huge clusters": (qcow2()[:20] + struct.pack(">I", 40) + qcow2()[24:], "clusters"),
    "level 1 table too short": (qcow2(l1_entries=0), "level 1"),
    "level 1 table too long": (qcow2(l1_entries=1 << 31), "level 1"),
    "level 1 table beyond the end": (qcow2(l1_offset=1 << 40), "cut off"),
    "level 1 table astride clusters": (qcow2(l1_offset=3 * 65536 + 1), "place"),
    "refcount table too long": (qcow2(refcount_clusters=1 << 20), "reference count"),
    "refcount table nowhere": (qcow2(refcount_offset=0), "place"),
    "wide refcounts": (qcow2(refcount_order=7), "64 bits"),
    "endless header": (qcow2(length=1 << 20), "header of"),
    "short header": (qcow2(length=72), "header of"),
    "odd compression": (qcow2(incompatible=8)[:104] + b"\x07" + qcow2()[105:], "compressed"),
    "endless extension": (
        qcow2()[:104] + struct.pack(">II", 0x1234, 0xFFFFFFF0) + qcow2()[112:],
        "extension",
    ),
    "cut off": (qcow2()[:60], "cut off"),
    "cut off after version 2's part": (qcow2()[:90], "cut off"),
    "only a header": (qcow2()[:4096], "cut off"),
    "raw bytes": (bytearray(b"hello" * 1000), "is not"),
    "nothing": (bytearray(), "is not"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("block", [1, 65536, 1 << 30])
def test_a_hostile_qcow2_is_refused_with_a_reason(name: str, block: int):
    content, reason = HOSTILE[name]
    if block == 1:
        content = content[:70_000]
    with pytest.raises(ContentRefused, match="refused: ") as caught:
        inspect(bytes(content), "qcow2", block=block)
    if block > 1:
        assert reason in caught.value.message


def test_one_level_2_table_named_for_all_is_no_endless_work():
    image = qcow2(size=1 << 30, l1_entries=1 << 20) + bytes(8 << 20)
    struct.pack_into(f">{1 << 20}Q", image, 3 << 16, *[3 << 16] * (1 << 20))
    with pytest.raises(ContentRefused, match="more level 2 tables"):
        inspect(bytes(image), "qcow2")


@pytest.mark.parametrize("name", HOSTILE)
def test_no_hostile_image_passes_as_raw_if_qemu_would_know_it(name: str):
    content, _ = HOSTILE[name]
    if content.startswith(b"QFI\xfb"):
        with pytest.raises(ContentRefused, match="looks like qcow2"):
            inspect(bytes(content), "raw")
    else:
        assert inspect(bytes(content), "raw").virtual_size == len(content)


@pytest.mark.parametrize("options", [[], ["-o", "cluster_size=2M"], ["-o", "cluster_size=512"],
                                     ["-o", "compat=0.10"], ["-o", "extended_l2=on"],
                                     ["-o", "lazy_refcounts=on"], ["-o", "refcount_bits=1"],
                                     ["-o", "compression_type=zstd"]])  # fmt: skip
@pytest.mark.parametrize("size", ["1M", "10G"])
def test_what_qemu_makes_is_accepted_with_its_size(tmp_path: Path, options: list[str], size: str):
    path = tmp_path / "image.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *options, path, size], check=True)
    content = path.read_bytes()
    info = json.loads(subprocess.check_output(["qemu-img", "info", "--output=json", path]))
    found = inspect(content, "qcow2")
    assert found == Inspection(len(content), info["virtual-size"])


def test_qemu_too_reads_our_empty_image(tmp_path: Path):
    path = tmp_path / "image.qcow2"
    path.write_bytes(qcow2(size=5 << 30))
    info = json.loads(subprocess.check_output(["qemu-img", "info", "-f", "qcow2", "--output=json", path]))
    assert info["virtual-size"] == 5 << 30 == inspect(path.read_bytes(), "qcow2").virtual_size


@pytest.mark.parametrize("kind", ["vmdk", "vdi", "vhdx", "vpc", "qed", "parallels"])
def test_other_formats_are_neither_raw_nor_qcow2(tmp_path: Path, kind: str):
    path = tmp_path / "image"
    subprocess.run(["qemu-img", "create", "-q", "-f", kind, path, "8M"], check=True)
    for declared in ("raw", "qcow2", "iso"):
        with pytest.raises(ContentRefused):
            inspect(path.read_bytes(), declared)


def test_an_encrypted_disk_is_raw_bytes_and_nothing_else():
    content = b"LUKS\xba\xbe\0\2" + bytes(100_000)
    inspect(content, "raw")  # an image of an encrypted volume is that
    for declared in ("qcow2", "iso"):
        with pytest.raises(ContentRefused):
            inspect(content, declared)


def test_a_fixed_vhd_is_known_by_its_end(tmp_path: Path):
    path = tmp_path / "image"
    subprocess.run(["qemu-img", "create", "-q", "-f", "vpc", "-o", "subformat=fixed", path, "4M"], check=True)
    with pytest.raises(ContentRefused, match="ends like a vhd"):
        inspect(path.read_bytes(), "raw", block=1000)


def test_an_iso_may_be_declared_iso_or_raw():
    content = bytes(0x8001) + b"CD001" + bytes(4096)
    assert inspect(content, "iso").virtual_size == len(content)
    assert inspect(content, "raw").virtual_size == len(content)
    with pytest.raises(ContentRefused, match="declared as iso"):
        inspect(bytes(100_000), "iso")


def test_what_is_no_disk_has_no_virtual_size():
    assert inspect(b"<Envelope/>", "vmdk", "ovf") == Inspection(11, None)
    assert inspect(b"\x1f\x8brandom", "raw", "compressed") == Inspection(8, None)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 120), st.binary(min_size=1, max_size=8))
def test_a_changed_header_never_crashes_nor_passes_what_the_oracle_refuses(at: int, noise: bytes):
    content = qcow2()
    content[at : at + len(noise)] = noise
    oracle = format_inspector.QcowInspector()
    try:
        inspect(bytes(content), "qcow2")
    except ContentRefused:
        return
    oracle.eat_chunk(bytes(content))
    assert oracle.format_match
    oracle.safety_check()
