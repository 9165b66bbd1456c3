"""What an archive is, and each that is none: foreign, damaged, cut short, hostile or newer."""

import gzip
import io
import json
import random
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cumulo.runtime.backup import archive
from cumulo.runtime.backup.archive import Manifest, Writer
from cumulo.runtime.backup.errors import BadArchive, CannotBackUp

SECRET = random.Random(1).randbytes(1_500_000)  # noqa: S311  no secret at all
HEAD = {"format": "cumulo control plane", "version": 1}
MANIFEST = {
    "cloud": "abcd",
    "host": "here",
    "made": "2026-11-21T00:00:00Z",
    "database": "SQLite",
    "revision": "0001",
    "members": [],
}


def manifest() -> Manifest:
    made = datetime(2026, 11, 21, tzinfo=UTC)
    return Manifest(cloud="abcd", host="here", made=made, database="SQLite", revision="0001")


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """An archive of two members."""
    source, target = tmp_path / "source", tmp_path / "whole.backup"
    source.write_bytes(SECRET)
    with target.open("wb") as file:
        writer = Writer(file)
        writer.add("state/admin-password", source)
        writer.add("database/sqlite.db", source)
        writer.finish(manifest())
    return target


def crafted(path: Path, *members: tuple[tarfile.TarInfo | str, bytes]) -> Path:
    """Write a tar of these members, whatever they are."""
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT) as made:
        for described, content in members:
            header = tarfile.TarInfo(described) if isinstance(described, str) else described
            header.size = len(content)
            made.addfile(header, io.BytesIO(content))
    return path


def head(**changed: object) -> tuple[str, bytes]:
    return "cumulo-backup", json.dumps(HEAD | changed).encode()


def test_what_was_put_in_is_read_and_tar_shows_it(whole: Path):
    got: dict[str, bytes] = {}
    found = archive.read(whole, lambda name, content: got.update({name: b"".join(content)}))
    assert [member.name for member in found.members] == ["state/admin-password", "database/sqlite.db"]
    assert got == dict.fromkeys(["state/admin-password", "database/sqlite.db"], SECRET)
    assert found.size == 2 * len(SECRET)
    with tarfile.open(whole) as shown:
        assert shown.getnames() == ["cumulo-backup", *got, "manifest.json"]


def test_a_member_that_nobody_takes_is_checked_all_the_same(whole: Path):
    assert archive.read(whole, lambda _name, _content: None).cloud == "abcd"


@pytest.mark.parametrize(
    "content",
    [b"", b"not at all", gzip.compress(b"x" * 2000), gzip.compress(bytes(2000))],
    ids=["empty", "text", "compressed text", "compressed zeros"],
)
def test_another_file_is_said_to_be_no_backup(content: bytes, tmp_path: Path):
    file = tmp_path / "thesis.gz"
    file.write_bytes(content)
    with pytest.raises(BadArchive, match=r"no backup of Cumulo|is damaged|is no plain file"):
        archive.read(file)


def test_every_byte_that_changes_is_found(whole: Path):
    content = bytearray(whole.read_bytes())
    for place in range(12, len(content), max(1, len(content) // 200)):
        broken = content.copy()
        broken[place] ^= 0x55
        whole.write_bytes(broken)
        with pytest.raises(BadArchive, match=r"is damaged|no backup|not to be trusted|newer"):
            archive.read(whole)


def test_a_file_that_was_cut_short_is_found_at_every_length(whole: Path):
    content = whole.read_bytes()
    for length in range(0, len(content) - 1, max(1, len(content) // 100)):
        whole.write_bytes(content[:length])
        with pytest.raises(BadArchive):
            archive.read(whole)


def test_a_newer_format_is_said_to_be_newer(tmp_path: Path):
    file = crafted(tmp_path / "new", head(version=2), ("manifest.json", json.dumps(MANIFEST).encode()))
    with pytest.raises(BadArchive, match="made by a newer Cumulo"):
        archive.read(file)


def test_another_format_is_foreign(tmp_path: Path):
    with pytest.raises(BadArchive, match="no backup of Cumulo's control plane"):
        archive.read(crafted(tmp_path / "other", head(format="other")))


def link(kind: bytes) -> tarfile.TarInfo:
    made = tarfile.TarInfo("state/policy.yaml")
    made.type, made.linkname = kind, "/etc/shadow"
    return made


@pytest.mark.parametrize(
    "member",
    [
        "../outside",
        "state/../../outside",
        "/etc/passwd",
        "state/cumulo.db",
        "state/token-keys/../../x.key",
        "state/hosts/../x/config.toml",
        "state/hosts/a/run",
        "state/log/server.log",
        "database/x.sql",
        "state/" + "long" * 100,
        link(tarfile.SYMTYPE),
        link(tarfile.LNKTYPE),
        link(tarfile.CHRTYPE),
        link(tarfile.DIRTYPE),
        link(tarfile.XHDTYPE),
    ],
    ids=lambda member: member if isinstance(member, str) else f"type {member.type.decode()}",
)
def test_a_hostile_member_is_refused_and_not_given_out(member: tarfile.TarInfo | str, tmp_path: Path):
    given: list[str] = []
    file = crafted(tmp_path / "bad", head(), (member, b""), ("manifest.json", json.dumps(MANIFEST).encode()))
    with pytest.raises(BadArchive, match="not to be trusted"):
        archive.read(file, lambda name, _content: given.append(name))
    assert given == []


def test_a_member_that_comes_twice_is_refused(tmp_path: Path):
    twice = [("state/host", b"one"), ("state/host", b"two")]
    with pytest.raises(BadArchive, match="not to be trusted"):
        archive.read(crafted(tmp_path / "bad", head(), *twice))


def test_a_member_that_is_not_listed_is_found(tmp_path: Path):
    file = crafted(
        tmp_path / "bad", head(), ("state/host", b"one"), ("manifest.json", json.dumps(MANIFEST).encode())
    )
    with pytest.raises(BadArchive, match="state/host is not what was put in"):
        archive.read(file)


def test_what_no_archive_may_hold_is_not_written(tmp_path: Path):
    (tmp_path / "x").touch()
    with pytest.raises(CannotBackUp, match="cannot hold"):
        Writer(io.BytesIO()).add("state/run/x", tmp_path / "x")
