"""The state folder: who may read it, the settings, the keys and the database."""

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import sqlalchemy

from cumulo.core import clock
from cumulo.core.auth.keys import KeyFolder
from cumulo.core.config import BadSetting
from cumulo.core.db import migrations
from cumulo.core.errors import Error
from cumulo.runtime.backup import sqlite
from cumulo.runtime.backup.contents import KEYS
from cumulo.runtime.composition import sections
from cumulo.runtime.database import file_of, open_database, reason_of, shown
from cumulo.runtime.doctor.findings import Finding, bad, note, well
from cumulo.runtime.engines import certificates
from cumulo.runtime.engines.authority import is_turning
from cumulo.runtime.hosts.folder import hosts_of
from cumulo.runtime.services import all_services
from cumulo.runtime.settings import DatabaseSettings, runtime_settings
from cumulo.runtime.state import StateFolder

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SKEW = 30.0  # seconds between a database's clock and ours
_SECRETS = ("admin-password", "demo-password", "clouds.yaml", "openrc", "admin-openrc", "cumulo.db", *KEYS)
_FACTS = """
SELECT current_setting('server_version'),
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend'),
    extract(epoch FROM clock_timestamp())::float
"""
_RESTORE = "`cumulo restore FILE --force` with the last backup"


def access(state: StateFolder) -> Iterator[Finding]:
    """See that nobody but root may read what is in the folder, and that root can write."""
    if not state.exists:
        return
    found = state.path.stat()
    if found.st_uid != os.geteuid():
        mend = f"chown root: {state.path}"
        yield bad("folder", f"{state.path} belongs to user {found.st_uid}", mend)
    open_ones = [] if not found.st_mode & _OTHERS else [*_readable(state.path)]
    if open_ones:
        text = f"others may read {', '.join(sorted(open_ones))} in {state.path}"
        yield bad("folder", text, f"chmod -R go= {state.path}; if others were there: `cumulo keys rotate`")
    elif found.st_mode & stat.S_IWOTH:
        yield bad("folder", f"everybody may write in {state.path}", f"chmod 700 {state.path}")
    if not _is_writable(state.path):
        mend = f"dmesg says why; mount -o remount,rw $(findmnt -no TARGET --target {state.path})"
        yield bad("folder", f"{state.path} cannot be written to", mend)


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK) and not os.statvfs(path).f_flag & os.ST_RDONLY


def _readable(folder: Path) -> Iterator[str]:
    for name in _SECRETS:
        file = folder / name
        if file.exists() and file.stat().st_mode & _OTHERS:
            yield name


def settings(state: StateFolder) -> Iterator[Finding]:
    """See that every section and key of the file is known, and that every value fits."""
    if not state.config.exists():
        return
    try:
        sections(state, all_services())
        runtime_settings(state)
    except BadSetting as error:
        section = f"[{error.fields['section']}] " if error.fields["section"] else ""
        text = f"{state.config}: {section}{error.fields['reason']}"
        yield bad("settings", text, f"edit {state.config}; docs/operating.md lists the settings")
    except (OSError, UnicodeDecodeError) as error:
        yield bad("settings", f"{state.config} cannot be read: {error}", "make it a text that root may read")
    else:
        yield well("settings", f"{state.config} is understood")


def keys(state: StateFolder) -> Iterator[Finding]:
    """Read what seals tokens and secrets: lost keys are lost secrets."""
    if not (state.path / "first-contents").exists():
        return  # it has not worked yet, and makes them when it does
    whole = True
    for name in KEYS:
        folder = state.path / name
        files = sorted(folder.glob("*.key")) if folder.is_dir() else []
        if not files:
            mend = f"{_RESTORE}; without one `cumulo up` makes new ones, and what the old ones sealed is lost"
            yield bad("keys", f"{folder} has no key", mend)
            whole = False
            continue
        try:
            KeyFolder(folder, b"")
        except (OSError, ValueError, KeyError, TypeError) as error:
            whole = False
            broken = next((file for file in files if not _is_key(file)), folder)
            yield bad("keys", f"{broken} cannot be read: {error}", _RESTORE)
    if whole:
        yield well("keys", f"{', '.join(KEYS)} are whole")


