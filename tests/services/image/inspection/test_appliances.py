"""Appliances are looked at whole when they come: archive, descriptor and what it names."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.services.image.appliances import OVF, members, pack
from tests.services.image.inspection.test_inspection import inspect

from cumulo.services.image.inspection import ContentRefused
from cumulo.services.image.inspection.reading import Content
from cumulo.services.image.inspection.signatures import Malformed
from cumulo.services.image.inspection.tar import read_members

BOX = {"box.ovf": OVF.encode(), "disk1.vmdk": b"one", "disk2.qcow2": b"two"}


def with_ovf(old: str, new: str) -> bytes:
    assert old in OVF
    return pack(BOX | {"box.ovf": OVF.replace(old, new, 1).encode()})


def with_member(kind: bytes, name: str = "more", data: bytes = b"") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/shadow"
    return pack([*((tarfile.TarInfo(each), text) for each, text in BOX.items()), (info, data)])


def announced(kind: bytes, size: int) -> bytes:
    """An archive of which the first header announces so many bytes of another kind."""
    info = tarfile.TarInfo("long")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT) + pack(BOX)


def records_without_end() -> bytes:
    info = tarfile.TarInfo("long")
    info.type = tarfile.XHDTYPE
    return info.tobuf(tarfile.GNU_FORMAT) * 300 + pack(BOX)


def with_records(**records: str) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, text in BOX.items():
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = len(text), {} if name == "box.ovf" else records
            archive.addfile(info, io.BytesIO(text))
    return written.getvalue()


def broken() -> bytes:
    whole = bytearray(pack(BOX))
    whole[0] ^= 1
    return bytes(whole)


def in_encoding(name: str) -> bytes:
    return pack(BOX | {"box.ovf": f'<?xml version="1.0" encoding="{name}"?><Envelope/>'.encode()})


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "a link": (lambda: with_member(tarfile.SYMTYPE), "plain files"),
    "a hard link": (lambda: with_member(tarfile.LNKTYPE), "plain files"),
    "a folder": (lambda: with_member(tarfile.DIRTYPE), "plain files"),
    "a device": (lambda: with_member(tarfile.BLKTYPE), "plain files"),
    "a sparse file": (lambda: with_member(tarfile.GNUTYPE_SPARSE), "plain files"),
    "sparse records": (lambda: with_records(**{"GNU.sparse.size": "1099511627776"}), "plain files"),
    "a path upwards": (lambda: with_member(tarfile.REGTYPE, "../shadow"), "plain files"),
    "an absolute path": (lambda: with_member(tarfile.REGTYPE, "/etc/shadow"), "plain files"),
    "records without end": (records_without_end, "too many headers"),
    "a path by a record": (lambda: with_records(path="../shadow"), "plain files"),
    "a name twice": (lambda: with_member(tarfile.REGTYPE, "disk1.vmdk"), "twice"),
    "many members": (lambda: pack(BOX | {f"f{n}": b"" for n in range(99)}), "too many"),
    "a long name of 8 GiB": (lambda: announced(tarfile.GNUTYPE_LONGNAME, 8 << 30), "plain files"),
    "records of 8 GiB": (lambda: announced(tarfile.XHDTYPE, 8 << 30), "overlong"),
    "a file beyond the end": (lambda: announced(tarfile.REGTYPE, 8 << 30), "cut off"),
    "a size by a record": (lambda: with_records(size=str(1 << 50)), "cut off"),
    "a size that is no number": (lambda: with_records(size="-1"), "broken"),
    "a header that is changed": (broken, "broken"),
    "an archive that is cut off": (lambda: pack(BOX)[:700], "cut off"),
    "entities": (lambda: with_ovf("?>", '?><!DOCTYPE x [<!ENTITY a "b">]>'), "document type"),
    "entities in UTF-16": (lambda: pack(BOX | {"box.ovf": OVF.encode("utf-16")}), "document type"),
    "a huge descriptor": (lambda: pack(BOX | {"box.ovf": OVF.encode() + b" " * (2 << 20)}), "too large"),
    "a huge manifest": (lambda: pack(BOX | {"box.mf": b" " * (2 << 20)}), "too large"),
    "no XML": (lambda: with_ovf("</Envelope>", ""), "no XML"),
    "an unknown encoding": (lambda: in_encoding("xxx"), "no XML"),
    "an undefined encoding": (lambda: in_encoding("undefined"), "no XML"),
    "an encoding of many bytes a letter": (lambda: in_encoding("utf-7"), "no XML"),
    "another document": (lambda: pack(BOX | {"box.ovf": b"<html/>"}), "no OVF envelope"),
    "two descriptors": (lambda: pack(BOX | {"other.ovf": OVF.encode()}), "exactly one"),
    "a file elsewhere": (lambda: with_ovf("disk1.vmdk", "../../etc/shadow"), "not in its archive"),
    "a file on the web": (lambda: with_ovf("disk1.vmdk", "http://127.0.0.1/x"), "not in its archive"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_appliance_is_refused_when_it_comes(name: str):
    make, reason = HOSTILE[name]
    with pytest.raises(ContentRefused, match=reason):
        inspect(make(), "vmdk", "ova")


def test_an_honest_appliance_passes(tmp_path: Path):
    assert inspect(pack(members(tmp_path)), "vmdk", "ova").virtual_size is None
    assert inspect(with_records(mtime="1.5", comment="x"), "vmdk", "ova").virtual_size is None
    assert inspect(with_records(size="3"), "vmdk", "ova").virtual_size is None


def test_a_bare_descriptor_has_no_document_type_either():
    assert inspect(OVF.encode(), "vmdk", "ovf").virtual_size is None
    assert inspect(b"something else", "vmdk", "ovf").virtual_size is None
    with pytest.raises(ContentRefused, match="document type"):
        inspect(b'<!DOCTYPE x [<!ENTITY a "b">]><Envelope/>', "vmdk", "ovf")


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_our_list_of_an_archive_is_the_same_as_pythons(form: int):
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=form) as archive:
        for name, text in BOX.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))
    with tarfile.open(fileobj=io.BytesIO(written.getvalue())) as archive:
        theirs = [(one.name, one.offset_data, one.size) for one in archive]
    ours = read_members(Content(written)).values()
    assert [(one.name, one.offset, one.size) for one in ours] == theirs


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 1535), st.binary(min_size=1, max_size=24))
def test_noise_in_an_archive_is_refused_or_bears_the_same_names(at: int, noise: bytes):
    whole = bytearray(pack(BOX))
    whole[at : at + len(noise)] = noise
    try:
        found = read_members(Content(io.BytesIO(whole)))
    except Malformed:
        return
    assert all("/" not in name for name in found)
