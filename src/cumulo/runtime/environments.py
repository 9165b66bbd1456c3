"""Virtual environments beside the product's own: the official client's, Tempest's.

Each is made once from `requirements/NAME.lock` into `.venv-NAME` of the checkout, and anew when the lock
changes.
"""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

STAMP = "made-from"


def ensure(root: Path, name: str) -> Path:
    """Return the `bin` folder of an environment, made below the checkout `root` when it is not there."""
    lock = root / "requirements" / f"{name}.lock"
    folder = root / f".venv-{name}"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    wanted = f"{sys.version_info.major}.{sys.version_info.minor} {digest}"
    stamp = folder / STAMP
    if stamp.exists() and stamp.read_text() == wanted:
        return folder / "bin"
    venv.create(folder, with_pip=True, clear=True)
    pip = [str(folder / "bin" / "pip"), "install", "-qq", "--require-hashes", "--requirement", str(lock)]
    subprocess.run(pip, check=True, stdin=subprocess.DEVNULL)  # noqa: S603  its own pip
    stamp.write_text(wanted)
    return folder / "bin"
