"""Cumulo's own server, kept by the supervisor as an engine is."""

import asyncio
import contextlib
import sys
from collections.abc import Sequence

from cumulo.runtime.engines.engine import Engine
from cumulo.runtime.state import StateFolder

NAME = "server"
# glibc keeps what large blocks leave behind unless told so: some 18 MB after start (measured). The 2 MB
# that it keeps here spare a list of a thousand asking the kernel for each page of its answer.
FRUGAL = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "4194304",
    "MALLOC_TRIM_THRESHOLD_": "4194304",
}


def server(state: StateFolder, *, listen: str, port: int, after: Sequence[str]) -> Engine:
    """Return the server, which answers at `listen` and `port` once the engines it needs are up."""
    return Engine(
        name=NAME,
        program="python",
        command=[sys.executable, "-P", "-m", "cumulo.runtime.server", "--state", str(state.path)],
        env=FRUGAL,
        after=tuple(after),
        ready=lambda: answers(state, listen, port),
        for_guests=False,
    )


async def answers(state: StateFolder, host: str, port: int) -> bool:
    """Say whether this very cloud's server, no other on its port, says that it is ready."""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  compared, not bound
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(anywhere.get(host, host), port)
            with contextlib.closing(writer):
                writer.write(b"GET /readyz HTTP/1.1\r\nHost: cumulo\r\nConnection: close\r\n\r\n")
                answer = await reader.read()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    except (OSError, TimeoutError):
        return False
    head, _, body = answer.partition(b"\r\n\r\n")
    return b" 200 " in head[:20] and f'"{state.instance}"'.encode() in body
