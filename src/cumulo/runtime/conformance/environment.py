"""Tempest's own environment: made once from `requirements/conformance.lock`, anew when that changes."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

STAMP = "made-from"


def ensure(root: Path) -> Path:
    """Return the `bin` folder of the environment below the checkout `root`, made when it is not there."""
    lock = root / "requirements" / "conformance.lock"
    folder = root / ".venv-conformance"
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
