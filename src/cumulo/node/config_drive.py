"""The config drive: an ISO 9660 image labelled `config-2` with the files of the metadata tree."""

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from cumulo.core.drivers import Permanent
from cumulo.node.commands import run
from cumulo.node.files import remove_tree

LABEL = "config-2"  # what cloud-init looks for
_WORK = ".config-"
LARGEST = 64 << 20  # bytes; the most that upstream writes on a config drive


async def write(path: Path, files: Mapping[str, bytes]) -> None:
    """Make `path` a config drive with these files, whole or not at all."""
    if sum(map(len, files.values())) > LARGEST:
        raise Permanent(f"a config drive holds at most {LARGEST} bytes")
    for left in await asyncio.to_thread(lambda: list(path.parent.glob(f"{_WORK}*"))):
        await remove_tree(left)  # of a process that was killed at this
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=_WORK) as work:
        tree, image = Path(work) / "tree", Path(work) / "image"
        await asyncio.to_thread(lay_out, tree, files)
        await run(*_command(image, tree))
        image.chmod(0o600)
        image.replace(path)


def lay_out(tree: Path, files: Mapping[str, bytes]) -> None:
    """Write the files below a new folder. Permanent when a path leads out of it."""
    tree.mkdir()
    for name, content in files.items():
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or not pure.parts:
            raise Permanent(f"{name!r} is no path inside a config drive")
        file = tree / pure
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _command(image: Path, tree: Path) -> tuple[str, ...]:
    """Joliet and Rock Ridge, so that every guest system sees the whole names."""
    flags = ("-quiet", "-J", "-r", "-V", LABEL, "-o", str(image), str(tree))
    if shutil.which("genisoimage"):
        return ("genisoimage", "-allow-lowercase", "-allow-multidot", "-l", *flags)
    if shutil.which("xorriso"):
        return ("xorriso", "-as", "mkisofs", *flags)
    raise Permanent("neither genisoimage nor xorriso is installed, so no config drive can be made")
