"""The cloud's database: SQLite in the state folder, or the PostgreSQL that the settings name."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cumulo.core.config import BadSetting
from cumulo.core.db import Database
from cumulo.core.errors import Error
from cumulo.runtime.settings import DatabaseSettings
from cumulo.runtime.state import StateFolder


async def open_database(state: StateFolder, settings: DatabaseSettings) -> Database:
    """Open it; a server is asked only when there is something to do. Raises BadSetting."""
    url = settings.url or f"sqlite:///{file_of(state)}"
    try:
        return await Database.open(url, connections=settings.connections, seconds=settings.statement_seconds)
    except (ValueError, Error) as error:
        reason = f"url: {reason_of(error)}"
        raise BadSetting(path=state.config, section="database", reason=reason) from error


def file_of(state: StateFolder) -> Path:
    """Return the file of a cloud that keeps its rows in SQLite."""
    return state.path / "cumulo.db"


def kind_of(settings: DatabaseSettings) -> str:
    """Return the name of the kind of database."""
    return "PostgreSQL" if settings.url.startswith("postgres") else "SQLite"


def shown(settings: DatabaseSettings) -> str:
    """Return in words which database it is, without a password."""
    if kind_of(settings) == "SQLite":
        return "SQLite"
    try:
        parts = urlsplit(settings.url)
        host = parse_qs(parts.query).get("host", [re.sub(r".*@", "", parts.netloc)])[0]
    except ValueError:
        return "PostgreSQL"
    return f"PostgreSQL's {parts.path.strip('/')} at {host or 'this machine'}"


def reason_of(error: Exception) -> str:
    """Return what a database said, for operators."""
    said = error.fields.get("reason") if isinstance(error, Error) else None
    return str(said or error)
