"""What tests do to a remembered hypervisor's calls: have them fail, or wait."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager

from cumulo.node.hypervisor.fences import Fences


class Interference:
    """Calls as they come in. calls: (verb, server id), in order."""

    def __init__(self) -> None:
        self.calls: deque[tuple[str, str]] = deque(maxlen=10_000)
        self._fences = Fences()
        self._failures: dict[str, list[Exception]] = defaultdict(list)
        self._held: dict[str, asyncio.Event] = {}

    def fail(self, verb: str, error: Exception, *, times: int = 1) -> None:
        """Have the next `times` calls of `verb` raise `error` before they do anything."""
        self._failures[verb].extend([error] * min(times, 10_000))

    @contextmanager
    def holding(self, verb: str) -> Iterator[None]:
        """Have calls of `verb` wait for the end of the block."""
        held = self._held[verb] = asyncio.Event()
        try:
            yield
        finally:
            del self._held[verb]
            held.set()

    async def _enter(self, verb: str, server_id: str = "", fence: int = 0) -> None:
        self.calls.append((verb, server_id))
        if held := self._held.get(verb):
            await held.wait()
        if self._failures[verb]:
            raise self._failures[verb].pop(0)
        if server_id:
            self._fences.pass_through(server_id, fence)
