"""Bringing a control plane back: everything is checked, then unpacked beside, then exchanged at once."""

import asyncio
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
import msgspec

from cumulo.core import clock
from cumulo.core.config import BadSetting
from cumulo.core.db import migrations
from cumulo.runtime.backup import archive, contents, postgresql, sqlite
from cumulo.runtime.backup.archive import Manifest
from cumulo.runtime.backup.errors import BadArchive, CannotRestore
from cumulo.runtime.database import file_of, kind_of
from cumulo.runtime.engines.libvirt import running_guests
from cumulo.runtime.engines.processes import Record
from cumulo.runtime.engines.server import NAME
from cumulo.runtime.hosts.folder import FOLDER, hosts_of
from cumulo.runtime.settings import DatabaseSettings, runtime_settings
from cumulo.runtime.state import RUN, StateFolder
from cumulo.runtime.supervisor.keeping import supervisor_of

_HOLE = 64 << 10  # bytes; runs of zeros so long are left as holes
_SPARE = 64 << 20  # bytes that stay free
_STAGE, _KEPT = ".restoring", "replaced"
_OURS = {"config.toml", "lost+found", _STAGE}  # what a folder may have that is no cloud yet
_SHAPES = {
    "instance": rb"[0-9a-f]{4}\n?",
    "host": rb"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}\n?",
    "number": rb"[1-9][0-9]{0,2}\n?",
    "underlay": rb"[0-9.]{7,15}/[0-9]{1,2}\n?",
    "external-network": rb"[0-9.]{7,15}/[0-9]{1,2}\n?",
}
"""Of what files may consist by which paths, devices and addresses of the machine are named."""


class Restored(msgspec.Struct, frozen=True):
    """What came of it. kept: where what was there before is; strangers: servers that run, unknown now."""

    manifest: Manifest
    kept: Path | None
    strangers: list[str]


def restore(state: StateFolder, file: Path, *, force: bool = False, keep_settings: bool = False) -> Restored:
    """Make a state folder the cloud of an archive. BadArchive and CannotRestore: nothing was changed.

    force: replace a cloud that is there; keep_settings: with the `config.toml` that the folder has.
    """
    manifest = archive.read(file)
    _refuse(state, manifest, force=force)
    state.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    stage = StateFolder(state.path / _STAGE)
    shutil.rmtree(stage.path, ignore_errors=True)
    try:
        _unpack(file, manifest, stage)
        if keep_settings:
            _keep_settings(state, stage)
        settings = _settings(state, stage, manifest)
        if settings.url:
            asyncio.run(postgresql.check(settings.url, force=force or state.unfinished.exists()))
        again = state.unfinished.exists()
        _mark(state, again=again)
        if settings.url:
            _load(state, settings, stage, manifest, again=again)
        kept = _exchange(state, stage)
        state.unfinished.unlink()
    finally:
        shutil.rmtree(stage.path, ignore_errors=True)
    return Restored(manifest, kept, _strangers(state, settings))


def _refuse(state: StateFolder, manifest: Manifest, *, force: bool) -> None:
    """Raise what forbids the restore, cheapest first."""
    try:
        migrations.script("postgresql", manifest.revision)
    except migrations.NewerDatabase as error:
        text = f"the archive's database is of revision {manifest.revision}, which only a newer Cumulo knows"
        raise BadArchive(f"{text}: restore it with that") from error
    _refuse_running(state)
    if state.exists and not force and not state.unfinished.exists():
        raise CannotRestore(f"there is a cloud in {state.path}: --force replaces its control plane")
    others = {entry.name for entry in state.path.iterdir()} - _OURS if state.path.exists() else set()
    if others and not state.exists and not state.unfinished.exists():
        raise CannotRestore(f"{state.path} holds other things ({min(others)}): name an empty or new folder")
    place = next(p for p in (state.path, *state.path.parents) if p.exists())
    if shutil.disk_usage(place).free < manifest.size + _SPARE:
        raise CannotRestore(f"{state.path} has no room for {manifest.size / 1e6:.0f} MB: free some")


def _mark(state: StateFolder, *, again: bool) -> None:
    """Mark the folder as no cloud. A supervisor that starts looks for this once it can be found, as here."""
    state.unfinished.touch(mode=0o600)
    try:
        _refuse_running(state)
    except CannotRestore:
        if not again:
            state.unfinished.unlink()
        raise


def _refuse_running(state: StateFolder) -> None:
    running = [one.path for one in (state, *hosts_of(state)) if _runs(one)]
    if running:
        raise CannotRestore(f"the cloud in {running[0]} runs: `cumulo down` first (guests may go on)")


def _runs(state: StateFolder) -> bool:
    return supervisor_of(state) is not None or Record(state.run / f"{NAME}.process").find() is not None


