"""Processes that outlive us: started detached, found again by a record that a reused pid cannot fool."""

import contextlib
import os
import select
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LOG_LIMIT = 16 * 1024 * 1024  # bytes
_OF_CLIENTS = "OS_"  # what the variables begin with by which OpenStack's clients log in
_LAST = 4000  # bytes
MARK = "CUMULO_PART"  # the variable by which a process is found that no record tells of
_START_TIME = 19  # field of /proc/PID/stat after the command's closing parenthesis, from 0


@dataclass(frozen=True)
class Process:
    """A running process. `started` is in clock ticks since boot, which makes (pid, started) unique."""

    pid: int
    started: int

    def alive(self) -> bool:
        """Say whether it still runs (a zombie does not)."""
        return started(self.pid) == self.started

    def is_there(self) -> bool:
        """Say whether the kernel still knows it, be it as a zombie whose threads are still ending."""
        found = _look(self.pid)
        return found is not None and found[1] == self.started

    def terminate(self, number: int = signal.SIGTERM) -> None:
        """Send it a signal; nothing happens when it is gone, nor to another that has its pid by then."""
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(self.pid)
            try:
                if self.alive():
                    signal.pidfd_send_signal(descriptor, number)
            finally:
                os.close(descriptor)

    def wait(self, seconds: float) -> bool:
        """Wait for its end; False when it still runs after `seconds`."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            if not self.is_there():
                return True
            return bool(select.select([descriptor], [], [], seconds)[0])
        finally:
            os.close(descriptor)
            reap(self.pid)


class Record:
    """The file that says which process does a part's work."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, process: Process) -> None:
        """Note the process."""
        beside = self.path.with_suffix(".new")
        beside.write_text(f"{process.pid} {process.started}\n", encoding="ascii")
        beside.replace(self.path)

    def find(self, program: str | None = None) -> Process | None:
        """Return the process if it still runs, and runs `program` (a file's name begins so) if given."""
        try:
            pid, ticks = map(int, self.path.read_text(encoding="ascii").split())
        except (OSError, ValueError):
            return None
        process = Process(pid, ticks)
        if not process.alive() or (program and not _program(process.pid).startswith(program)):
            return None
        return process

    def remove(self) -> None:
        """Forget the process."""
        self.path.unlink(missing_ok=True)


def spawn(command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> Process:
    """Start a program in a session of its own, its output appended to `log`; do not wait for it."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions: list[tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, str(log), flags, 0o600),
    ]
    environment = {**lasting_environment(), **(env or {})}
    pid = os.posix_spawnp(  # a list of arguments, no shell
        command[0], list(command), environment, file_actions=actions, setsid=True
    )
    return Process(pid, started(pid) or -1)


def lasting_environment() -> dict[str, str]:
    """Return our environment for what outlives whoever called us: without the passwords of a client's."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OF_CLIENTS)}


def unrecorded(mark: str, program: str) -> Process | None:
    """Return the process of a program (its file's name begins so) that was spawned with a mark.

    For one whose starter was killed before it could write a record. Its own children have its mark too, but
    lead no session, or are other programs.
    """
    wanted = f"{MARK}={mark}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or is not ours to look into
            pid = int(folder.name)
            marked = wanted in (folder / "environ").read_bytes().split(b"\0")
            began = started(pid) if marked and os.getsid(pid) == pid else None
            if began is not None and _program(pid).startswith(program):
                return Process(pid, began)
    return None


def turn_over(logs: Path) -> None:
    """Copy each log that grew too long aside and begin it anew; programs go on appending to it."""
    for log in logs.glob("*.log"):
        with contextlib.suppress(OSError):  # somebody removed it; the others are turned over all the same
            if log.stat().st_size > LOG_LIMIT:
                _turn_over(log)


def _turn_over(log: Path) -> None:
    aside = log.with_suffix(".log.1")
    try:
        shutil.copyfile(log, aside)
    except OSError:  # the disk is full: what is newest is worth more than what is whole
        aside.unlink(missing_ok=True)
    os.truncate(log, 0)


def last_words(log: Path) -> str:
    """Return the last line of a program's log in a clause that can be shown with its failure."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return f"; its log ends with: {lines[-1][:300]}" if lines else ""


def reap(pid: int) -> str:
    """Let the kernel forget an ended child; say how it ended, if it was ours."""
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return ""
    if ended != pid:
        return ""
    code = os.waitstatus_to_exitcode(status)
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def started(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot; None when it is gone or a zombie."""
    found = _look(pid)
    return None if found is None or found[0] in "ZX" else found[1]


def _look(pid: int) -> tuple[str, int] | None:
    """Return a process's state letter and start time."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[_START_TIME])


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/exe").readlink().name.removesuffix(" (deleted)")
    except OSError:
        return ""
