"""Making a backup, while the cloud runs or not."""

import asyncio
import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cumulo.core import clock
from cumulo.runtime.backup import contents, postgresql, sqlite
from cumulo.runtime.backup.archive import Manifest, Table, Writer
from cumulo.runtime.backup.errors import CannotBackUp
from cumulo.runtime.database import file_of, kind_of
from cumulo.runtime.settings import runtime_settings
from cumulo.runtime.state import StateFolder

_PARTS = ".cumulo-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-????????T??????Z.backup.part"  # as nobody named them
_YOUNG = 60.0  # seconds; younger ones may not be locked yet
_FULL = "no room for it in {folder}: name a FILE on another disk"


def default_name(state: StateFolder) -> str:
    """Return the name of an archive that nobody named."""
    return f"cumulo-{state.instance}-{clock.now():%Y%m%dT%H%M%SZ}.backup"


def make(state: StateFolder, target: Path, *, images: bool = False) -> Manifest:
    """Write the control plane of a cloud into a new file, which is there whole or not at all. CannotBackUp.

    The rows are of one moment, and are taken first: keys that are turned meanwhile open them all the same.
    """
    if not state.exists:
        raise CannotBackUp(f"there is no cloud in {state.path}: name its folder with --state")
    if target.exists():
        raise CannotBackUp(f"{target} is there already: name another file")
    if not target.parent.is_dir():
        raise CannotBackUp(f"{target.parent} is no folder: make it first")
    try:
        _sweep(target.parent)
        with _beside(target) as file, _room(_part_of(target)) as room:
            writer = Writer(file)
            revision, tables = _add_rows(state, writer, room)
            _add_files(state, writer, images=images)
            manifest = Manifest(
                cloud=state.instance,
                host=state.host,
                made=clock.now(),
                database=kind_of(runtime_settings(state).database),
                revision=revision,
                tables=tables,
                images=images,
            )
            return writer.finish(manifest)
    except PermissionError as error:
        raise CannotBackUp(f"{error.filename}: not allowed; use sudo") from error
    except OSError as error:
        why = _FULL.format(folder=target.parent) if error.errno == _NO_SPACE else str(error)
        raise CannotBackUp(f"{target} was not written: {why}") from error


_NO_SPACE = 28  # ENOSPC


def _add_rows(state: StateFolder, writer: Writer, room: Path) -> tuple[str, dict[str, Table]]:
    """Add the database; return its revision, and PostgreSQL's tables."""
    settings = runtime_settings(state).database
    if kind_of(settings) == "SQLite":
        if not file_of(state).exists():
            raise CannotBackUp(
                f"{file_of(state)} is missing: `cumulo up` makes it, `cumulo restore` brings it back"
            )
        copy = room / "sqlite.db"
        revision = sqlite.dump(file_of(state), copy)
        writer.add("database/sqlite.db", copy)
        return revision, {}
    revision, tables = asyncio.run(postgresql.dump(settings.url, room))
    for name in tables:
        writer.add(f"database/{name}.copy", room / f"{name}.copy")
    return revision, tables


def _add_files(state: StateFolder, writer: Writer, *, images: bool) -> None:
    for name in contents.files(state):
        writer.add(f"state/{name}", state.path / name)
    for name in contents.images(state) if images else ():
        try:
            writer.add(f"state/{name}", state.path / name)
        except FileNotFoundError:
            continue  # deleted since


def _sweep(folder: Path) -> None:
    """Remove what backups left that were killed: it takes room, and holds secrets."""
    for part in folder.glob(_PARTS):
        with (
            contextlib.suppress(OSError),
            part.open("rb") as file,
        ):  # another is faster, or is still writing it
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if clock.now().timestamp() - part.stat().st_mtime > _YOUNG:
                with _room(part):
                    part.unlink()


def _part_of(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")


@contextmanager
def _room(part: Path) -> Iterator[Path]:
    """Give a private folder beside an archive that is being written."""
    room = part.with_suffix(".rows")
    shutil.rmtree(room, ignore_errors=True)  # what a killed one left
    room.mkdir(mode=0o700)
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


@contextmanager
def _beside(target: Path) -> Iterator[BinaryIO]:
    """Give a private file to write to, which takes the target's name when all has ended well."""
    part = _part_of(target)
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW
    with os.fdopen(os.open(part, flags, 0o600), "wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotBackUp(f"another backup is being written to {target}") from None
        os.fchmod(file.fileno(), 0o600)
        file.truncate(0)  # what a killed one left
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            part.rename(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
