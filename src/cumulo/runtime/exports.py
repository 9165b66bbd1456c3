"""What exports a cloud's volumes: daemons that outlive the cloud, found by their pid files."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from cumulo.runtime.engines.processes import Process, started
from cumulo.runtime.state import StateFolder

_STORAGE_DAEMON, _ISCSI_TARGET = "pid", "tgtpid"  # how their files' names end, in `node/volumes`


def storage_daemons(state: StateFolder) -> dict[str, Process]:
    """Return QEMU's daemons that run, by the names of what they export."""
    return dict(_running(state, _STORAGE_DAEMON))


def exporters(state: StateFolder) -> list[Process]:
    """Return all that exports: also iSCSI's targets."""
    return [process for kind in (_STORAGE_DAEMON, _ISCSI_TARGET) for _, process in _running(state, kind)]


def _running(state: StateFolder, kind: str) -> Iterator[tuple[str, Process]]:
    for file in sorted(state.run.glob(f"volumes/*/*.{kind}")):
        with contextlib.suppress(OSError, ValueError):  # it has ended
            pid = int(file.read_text(encoding="ascii"))
            began = started(pid)
            if began is not None and file.name.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                yield file.stem, Process(pid, began)
