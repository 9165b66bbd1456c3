"""`cumulo image build mini|debian`: make a guest image from Debian packages."""

import argparse
import hashlib
import os
import time
from functools import partial
from pathlib import Path

from cumulo.runtime.images import tools
from cumulo.runtime.images.debian import build_debian
from cumulo.runtime.images.mini import build_mini
from cumulo.runtime.images.packages import PackageUnavailable
from cumulo.runtime.state import StateFolder

BUILDERS = {"debian": build_debian, "mini": build_mini}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    build = verbs.add_parser("build", help="build an image file")
    build.add_argument("image", choices=sorted(BUILDERS))
    build.add_argument("--output", type=Path, help="the qcow2 file to write (./<image>.qcow2)")
    build.add_argument("--cache", type=Path, help="where to keep Debian packages (STATE/cache/packages)")


def run(options: argparse.Namespace) -> int:
    """Build the image and print where it is, how large, and its hash."""
    start = time.monotonic()
    output: Path = options.output or Path(f"{options.image}.qcow2")
    cache: Path = options.cache or StateFolder(options.state).path / "cache" / "packages"

    def say(text: str) -> None:
        print(f"{time.monotonic() - start:6.1f} s  {text}", flush=True)

    build = partial(BUILDERS[options.image], output, cache=cache, say=say)
    try:
        build()
    except PackageUnavailable:
        if os.geteuid() != 0:
            raise
        say("reading Debian's lists of packages anew")
        tools.run(["apt-get", "-q", "update"])
        build()
    with output.open("rb") as file:
        digest = hashlib.file_digest(file, "sha512").hexdigest()
    print(f"{output}  {output.stat().st_size / 1e6:.1f} MB  sha512 {digest[:32]}…")
    return 0
