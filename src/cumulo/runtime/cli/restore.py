"""`cumulo restore FILE`: the control plane from an archive that `cumulo backup` made."""

import argparse
import sys
from pathlib import Path

from cumulo.runtime.backup import archive
from cumulo.runtime.backup.archive import Manifest
from cumulo.runtime.backup.errors import BadArchive, CannotRestore
from cumulo.runtime.backup.restoring import restore
from cumulo.runtime.calling import as_called
from cumulo.runtime.state import StateFolder


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="what `cumulo backup` wrote")
    parser.add_argument("--check", action="store_true", help="only read it whole and say what it holds")
    parser.add_argument(
        "--force", action="store_true", help="replace the control plane of a cloud that is there"
    )
    parser.add_argument(
        "--keep-settings", action="store_true", help="leave the folder's own config.toml as it is"
    )


def run(options: argparse.Namespace) -> int:
    """Restore it, and say how to go on; 1 when it cannot be, and nothing was changed."""
    state = StateFolder(options.state)
    try:
        if options.check:
            print(f"{options.file} is whole: {_described(archive.read(options.file))}")
            return 0
        done = restore(state, options.file, force=options.force, keep_settings=options.keep_settings)
    except (BadArchive, CannotRestore) as error:
        print(f"cumulo: {as_called(str(error), state)}", file=sys.stderr)
        return 1
    print(f"restored into {state.path}: {_described(done.manifest)}")
    if done.kept:
        print(f"what was there before is in {done.kept}: remove it once all is well")
    if not done.manifest.images:
        print("images' data was not in the archive: images that the folder has not are without it")
    for server in done.strangers:
        print(f"the guest of server {server} runs and the database does not know it: made after the backup")
    print(as_called("go on with: `cumulo up`", state))
    return 0


def _described(manifest: Manifest) -> str:
    made = f"{manifest.made:%Y-%m-%d %H:%M:%S} UTC"
    rows = f"{manifest.database} at {manifest.revision}" + (" and images" if manifest.images else "")
    return f"cloud {manifest.cloud} of {manifest.host}, {made}, {rows}"
