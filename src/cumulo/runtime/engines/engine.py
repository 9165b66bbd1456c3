"""What the supervisor must know of one program that it keeps running, and how to ask whether it is up."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cumulo.runtime.calling import Hindrance


class CommandFailed(Hindrance):
    """A program that an engine needs for its settings failed."""


async def nothing() -> None:
    """Do nothing: the hook of an engine that needs none."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One program to keep running.

    ready: asked until it says yes. after: names that must be ready first. before_start and once_ready run
    at each start, once_stopped when it has ended; all must bear being run again.
    stop: a command that ends it in good order, else SIGTERM does. for_guests: guests need it, so it goes
    on running while there are any.
    """

    name: str
    program: str
    command: Sequence[str]
    ready: Callable[[], Awaitable[bool]]
    env: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    before_start: Callable[[], Awaitable[None]] = nothing
    once_ready: Callable[[], Awaitable[None]] = nothing
    once_stopped: Callable[[], Awaitable[None]] = nothing
    stop: Sequence[str] | None = None
    for_guests: bool = True


async def run(*command: str, seconds: float = 20) -> str:
    """Run a program to its end and return what it printed; CommandFailed with its words otherwise."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise CommandFailed(f"{command[0]}: no end after {seconds:g} seconds") from None
    if process.returncode != 0:
        raise CommandFailed(f"{command[0]}: {err.decode(errors='replace').strip()}")
    return out.decode(errors="replace")


async def listens(path: Path) -> bool:
    """Say whether something accepts connections on a Unix socket."""
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    await _close(writer)
    return True


async def ovsdb_answers(path: Path) -> bool:
    """Say whether an OVSDB server (RFC 7047) answers an echo on a Unix socket."""
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    try:
        async with asyncio.timeout(2):
            writer.write(b'{"method":"echo","params":[],"id":0}')
            answer = await reader.readuntil(b"}")
        return bool(json.loads(answer)["id"] == 0)
    except (TimeoutError, ValueError, OSError, asyncio.IncompleteReadError):
        return False
    finally:
        await _close(writer)


async def says(word: str, *command: str) -> bool:
    """Say whether a program succeeds and prints `word`."""
    try:
        return word in await run(*command, seconds=3)
    except CommandFailed:
        return False


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
