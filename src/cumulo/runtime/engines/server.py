"""Cumulo's own server, kept by the supervisor as an engine is."""

import asyncio
import contextlib
import sys
from collections.abc import Sequence

from cumulo.runtime.engines.engine import Engine
from cumulo.runtime.state import StateFolder

NAME = "server"


def server(state: StateFolder, *, listen: str, port: int, after: Sequence[str]) -> Engine:
    """Return the server, which answers at `listen` and `port` once the engines it needs are up."""
    return Engine(
        name=NAME,
        program="python",
        command=[sys.executable, "-P", "-m", "cumulo.runtime.server", "--state", str(state.path)],
        after=tuple(after),
        ready=lambda: answers(listen, port),
        for_guests=False,
    )


async def answers(host: str, port: int, path: str = "/readyz") -> bool:
    """Say whether an HTTP server answers 200 to a GET."""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  compared, not bound
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(anywhere.get(host, host), port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: cumulo\r\nConnection: close\r\n\r\n".encode())
            line = await reader.readline()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    except (OSError, TimeoutError):
        return False
    return b" 200 " in line
