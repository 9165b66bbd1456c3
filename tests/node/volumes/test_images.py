"""The files that are made without QEMU, judged by QEMU, and what qemu-img is told."""

import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from cumulo.contracts.volumes import BlockAccess, VolumeSpec
from cumulo.core.drivers import Permanent
from cumulo.node.volumes import images, luks, qcow2
from cumulo.testing.volumes import GIB, MIB, sealed, unlocked

pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(shutil.which("qemu-img") is None, reason="needs QEMU"),
]


def a_file(path: Path, format_: str = "raw") -> BlockAccess:
    return BlockAccess(protocol="file", path=str(path), format=format_)


@pytest.mark.parametrize("size", [1 << 20, GIB, GIB + 512, 16 << 40])
@pytest.mark.parametrize("content", [b"", b"start", b"x" * (3 * MIB + 1)], ids=["empty", "short", "long"])
async def test_qemu_finds_no_fault_with_our_files(tmp_path: Path, size: int, content: bytes):
    file = tmp_path / "image.qcow2"
    content = content[:size]
    file.write_bytes(qcow2.empty(size, content=content))
    subprocess.run(["qemu-img", "check", "-q", file], check=True)
    assert await images.size_of(a_file(file, "qcow2")) == size
    extents = await images.data_extents(a_file(file, "qcow2"))
    assert [one.offset for one in extents] == ([0] if content else [])
    if size < 2 * GIB:
        raw = tmp_path / "image.raw"
        subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", file, raw], check=True)
        with raw.open("rb") as opened:
            assert opened.read(len(content)) == content


def test_what_lies_below_is_written_in_the_header(tmp_path: Path):
    (tmp_path / "low.raw").write_bytes(b"low" * 512)
    upper = tmp_path / "upper.qcow2"
    upper.write_bytes(qcow2.empty(MIB, backing=("low.raw", "raw")))
    assert qcow2.parse(upper.read_bytes()) == qcow2.Header(MIB, "low.raw")
    said = subprocess.run(["qemu-img", "info", "--output=json", upper], check=True, capture_output=True)
    info = msgspec.json.decode(said.stdout)
    assert (info["backing-filename"], info["backing-filename-format"]) == ("low.raw", "raw")
    with pytest.raises(Permanent):
        qcow2.parse(b"QFI")


@pytest.mark.parametrize("bits", [256, 512])
async def test_qemu_opens_our_encrypted_volumes(tmp_path: Path, bits: int):
    spec = msgspec.structs.replace(sealed(), key_bits=bits)
    header = luks.header(spec)
    file, plain = tmp_path / "sealed", tmp_path / "plain"
    file.write_bytes(header + bytes(MIB))
    plain.write_bytes(b"content" * 1000 + bytes(72))
    target = images.Target(lambda _: {"driver": "raw", "file": {"driver": "file", "filename": str(file)}})
    await images.copy(a_file(plain), target, spec)
    assert b"content" not in file.read_bytes()
    opened = unlocked(a_file(file))
    assert await images.size_of(opened) == MIB
    back = tmp_path / "back"
    back.write_bytes(bytes(MIB))
    target = images.Target(lambda _: {"driver": "raw", "file": {"driver": "file", "filename": str(back)}})
    await images.copy(opened, target, VolumeSpec(volume_id="", size_gib=0))
    assert back.read_bytes().startswith(b"content" * 1000)
    with pytest.raises(Permanent) as refusal:
        await images.copy(
            msgspec.structs.replace(opened, passphrase="hush"), target, VolumeSpec(volume_id="", size_gib=0)
        )
    assert "hush" not in str(refusal.value)


@pytest.mark.parametrize("change", [{"cipher": "serpent-xts-plain64"}, {"key_bits": 100}])
def test_other_ciphers_are_refused(change: dict[str, object]):
    with pytest.raises(Permanent):
        luks.header(msgspec.structs.replace(sealed(), **change))


async def test_an_image_that_names_another_file_is_refused(tmp_path: Path):
    (tmp_path / "low.raw").write_bytes(bytes(MIB))
    upper = tmp_path / "upper.qcow2"
    upper.write_bytes(qcow2.empty(MIB, backing=("low.raw", "raw")))
    with pytest.raises(Permanent, match="another file"):
        await images.size_of(a_file(upper, "qcow2"))
    data = tmp_path / "outer.qcow2"
    options = f"data_file={tmp_path}/data.raw"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", options, data, "1M"], check=True)
    with pytest.raises(Permanent):
        await images.size_of(a_file(data, "qcow2"))


def test_secrets_stay_out_of_arguments():
    access = BlockAccess(
        protocol="iscsi", name="iqn.x:y/1", hosts=(("127.0.0.1", 3260),), user="u", secret="hush,hush"
    )
    with images.secrets() as kept:
        words = [*kept.words, images.written(images.options_of(unlocked(access), kept))]
        assert "hush" not in " ".join(words)
        assert len(kept.descriptors) == 2


def test_commas_in_values_are_doubled():
    options = {"driver": "raw", "file": {"driver": "file", "filename": "/a,b"}, "list": [{"a": "1"}]}
    assert images.written(options) == "driver=raw,file.driver=file,file.filename=/a,,b,list.0.a=1"
