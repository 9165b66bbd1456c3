"""Run a program: an argument list, a time limit, and its own words when it fails."""

import asyncio
import functools
import shutil
import signal
import tempfile
from collections.abc import Sequence

import msgspec

from cumulo.core.drivers import Permanent, Temporary

MEMORY = 4 << 30  # bytes of address space; each thread of qemu-img reserves 72 MiB that it hardly touches
SECONDS = 600  # of processor time, for images of hundreds of GiB


class Limits(msgspec.Struct, frozen=True):
    """What a program that reads untrusted input may use at most: bytes, processor seconds.

    file_size: bytes of a file that it writes; None: any.
    """

    memory: int = MEMORY
    seconds: int = SECONDS
    file_size: int | None = None

    def around(self, program: str) -> tuple[str, ...]:
        """Return the words to put before a command so that the kernel enforces these limits."""
        prlimit = shutil.which("prlimit")
        if prlimit is None:
            raise Permanent(f"prlimit is not installed, so {program} cannot be run safely")
        written = () if self.file_size is None else (f"--fsize={self.file_size}",)
        return (prlimit, f"--as={self.memory}", f"--cpu={self.seconds}", *written, "--core=0", "--")


class CommandFailed(Permanent):
    """The program ended with an error; the message holds its last words."""


async def run(
    *command: str, seconds: float = 60, limits: Limits | None = None, keep: Sequence[int] = ()
) -> str:
    """Run a program, which inherits the file descriptors to `keep`, and return what it printed.

    It ends with this process: else it would still write to a file when the next try makes that anew.
    Raises CommandFailed when it ends with an error, Temporary when it is not done in `seconds`.
    """
    words = (*_mortal(), *(limits.around(command[0]) if limits else ()), *command)
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        pass_fds=keep,
    )
    try:
        async with asyncio.timeout(seconds):
            printed, complaint = await process.communicate()
    except TimeoutError:
        raise Temporary(f"{command[0]} was not done within {seconds} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        reason = _reason(command[0], process.returncode, complaint)
        raise CommandFailed(reason, public=f"{command[0]} failed on the host")
    return printed.decode(errors="replace")


@functools.cache
def _mortal() -> tuple[str, ...]:
    """Return the words by which the kernel kills a program once we are gone, killed or not."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL") if setpriv else ()


async def launch(*command: str, seconds: float = 60) -> None:
    """Run a program that goes on in the background by itself; return once it does. Errors as `run`.

    What it complains of goes to a file, not a pipe: uvloop leaves a child its pipes' other ends, so one
    that lives on would never let us see their end.
    """
    with tempfile.TemporaryFile() as complaint:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=complaint,
        )
        try:
            async with asyncio.timeout(seconds):
                await process.wait()
        except TimeoutError:
            raise Temporary(f"{command[0]} was not started within {seconds} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            complaint.seek(0)
            reason = _reason(command[0], process.returncode, complaint.read())
            raise CommandFailed(reason, public=f"{command[0]} failed on the host")


def _reason(program: str, code: int | None, complaint: bytes) -> str:
    words = " ".join(complaint.decode(errors="replace").split())[-500:]
    ended = f"status {code}" if code is None or code >= 0 else signal.Signals(-code).name
    return f"{program} failed ({ended}): {words}" if words else f"{program} failed ({ended})"
