"""Backups in a folder: what is kept of each, what comes back, what is found of a damaged one."""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from cumulo.core import ids
from cumulo.core.drivers import Gone, Permanent
from cumulo.services.block_storage.drivers import CHUNK, Piece
from cumulo.services.block_storage.drivers.files import FileBackups

ONE, TWO, THREE = (f"{number}" * 8 + "-1111-4111-8111-111111111111" for number in "123")


@pytest.fixture
def store(tmp_path: Path) -> FileBackups:
    return FileBackups(tmp_path / "backups")


async def given(pieces: Iterable[Piece]) -> AsyncIterator[Piece]:
    for piece in pieces:
        yield piece


async def keep(store: FileBackups, location: str, *pieces: Piece, base: str | None = None):
    return await store.keep(location, given(pieces), base=base, size=1 << 30)


async def content(store: FileBackups, location: str) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    async for piece in store.content(location):
        assert piece.offset % CHUNK == 0
        for start in range(0, len(piece.data), CHUNK):
            found[piece.offset + start] = piece.data[start : start + CHUNK]
    return found


def chunk(letter: bytes) -> bytes:
    return letter * CHUNK


async def test_what_was_kept_comes_back_without_its_zeroes(store: FileBackups):
    begin = chunk(b"a") + bytes(CHUNK) + chunk(b"c")
    made = await keep(store, ONE, Piece(0, begin), Piece(10 * CHUNK, b"end"))
    assert (made.chunks, made.stored) == (3, 2 * CHUNK + 3)
    assert await content(store, ONE) == {0: chunk(b"a"), 2 * CHUNK: chunk(b"c"), 10 * CHUNK: b"end"}
    assert await store.find(ONE) == made


async def test_one_that_builds_on_another_holds_only_what_differs(store: FileBackups):
    first = b"".join(chunk(letter) for letter in (b"a", b"b", b"c", b"d"))
    await keep(store, ONE, Piece(0, first))
    second = chunk(b"a") + chunk(b"B") + bytes(CHUNK) + chunk(b"d")
    made = await keep(store, TWO, Piece(0, second), Piece(9 * CHUNK, b"new"), base=ONE)
    assert (made.chunks, made.stored) == (3, CHUNK + 3)
    third = await keep(store, THREE, Piece(0, chunk(b"a")), base=TWO)
    assert third.stored == 0
    assert await content(store, THREE) == {0: chunk(b"a")}
    parts = {0: chunk(b"a"), CHUNK: chunk(b"B"), 3 * CHUNK: chunk(b"d"), 9 * CHUNK: b"new"}
    assert await content(store, TWO) == parts


async def test_an_archive_is_made_anew_after_a_death(store: FileBackups):
    async def dying() -> AsyncIterator[Piece]:
        yield Piece(0, chunk(b"x"))
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        await store.keep(ONE, dying(), base=None, size=1 << 30)
    with pytest.raises(Gone):
        await store.find(ONE)
    await keep(store, ONE, Piece(0, chunk(b"y")))
    assert await content(store, ONE) == {0: chunk(b"y")}


@pytest.mark.parametrize(
    ("name", "said"),
    [("data", "chunk at byte 65536"), ("index", "index"), ("manifest.json", "damaged manifest")],
)
async def test_a_changed_byte_is_found(store: FileBackups, name: str, said: str):
    await keep(store, ONE, Piece(0, chunk(b"a") + chunk(b"b")))
    assert (await store.verify(ONE)).problems == ()
    path = store.path(ONE, name)
    data = bytearray(path.read_bytes())
    data[-1 if name != "manifest.json" else 0] ^= 1
    path.write_bytes(data)
    proof = await store.verify(ONE)
    assert len(proof.problems) == 1
    assert said in proof.problems[0]
    with pytest.raises(Permanent):
        await content(store, ONE)


async def test_lost_and_swapped_files_are_found(store: FileBackups):
    await keep(store, ONE, Piece(0, chunk(b"a")))
    await keep(store, TWO, Piece(0, chunk(b"b")), base=ONE)
    store.path(TWO, "data").unlink()
    assert "cannot be read" in (await store.verify(TWO)).problems[0]
    await keep(store, TWO, Piece(0, chunk(b"b")), base=ONE)
    await keep(store, ONE, Piece(0, chunk(b"other")[:CHUNK]))
    assert "not what it was" in (await store.verify(TWO)).problems[0]
    with pytest.raises(Permanent, match="not what it was"):
        await content(store, TWO)


async def test_removing_twice_is_removing_once(store: FileBackups):
    await keep(store, ONE, Piece(0, b"a"))
    assert store.locations() == [ONE]
    await store.remove(ONE)
    await store.remove(ONE)
    assert store.locations() == []


async def test_a_name_that_is_no_id_reaches_no_file(store: FileBackups):
    for name in ("..", "../" + ids.dashed(), "a/b", ""):
        with pytest.raises(Permanent):
            await store.find(name)


async def test_what_the_disk_refuses_is_told_without_its_path(store: FileBackups):
    store.folder.write_text("no folder")
    with pytest.raises(Permanent) as caught:
        await keep(store, ONE, Piece(0, b"a"))
    assert str(store.folder) not in str(caught.value)


async def test_nobody_else_may_read_a_backup(store: FileBackups):
    await keep(store, ONE, Piece(0, b"a"))
    assert store.folder.stat().st_mode & 0o077 == 0
    for path in store.path(ONE).iterdir():
        assert path.stat().st_mode & 0o077 == 0
