"""Running the programs that the builders need."""

import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cumulo.core.errors import Unavailable

# A fixed instant (2023-11-14T22:13:20Z) that every file in every image bears, so that two builds are equal.
EPOCH = 1_700_000_000

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
    "TZ": "UTC",
    "SOURCE_DATE_EPOCH": str(EPOCH),
    "E2FSPROGS_FAKE_TIME": str(EPOCH),  # mke2fs and debugfs take this for the present
    "MTOOLS_SKIP_CHECK": "1",
}

# Program → the Debian package that brings it.
PACKAGES = {
    "apt-cache": "apt",
    "apt-get": "apt",
    "debugfs": "e2fsprogs",
    "depmod": "kmod",
    "dpkg-deb": "dpkg",
    "mcopy": "mtools",
    "mformat": "mtools",
    "mmd": "mtools",
    "mke2fs": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
    "qemu-img": "qemu-utils",
    "syslinux": "syslinux",
}


class ToolMissing(Unavailable):
    """A program is not installed."""


class ToolFailed(Unavailable):
    """A program ended with an error."""


def require(programs: Iterable[str]) -> None:
    """Raise ToolMissing, naming all packages to install, unless every program is there."""
    missing = sorted(
        {PACKAGES[name] for name in programs if not shutil.which(name, path=ENVIRONMENT["PATH"])}
    )
    if missing:
        raise ToolMissing(f"not installed: {' '.join(missing)} (apt-get install {' '.join(missing)})")


def run(
    arguments: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    stdin: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a program to its end and return its standard output; its errors are in ToolFailed."""
    done = subprocess.run(  # noqa: S603  argument lists only, programs named in this package
        [str(argument) for argument in arguments],
        cwd=cwd,
        input=stdin,
        env={**ENVIRONMENT, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        tail = (done.stderr or done.stdout).strip()[-2000:]
        raise ToolFailed(f"{arguments[0]} ended with {done.returncode}: {tail}")
    return done.stdout
