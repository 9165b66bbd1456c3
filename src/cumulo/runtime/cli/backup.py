"""`cumulo backup [FILE]`: the control plane in one file. `backup verify`: are backups of volumes whole?"""

import argparse
import sys
from pathlib import Path

from cumulo.runtime.backup import contents
from cumulo.runtime.backup.errors import CannotBackUp
from cumulo.runtime.backup.making import default_name, make
from cumulo.runtime.calling import as_called
from cumulo.runtime.cli.volume_backups import verify_all
from cumulo.runtime.state import StateFolder

_VERIFY = "verify"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="the archive, or a folder for it (./cumulo-<cloud>-<time>.backup); "
        "`verify`: read backups of volumes instead and hold every byte against its hash",
    )
    parser.add_argument(
        "backup", nargs="?", metavar="ID", help="with `verify`: one backup and what it builds on"
    )
    parser.add_argument("--images", action="store_true", help="with images' data, which may be large")


def run(options: argparse.Namespace) -> int:
    """Do it; the status is 1 when no archive was made, or one of a volume is not whole."""
    state = StateFolder(options.state)
    try:
        if options.file == _VERIFY:
            return 1 if verify_all(state, options.backup) else 0
        target = _target(state, options)
        manifest = make(state, target, images=options.images)
    except (CannotBackUp, ValueError) as error:
        print(f"cumulo: {as_called(str(error), state)}", file=sys.stderr)
        return 1
    size = target.stat().st_size / 1e6
    print(
        f"{target}  {size:.1f} MB, {len(manifest.members)} files, {manifest.database} at {manifest.revision}"
    )
    print("It holds all keys and passwords of the cloud: keep it where only you can read it.")
    for line in contents.left_out(state, with_images=options.images):
        print(f"not in it: {line}")
    return 0


def _target(state: StateFolder, options: argparse.Namespace) -> Path:
    if options.backup is not None:
        raise CannotBackUp(
            f"{options.backup}: one FILE is enough (`cumulo backup verify ID` reads a volume's)"
        )
    target = Path(options.file or ".")
    return target / default_name(state) if target.is_dir() else target