def _unpack(file: Path, manifest: Manifest, stage: StateFolder) -> None:
    """Put the archive's members beside, and check them again. BadArchive when the file has been exchanged."""

    def take(name: str, content: Iterator[bytes]) -> None:
        target = stage.path / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(target, content)

    if archive.read(file, take) != manifest:
        raise BadArchive(f"{file} changed while it was read")
    for name, shape in _SHAPES.items():
        for said in (stage.path / "state").glob(f"**/{name}"):
            if said.is_file() and not re.fullmatch(shape, said.read_bytes()):
                raise BadArchive(f"{file} is not to be trusted: what it says for {name!r} is none")
    if manifest.database != "SQLite":
        return
    try:
        if sqlite.examined(stage.path / "database" / "sqlite.db") == manifest.revision:
            return
        why = "it is of another revision than the list of contents says"
    except (apsw.Error, OSError) as error:
        why = str(error)
    raise BadArchive(f"{file}: its database is damaged: {why}; use another backup")


def _write(target: Path, content: Iterator[bytes]) -> None:
    """Write a private file, with holes where there are only zeros."""
    number = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(number, "wb", buffering=0) as file:
        for piece in content:
            for start in range(0, len(piece), _HOLE):
                part = piece[start : start + _HOLE]
                if any(part):
                    file.write(part)
                else:
                    file.seek(len(part), os.SEEK_CUR)
        file.truncate(file.tell())
        os.fsync(file.fileno())


def _keep_settings(state: StateFolder, stage: StateFolder) -> None:
    if not state.config.exists():
        raise CannotRestore(f"there is no {state.config} to keep")
    shutil.copy(state.config, stage.path / "state" / "config.toml")


def _settings(state: StateFolder, stage: StateFolder, manifest: Manifest) -> DatabaseSettings:
    """Return where the rows go. CannotRestore when the settings say another kind than the archive's."""
    try:
        settings = runtime_settings(StateFolder(stage.path / "state")).database
    except BadSetting as error:
        raise CannotRestore(f"the settings cannot be read: {error.fields['reason']}") from error
    if kind_of(settings) != manifest.database:
        text = (
            f"the archive has a database of {manifest.database}, and [database] url names {kind_of(settings)}"
        )
        raise CannotRestore(f"{text}: change it in {state.config}, and use --keep-settings")
    return settings


def _load(
    state: StateFolder, settings: DatabaseSettings, stage: StateFolder, manifest: Manifest, *, again: bool
) -> None:
    """Replace the rows; when that fails the cloud is as it was, unless half of it was exchanged before."""
    rows = stage.path / "database"
    try:
        asyncio.run(postgresql.load(settings.url, rows, manifest.revision, manifest.tables))
    except BaseException:
        if not again:
            state.unfinished.unlink()
        raise


def _exchange(state: StateFolder, stage: StateFolder) -> Path | None:
    """Put what is in the stage in the place of what is there, which is kept in a folder of its own."""
    kept = state.path / f"{_KEPT}-{clock.now():%Y%m%dT%H%M%SZ}"
    database = file_of(state)
    fresh = stage.path / "state"
    _settle_instance(state, fresh)
    for host in (fresh / FOLDER).glob("*"):
        _settle_instance(StateFolder(state.path / FOLDER / host.name), host)
    rows = [database.with_name(f"{database.name}{end}") for end in ("-wal", "-shm", "")]
    for old in (*rows, *(state.path / name for name in (*contents.FILES, *contents.KEYS))):
        if old.exists() and old.name != "instance":
            kept.mkdir(mode=0o700, exist_ok=True)
            old.rename(kept / old.name)
    for new in sorted(fresh.iterdir()):
        if new.name in (FOLDER, contents.IMAGES):
            _merge(new, state.path / new.name)
        else:
            new.rename(state.path / new.name)
    copy = stage.path / "database" / "sqlite.db"
    if copy.exists():
        copy.rename(database)
    os.sync()
    return kept if kept.exists() else None


def _settle_instance(state: StateFolder, fresh: Path) -> None:
    """Keep the folder's digits, by which the machine names what runs; else take the archive's if free."""
    if state.exists:
        (fresh / "instance").unlink(missing_ok=True)
        return
    found = fresh / "instance"
    digits = found.read_text(encoding="ascii").strip() if found.exists() else ""
    link = RUN / f"cumulo-{digits}"
    taken = link.is_symlink() and link.exists() and link.readlink() != state.run
    if not digits or taken:
        found.write_text(f"{state.instance}\n", encoding="ascii")


def _merge(new: Path, there: Path) -> None:
    """Move files to where they are missing: an image's bytes never change, a host that is there stays."""
    for file in sorted(path for path in new.rglob("*") if path.is_file()):
        target = there / file.relative_to(new)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not target.exists():
            file.rename(target)


def _strangers(state: StateFolder, settings: DatabaseSettings) -> list[str]:
    """Return the servers whose guests run and that the restored database does not know."""
    running = [guest for host in (state, *hosts_of(state)) for guest in running_guests(host)]
    if not running:
        return []
    if settings.url:
        return asyncio.run(postgresql.unknown_servers(settings.url, running))
    return sqlite.unknown_servers(file_of(state), running)
