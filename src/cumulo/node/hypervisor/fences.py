"""Refuse a caller whose lease was taken over: the newest fence seen for each server is kept.

A fence is a number that grows each time a task's lease changes hands. A worker that was frozen,
lost its lease and woke again carries an older fence than its successor; acting on its calls would
undo the successor's work. Fence 0 means that the caller holds no lease, and is always let through.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from cumulo.core.drivers import Permanent
from cumulo.node.files import write_atomically

_HOUR, _DAY = 3600.0, 86400.0


class StaleFence(Permanent):
    """Another worker has taken over this server's task since."""


class Fences:
    """The newest fence seen for each server: a small file each, or in memory with no folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._newest: dict[str, int] = {}
        self._tidy_at = 0.0

    def pass_through(self, server_id: str, fence: int) -> None:
        """Note `fence`; raise StaleFence when a newer one was seen."""
        if self._is_new(server_id, fence):
            self._note(server_id, fence)

    @asynccontextmanager
    async def passing(self, server_id: str, fence: int) -> AsyncIterator[None]:
        """Note `fence`, on disk beside what is done meanwhile; it is noted when this ends. StaleFence."""
        if not self._is_new(server_id, fence):
            yield
            return
        noting = asyncio.create_task(asyncio.to_thread(self._note, server_id, fence))
        try:
            yield
        finally:
            await noting

    def _is_new(self, server_id: str, fence: int) -> bool:
        """Remember a fence; say whether it is newer than all. 0 is let through always. StaleFence."""
        if fence == 0:
            return False
        newest = self.newest(server_id)
        if fence < newest:
            raise StaleFence(f"fence {fence} of server {server_id} is older than {newest}")
        self._newest[server_id] = fence
        return fence > newest

    def _note(self, server_id: str, fence: int) -> None:
        if self._folder is not None:
            write_atomically(self._folder / server_id, str(fence).encode())

    def newest(self, server_id: str) -> int:
        """Return the newest fence seen for the server, 0 when none was."""
        if server_id not in self._newest:
            self._newest[server_id] = self._read(server_id)
        return self._newest[server_id]

    async def tidy(self, is_known: Callable[[str], bool]) -> None:
        """Drop what is kept of those gone for a day; at most once an hour, however often it is called."""
        now = time.time()
        if now >= self._tidy_at:
            self._tidy_at = now + _HOUR
            await asyncio.to_thread(self.forget_unless, is_known, now - _DAY)

    def forget_unless(self, is_known: Callable[[str], bool], before: float) -> None:
        """Drop what is kept of gone servers that were last fenced before `before` (epoch s). Blocks."""
        if self._folder is None or not self._folder.is_dir():
            return
        for file in self._folder.iterdir():
            if not is_known(file.name) and file.stat().st_mtime < before:
                file.unlink(missing_ok=True)
                self._newest.pop(file.name, None)

    def _read(self, server_id: str) -> int:
        if self._folder is None:
            return 0
        try:
            return int((self._folder / server_id).read_text())
        except (FileNotFoundError, ValueError):
            return 0
