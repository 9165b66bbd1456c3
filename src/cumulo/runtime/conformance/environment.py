"""Environments of test suites: each made once from its lock below `requirements`, anew when that changes."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

STAMP = "made-from"
TEMPEST = "conformance"
NETWORK = "conformance-network"  # with neutron's own plugin, which brings half of neutron's libraries along


def ensure(root: Path, name: str = TEMPEST) -> Path:
    """Return the `bin` folder of an environment below the checkout `root`, made when it is not there."""
    lock = root / "requirements" / f"{name}.lock"
    folder = root / f".venv-{name}"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    wanted = f"{sys.version_info.major}.{sys.version_info.minor} {digest}"
    stamp = folder / STAMP
    if stamp.exists() and stamp.read_text() == wanted:
        return folder / "bin"
    venv.create(folder, with_pip=True, clear=True)
    pip = [str(folder / "bin" / "pip"), "install", "-qq", "--require-hashes", "--requirement", str(lock)]
    subprocess.run(pip, check=True, stdin=subprocess.DEVNULL)
    stamp.write_text(wanted)
    return folder / "bin"
