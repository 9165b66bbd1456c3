"""Unpack the archive of a container's root file system: it comes from a user, so nothing in it is believed.

Run as a program of its own, under limits, with four words: the archive, an empty folder, how many bytes may
come out, and the host's user id that is the container's root. Each entry's folder is opened from the target
step by step, and no step may be a link, so nothing is written elsewhere whatever the archive's links say.
Devices are left out (a container gets its own), owners are shifted, and sizes are counted while written.
"""

import os
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

IDS = 65536  # user and group ids that a container has
ENTRIES = 1_000_000
PIECE = 1 << 20
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class BadArchive(Exception):
    """The archive cannot be a container's root."""


class Unpacking:
    """One archive's way into the empty folder `target`."""

    def __init__(self, target: Path, limit: int, first_id: int) -> None:
        self._root = os.open(target, FOLDER)
        self._left = limit
        self._first = first_id
        os.fchown(self._root, first_id, first_id)
        os.fchmod(self._root, 0o755)

    def all(self, archive: Path) -> None:
        """Unpack everything. BadArchive."""
        try:
            with tarfile.open(archive, mode="r|*") as opened:
                for number, entry in enumerate(opened):
                    if number > ENTRIES:
                        raise BadArchive(f"it has more than {ENTRIES} entries")
                    self._one(opened, entry)
        except (tarfile.TarError, EOFError) as error:
            raise BadArchive(f"it is no whole tar archive: {error}") from error

    def _one(self, opened: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
        parts = parts_of(entry.name)
        if not parts:
            return
        with self._folder(parts[:-1]) as folder:
            if entry.isdir():
                self._make_folder(folder, parts[-1], entry)
            elif entry.isreg():
                self._write(opened, entry, folder, parts[-1])
            elif entry.issym():
                _clear(folder, parts[-1])
                os.symlink(entry.linkname, parts[-1], dir_fd=folder)
                self._own(folder, parts[-1], entry)
            elif entry.islnk():
                self._link(entry, folder, parts[-1])

    @contextmanager
    def _folder(self, parts: tuple[str, ...]) -> Iterator[int]:
        """Open a folder below the target, made where it is missing; a link on the way is no folder."""
        at = os.dup(self._root)
        try:
            for part in parts:
                try:
                    below = os.open(part, FOLDER, dir_fd=at)
                except FileNotFoundError:
                    os.mkdir(part, 0o755, dir_fd=at)
                    os.chown(part, self._first, self._first, dir_fd=at, follow_symlinks=False)
                    below = os.open(part, FOLDER, dir_fd=at)
                except OSError as error:
                    raise BadArchive(f"{part!r} is used as a folder and is none") from error
                os.close(at)
                at = below
            yield at
        finally:
            os.close(at)

    def _make_folder(self, folder: int, name: str, entry: tarfile.TarInfo) -> None:
        with suppress(FileExistsError):
            os.mkdir(name, 0o755, dir_fd=folder)
        try:
            made = os.open(name, FOLDER, dir_fd=folder)
        except OSError as error:
            raise BadArchive(f"{entry.name!r} is a folder and something else") from error
        try:
            os.fchown(made, self._shifted(entry.uid), self._shifted(entry.gid))
            os.fchmod(made, entry.mode & 0o7777)
        finally:
            os.close(made)

    def _write(self, opened: tarfile.TarFile, entry: tarfile.TarInfo, folder: int, name: str) -> None:
        _clear(folder, name)
        source = opened.extractfile(entry)
        made = os.open(name, NEW, 0o600, dir_fd=folder)
        with os.fdopen(made, "wb") as target:
            while source is not None and (piece := source.read(PIECE)):
                self._left -= len(piece)
                if self._left < 0:
                    raise BadArchive("it is larger than the server's disk")
                target.write(piece)
            os.fchown(target.fileno(), self._shifted(entry.uid), self._shifted(entry.gid))
            os.fchmod(target.fileno(), entry.mode & 0o7777)

    def _link(self, entry: tarfile.TarInfo, folder: int, name: str) -> None:
        goal = parts_of(entry.linkname)
        if not goal:
            raise BadArchive(f"{entry.name!r} links to nothing")
        _clear(folder, name)
        with self._folder(goal[:-1]) as other:
            try:
                os.link(goal[-1], name, src_dir_fd=other, dst_dir_fd=folder, follow_symlinks=False)
            except OSError as error:
                raise BadArchive(f"{entry.name!r} links to what is not there") from error

    def _own(self, folder: int, name: str, entry: tarfile.TarInfo) -> None:
        owner, group = self._shifted(entry.uid), self._shifted(entry.gid)
        os.chown(name, owner, group, dir_fd=folder, follow_symlinks=False)

    def _shifted(self, number: int) -> int:
        if not 0 <= number < IDS:
            raise BadArchive(f"its owner {number} is none of a container's {IDS}")
        return self._first + number


def parts_of(name: str) -> tuple[str, ...]:
    """Return the steps to an entry from the root. BadArchive when one leads up."""
    parts = tuple(part for part in PurePosixPath(name).parts if part not in ("/", "."))
    if ".." in parts or any("\0" in part for part in parts):
        raise BadArchive(f"{name!r} leads out of the archive")
    return parts


def _clear(folder: int, name: str) -> None:
    """Remove what an earlier entry of this name made; a folder stays, and is an error then."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise BadArchive(f"{name!r} is a folder and something else") from error


def main(words: list[str]) -> int:
    """Unpack as the command line says; say why not on standard error."""
    archive, target, limit, first = words
    try:
        Unpacking(Path(target), int(limit), int(first)).all(Path(archive))
    except BadArchive as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
