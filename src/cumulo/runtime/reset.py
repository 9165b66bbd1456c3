"""Remove everything that a cloud made on this machine."""

import contextlib
import shutil
import signal
import subprocess
import time
from pathlib import Path

from cumulo.node.ports import taps
from cumulo.runtime import clouds
from cumulo.runtime.exports import exporters
from cumulo.runtime.state import StateFolder

_DEVICES = Path("/sys/class/net")
_TRIES, _PAUSE = 20, 0.5  # seconds
_LAST = {"instance", "number"}
_NAMESPACES = Path("/run/netns")


def findings(state: StateFolder) -> list[str]:
    """Return in words what a reset would remove."""
    lines = [f"the folder {state.path} with the database, images and all servers' disks"]
    lines += [f"the network device {name}" for name in devices(state)]
    lines += [f"the network namespace {name}" for name in namespaces(state)]
    return lines


def devices(state: StateFolder) -> list[str]:
    """Return the network devices that are the cloud's: bridges, and guests' taps, which outlive them."""
    bridges = sorted(path.name for path in _DEVICES.glob(f"cu{state.instance}-*"))
    return bridges + sorted(taps.owned(f"cumulo:{state.instance}:"))


def namespaces(state: StateFolder) -> list[str]:
    """Return the cloud's network namespaces."""
    return sorted(path.name for path in _NAMESPACES.glob(f"cu{state.instance}-*"))


def remove(state: StateFolder) -> None:
    """Remove it all; the cloud is stopped already."""
    for name in namespaces(state):
        _run("ip", "netns", "delete", name)
    for name in devices(state):
        _run("ip", "link", "delete", name)
    for process in exporters(state):
        process.terminate(signal.SIGKILL)
    clouds.remove_home(state)
    shutil.rmtree(Path(f"/run/cu{state.instance}-vnc"), ignore_errors=True)
    link = state.short_run
    if link.is_symlink() and link.readlink() == state.run:
        link.unlink()
    elif link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)  # made by what ran on while the link was gone
    for _ in range(_TRIES):
        # A killed server may leave an image's builder behind, which writes here until it is done.
        with contextlib.suppress(OSError):
            _remove_folder(state)
        if not state.path.exists():
            return
        time.sleep(_PAUSE)
    _remove_folder(state)


def _remove_folder(state: StateFolder) -> None:
    """Remove the folder, last what makes it a cloud's or a host's: who cuts this short can ask again."""
    for entry in state.path.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name not in _LAST:
            entry.unlink(missing_ok=True)
    shutil.rmtree(state.path)


def _run(*command: str) -> str:
    """Run a program; what cannot be removed because it is gone is no error."""
    done = subprocess.run(  # noqa: S603  a list of arguments of our own
        command, check=False, capture_output=True, text=True
    )
    return done.stdout
