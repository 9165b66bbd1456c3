"""Debian packages as material: fetched into a cache folder, verified, unpacked, never installed."""

import hashlib
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from cumulo.core.errors import Unavailable
from cumulo.runtime.images.tools import ToolFailed, run

_URI = re.compile(r"^'(?P<uri>[^']+)' (?P<file>\S+) (?P<size>\d+) SHA256:(?P<sha256>[0-9a-f]{64})$")


class Package(msgspec.Struct, frozen=True):
    """A package's file in the cache. `version` as Debian writes it."""

    name: str
    version: str
    path: Path
    sha256: str


class PackageUnavailable(Unavailable):
    """APT does not know the package, or its lists are missing."""


def dependency(name: str, pattern: str) -> str:
    """Return the one dependency of a (meta) package whose name fits `pattern`."""
    lines = run(["apt-cache", "depends", "--no-recommends", "--no-suggests", name]).splitlines()
    found = [line.split()[-1] for line in lines if line.strip().startswith("Depends:")]
    for candidate in found:
        if re.fullmatch(pattern, candidate):
            return candidate
    raise PackageUnavailable(f"{name} does not depend on {pattern}; run apt-get update")


def fetch(names: Sequence[str], cache: Path) -> dict[str, Package]:
    """Have these packages in `cache`, with the checksums of APT's signed lists; return them by name."""
    cache.mkdir(parents=True, exist_ok=True)
    # In an empty folder: APT passes over what lies where it runs.
    with tempfile.TemporaryDirectory(prefix="cumulo-apt-") as empty:
        listing = _apt("--print-uris", *names, cwd=Path(empty))
    packages = [_parse(line, cache) for line in listing.splitlines() if line.strip()]
    missing = [package for package in packages if not _is_whole(package)]
    if missing:
        _apt(*(f"{package.name}={package.version}" for package in missing), cwd=cache)
    for package in missing:
        if not _is_whole(package):
            raise PackageUnavailable(f"{package.path.name} does not have its listed SHA-256")
    return {package.name: package for package in packages}


def _apt(*words: str, cwd: Path | None = None) -> str:
    """Run `apt-get download`; what it lacks is mostly a fresh list."""
    options = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
    try:
        return run(["apt-get", *options, "-q", "download", *words], cwd=cwd)
    except ToolFailed as error:
        raise PackageUnavailable(f"{error}; run apt-get update") from error


def unpack(packages: Sequence[Package], target: Path) -> None:
    """Extract the packages' files under `target`, as `dpkg-deb -x` does."""
    target.mkdir(parents=True, exist_ok=True)
    for package in packages:
        run(["dpkg-deb", "-x", package.path, target])


def _parse(line: str, cache: Path) -> Package:
    match = _URI.match(line)
    if match is None:
        raise PackageUnavailable(f"apt-get said {line!r}")
    name, version, _ = match["file"].split("_")
    return Package(name, version.replace("%3a", ":"), cache / match["file"], match["sha256"])


def _is_whole(package: Package) -> bool:
    if not package.path.is_file():
        return False
    with package.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == package.sha256