def authority(state: StateFolder) -> Iterator[Finding]:
    """See that the hosts believe each other, or running guests go from none to another."""
    mend = "`cumulo keys rotate --authority`"
    unbelieved = certificates.strangers([state, *hosts_of(state)])
    if unbelieved:
        names = ", ".join(host.host for host in unbelieved)
        yield bad("keys", f"not all hosts believe the certificate of {names}: no guest moves there", mend)
    elif is_turning(state.path / certificates.AUTHORITY):
        yield note("keys", "a turn of the hosts' authority was begun and not ended", mend)


def _is_key(file: Path) -> bool:
    try:
        return b'"key"' in file.read_bytes() and file.read_bytes().endswith(b"}")
    except OSError:
        return False


def unfinished(state: StateFolder) -> Iterator[Finding]:
    """Look for a restore that was interrupted."""
    if state.unfinished.exists():
        text = f"a restore into {state.path} was not finished"
        yield bad("restore", text, "`cumulo restore FILE` again")


def database(state: StateFolder) -> Iterator[Finding]:
    """See that the database answers, is whole, and is of a revision that this code knows."""
    settings = runtime_settings(state).database
    if settings.url:
        yield from _postgresql(state, settings)
    elif (state.path / "first-contents").exists():
        yield from _sqlite(file_of(state))


def _sqlite(file: Path) -> Iterator[Finding]:
    if not file.exists():
        yield bad("database", f"{file} is missing", f"{_RESTORE}; else `cumulo up` begins an empty cloud")
        return
    try:
        revision = sqlite.examined(file)
        migrations.script("sqlite", revision)
    except (apsw.IOError, apsw.FullError) as error:
        yield note("database", f"{file} was not read: {error}", "mend the disk first, then ask again")
    except apsw.BusyError:
        yield note("database", "SQLite is busy and was not read", "ask again")
    except apsw.CantOpenError as error:
        yield bad("database", f"{file} cannot be opened: {error}", f"chown root: {file}*; chmod 600 {file}*")
    except apsw.Error as error:
        yield bad("database", f"{file} is damaged: {error}", f"`cumulo down`, then {_RESTORE}")
    except migrations.NewerDatabase:
        yield _newer("SQLite", revision)
    else:
        yield well("database", f"SQLite is whole, at revision {revision}")


def _newer(what: str, revision: str | None) -> Finding:
    mend = f"run the newer Cumulo again, or {_RESTORE} of before its upgrade"
    return bad("database", f"{what} is at revision {revision}, which only a newer Cumulo knows", mend)


def _postgresql(state: StateFolder, settings: DatabaseSettings) -> Iterator[Finding]:
    try:
        (version, free, now), revision = asyncio.run(_asked(state, settings))
    except migrations.NewerDatabase as error:
        yield _newer(shown(settings), error.fields["revision"])
        return
    except (Error, ValueError) as error:
        mend = f"start it, or mend [database] url in {state.config}; the cloud goes on by itself"
        yield bad("database", f"{shown(settings)} cannot be used: {reason_of(error)}", mend)
        return
    at = f", at revision {revision}" if revision else ", empty"
    yield well("database", f"{shown(settings)} answers, version {version}{at}")
    if free < settings.connections:
        mend = "raise its max_connections, or lower [database] connections"
        yield note("database", f"only {free} more connections are allowed", mend)
    if abs(now - clock.now().timestamp()) > _SKEW:
        text = f"its clock and ours are {abs(now - clock.now().timestamp()):.0f} s apart"
        yield bad("clock", text, "have both machines keep time: `timedatectl set-ntp true`")


async def _asked(state: StateFolder, settings: DatabaseSettings) -> tuple[tuple[Any, ...], str | None]:
    """Return PostgreSQL's version, how many more connections it allows and its time; and the revision."""
    database = await open_database(state, settings)
    try:
        async with database.read() as db:
            revision = await migrations.current(db, database.dialect)
            migrations.script(database.dialect, revision)
            return (await db.rows(sqlalchemy.text(_FACTS)))[0], revision
    finally:
        await database.close()
