"""The noVNC page's files, from Debian's package `novnc`."""

import functools
import mimetypes
from pathlib import Path, PurePosixPath

import msgspec

FOLDER = Path("/usr/share/novnc")
PAGE = "vnc_lite.html"
TYPES = {  # what mimetypes does not know everywhere
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff": "font/woff",
    ".ttf": "font/ttf",
    ".oga": "audio/ogg",
}
HEADERS = {
    "content-security-policy": (
        "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; "
        "style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; "
        "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
    ),
    "referrer-policy": "no-referrer",  # the address holds a token
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}


class StaticFile(msgspec.Struct, frozen=True):
    """A file's content, its type, and the headers to send with it."""

    content: bytes
    content_type: str
    headers: dict[str, str]


def find(path: str, folder: Path = FOLDER) -> StaticFile | None:
    """Return a file below the folder by its URL path; None when there is none, or it lies outside.

    The empty path is the page itself. Links out of the folder (Debian links some files to other
    packages) are followed only when the folder's owner made them: what is asked for never has `..`.
    """
    pure = PurePosixPath(path or PAGE)
    hidden = any(part in ("..", ".") or part.startswith(".") for part in pure.parts)
    if pure.is_absolute() or hidden or "\\" in path or "\0" in path:
        return None
    file = folder / pure
    try:
        changed = file.stat().st_mtime_ns if file.is_file() else None
    except OSError:  # a name longer than names may be
        return None
    return None if changed is None else _load(file, changed)


@functools.lru_cache(maxsize=256)
def _load(file: Path, _changed: int) -> StaticFile:
    guessed = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return StaticFile(file.read_bytes(), TYPES.get(file.suffix, guessed), HEADERS)
