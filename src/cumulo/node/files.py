"""Files that are whole or absent, whatever kills the process meanwhile; trees that strangers made."""

import os
import tempfile
from pathlib import Path

from cumulo.node.commands import run

REMOVING = 3600.0  # seconds that removing a tree may take


def write_atomically(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Make `path` hold `content`: written beside it, flushed to disk, then renamed over it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
        _sync_folder(path.parent)  # else a machine that loses its power may find the old one
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


async def remove_tree(folder: Path) -> None:
    """Remove a folder that a guest filled, as deep as it liked; none is no error.

    Python's own way keeps a file open and a call on the stack for each level, and fails at some hundreds.
    """
    await run("rm", "-rf", "--one-file-system", "--", str(folder), seconds=REMOVING)
